import type { ASTNode } from '@marcbachmann/cel-js'
import { childrenOf, outerName } from './expression.ts'

/**
 * The smallest parts of a condition that keep it from being true (or false): of `a >= 3 && b == 1`, those of both sides that do
 * not hold. A part is not looked into further: a comparison, a call, a macro as a whole.
 */
export interface Part<Moment> {
  /** As it stands in the source. */
  readonly text: string
  readonly node: ASTNode
  /** What it would have to be. */
  readonly wanted: boolean
  /** undefined: it can't be evaluated. */
  readonly value: boolean | undefined
  readonly leaves: readonly Leaf<Moment>[]
}

/** What a part reads: a variable, or a member of one, as far as its keys are constant: `views_5m`, `properties.cart.total`. */
export interface Leaf<Moment> {
  readonly node: ASTNode
  /** The variable. */
  readonly name: string
  /** The members that lead on from there. */
  readonly path: readonly string[]
  readonly read: (moment: Moment) => unknown
}

type Evaluator<Moment> = (node: ASTNode) => (moment: Moment) => unknown

/**
 * The parts because of which the condition is not `wanted`, in the order of the source; none where it is.
 * @param evaluator compiles any node of the tree
 */
export function partsAgainst<Moment>(
  tree: ASTNode,
  moment: Moment,
  evaluator: Evaluator<Moment>,
  wanted = true,
): Part<Moment>[] {
  const against = (node: ASTNode, want: boolean): Part<Moment>[] => {
    const result = evaluator(node)(moment)
    const value = typeof result === 'boolean' ? result : undefined
    if (value === want) return []
    switch (node.op) {
      case '&&':
      case '||':
        return node.args.flatMap((child) => against(child, want))
      case '!_':
        return against(node.args, !want)
      case '?:': {
        const [condition, yes, no] = node.args
        const way = evaluator(condition)(moment)
        if (typeof way !== 'boolean') return against(condition, true)
        return against(way ? yes : no, want)
      }
      default:
        return [{ text: textOf(node), node, wanted: want, value, leaves: leavesOf(node, evaluator) }]
    }
  }
  return against(tree, wanted)
}

export const textOf = ({ input, start, end }: ASTNode) => input.slice(start, end)

/** All that an expression reads, each once, in the order of the source. */
export function leavesOf<Moment>(tree: ASTNode, evaluator: Evaluator<Moment>): Leaf<Moment>[] {
  const leaves = new Map<string, Leaf<Moment>>()
  const collect = (node: ASTNode, bound: ReadonlySet<string>): void => {
    const found = placeOf(node)
    if (found !== undefined) {
      if (bound.has(found.name)) return
      const key = nameOfLeaf(found)
      if (!leaves.has(key)) leaves.set(key, { node, ...found, read: evaluator(node) })
      return
    }
    if (node.op === 'value' || node.op === 'id') return
    const [variable] = node.op === 'rcall' ? node.args[2] : []
    const names = node.op === 'rcall' && node.args[2].length > 1 && variable?.op === 'id' ? [variable.args] : []
    const inner = names.length === 0 ? bound : new Set([...bound, ...names])
    for (const child of childrenOf(node.args)) collect(child, inner)
  }
  collect(tree, new Set())
  return [...leaves.values()]
}

export const nameOfLeaf = ({ name, path }: Pick<Leaf<never>, 'name' | 'path'>) => [name, ...path].join('.')

/** The variable and the constant keys of a chain of members; undefined for any other node. */
function placeOf(node: ASTNode): { readonly name: string; readonly path: readonly string[] } | undefined {
  if (node.op === 'id') return { name: outerName(node.args), path: [] }
  if (node.op !== '.' && node.op !== '[]') return undefined
  const of = placeOf(node.args[0])
  const key = node.op === '.' ? node.args[1] : node.args[1].op === 'value' ? node.args[1].args : undefined
  return of === undefined || typeof key !== 'string' ? undefined : { name: of.name, path: [...of.path, key] }
}
