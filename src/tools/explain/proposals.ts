import { elements } from '../../expressions/access.ts'
import type { Leaf, Part } from '../../expressions/parts.ts'
import type { Moment } from '../../features/moment.ts'
import { leastNumber, nextAbove, nextBelow } from './least-number.ts'
import type { WhatIf } from './what-if.ts'

/** A variable, and what it would have to be. */
export interface Proposal {
  readonly leaf: Pick<Leaf<Moment>, 'name' | 'path'>
  readonly from: unknown
  readonly to: unknown
  /** Where `to` is the next number above or below this one: "more than 100". */
  readonly beyond?: number
  /** Variables that `to` may come from, besides constants. */
  readonly others?: readonly string[]
}

type Comparison = '<' | '<=' | '>' | '>=' | '==' | '!='

const mirrored = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' } as const
const opposite = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!=', '!=': '==' } as const

/** Changes of one variable each that may make the part what is wanted; whoever uses one asks again whether it does. */
export function proposals(part: Part<Moment>, whatIf: WhatIf): Proposal[] {
  return changesOf(part, whatIf).map((one) => ({
    ...one,
    others: part.leaves.filter((leaf) => leaf !== one.leaf).map(({ name }) => name),
  }))
}

function changesOf(part: Part<Moment>, whatIf: WhatIf): Proposal[] {
  const { node, wanted, leaves } = part
  const { evaluator, moment } = whatIf
  const leafOf = (child: typeof node) =>
    leaves.find((leaf) => leaf.node.start === child.start && leaf.node.end === child.end)
  const propose = (leaf: Leaf<Moment>, ...values: readonly unknown[]): Proposal[] =>
    values.map((to) => ({ leaf, from: leaf.read(moment), to }))
  const itself = leafOf(node)
  if (itself !== undefined) return propose(itself, wanted)
  switch (node.op) {
    case '<':
    case '<=':
    case '>':
    case '>=':
    case '==':
    case '!=': {
      const [left, right] = node.args
      const op = wanted ? node.op : opposite[node.op]
      const sides = [
        [leafOf(left), op, evaluator(right)(moment)],
        [leafOf(right), mirrored[op], evaluator(left)(moment)],
      ] as const
      const direct = sides.flatMap(([leaf, as, other]) => (leaf === undefined ? [] : compared(leaf, as, other, moment)))
      const within = leaves.filter((leaf) => !sides.some(([side]) => side === leaf))
      return [...direct, ...numeric(part, within, whatIf)]
    }
    case 'in': {
      const [needle, haystack] = node.args.map((child) => [leafOf(child), evaluator(child)(moment)] as const)
      const [item, list] = [needle![1], elements(haystack![1])]
      const moved =
        needle![0] === undefined || list === undefined ? [] : propose(needle![0], ...(wanted ? list : outside(list)))
      const isList = Array.isArray(haystack![1]) && haystack![0] !== undefined
      const other = wanted ? [...(list ?? []), item] : (list ?? []).filter((one) => one !== item)
      return isList ? [...moved, ...propose(haystack![0]!, other)] : moved
    }
    case 'call': {
      const leaf = leafOf(node.args[1][0]!)
      if (node.args[0] !== 'has' || leaf === undefined) return numeric(part, leaves, whatIf)
      return wanted ? propose(leaf, 1, 'x', true) : propose(leaf, undefined)
    }
    case 'rcall': {
      const [method, target, args] = node.args
      const leaf = leafOf(target)
      if (leaf === undefined || !['contains', 'startsWith', 'endsWith'].includes(method))
        return numeric(part, leaves, whatIf)
      return propose(leaf, wanted ? evaluator(args[0]!)(moment) : '')
    }
    default:
      return numeric(part, leaves, whatIf)
  }
}

/** What a leaf must be so that `leaf op other` holds. */
function compared(leaf: Leaf<Moment>, op: Comparison, other: unknown, moment: Moment): Proposal[] {
  if (other === undefined) return []
  const from = leaf.read(moment)
  const isInt = isWhole(leaf)
  const number = typeof other === 'number' ? other : Number.NaN
  const to = (value: unknown, beyond?: number): Proposal => ({
    leaf,
    from,
    to: value,
    ...(beyond !== undefined && { beyond }),
  })
  switch (op) {
    case '==':
    case '<=':
    case '>=':
      return [to(other)]
    case '>':
      return Number.isNaN(number) ? [] : [isInt ? to(Math.floor(number) + 1) : to(nextAbove(number), number)]
    case '<':
      return Number.isNaN(number) ? [] : [isInt ? to(Math.ceil(number) - 1) : to(nextBelow(number), number)]
    case '!=':
      return outside([other]).map((value) => to(value))
  }
}

/** The type check found it to be an int. */
export const isWhole = ({ node }: Leaf<Moment>) =>
  (node as { checkedType?: { name: string } }).checkedType?.name === 'int'

/** Values near those of a list that are not in it. */
function outside(list: readonly unknown[]): unknown[] {
  const [first] = list
  if (typeof first === 'boolean') return [!first]
  if (typeof first === 'string') return ['', 'x'].filter((text) => !list.includes(text))
  const numbers = list.filter((one) => typeof one === 'number')
  return numbers.length === 0 ? [] : [Math.max(...numbers) + 1, Math.min(...numbers) - 1]
}

/** For leaves within arithmetic: the nearest number with which the part is what is wanted. */
function numeric(part: Part<Moment>, leaves: readonly Leaf<Moment>[], whatIf: WhatIf): Proposal[] {
  const evaluate = whatIf.evaluator(part.node)
  return leaves.flatMap((leaf) => {
    const from = leaf.read(whatIf.moment)
    const holds = (value: number) => whatIf.suppose(leaf, value, () => evaluate(whatIf.moment) === part.wanted)
    return leastNumber(typeof from === 'number' ? from : 0, isWhole(leaf), holds).map((to) => ({ leaf, from, to }))
  })
}

/**
 * How large a change is: of numbers the difference, relative to the larger of them; of anything else 1, as much as from 0 to
 * whatever.
 */
export function sizeOf({ from, to }: Pick<Proposal, 'from' | 'to'>): number {
  if (typeof from !== 'number' || typeof to !== 'number') return 1
  return Math.abs(to - from) / Math.max(1, Math.abs(from), Math.abs(to))
}
