import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { compileNode, NotSupported } from './compile.ts'

/**
 * Conditions and values in CEL (Common Expression Language). The library parses and type-checks at load;
 * `compile.ts` turns its tree into closures, since interpreting costs microseconds an event.
 */

/** A name that an expression may use: its CEL type for the check, its reader for the run. */
export interface Variable<Moment> {
  readonly name: string
  /** A CEL type; `dyn` for what may be null or of any type. */
  readonly type: string
  /** undefined stands for CEL's error (no such key, no value). */
  readonly read: (moment: Moment) => unknown
}

/** A compiled expression. Numbers are JS numbers, whole when the CEL type is int; undefined is CEL's error. */
export type Evaluate<Moment> = (moment: Moment) => unknown

export interface Compiled<Moment> {
  readonly evaluate: Evaluate<Moment>
  /** The CEL type, `bool`, `int`, `double`, `string`, `dyn` … */
  readonly type: string
  /** Names of the variables that it reads. */
  readonly names: ReadonlySet<string>
  /** The checked tree. A variable called `type` has the name `_type` in it, see `outerName`. */
  readonly tree: ASTNode
  /** The same for all spellings of one expression (spaces, quotes, needless parentheses), and no other has it. */
  readonly signature: string
}

/** A fault of an expression: the message, and where in the source it points; 0-based. */
export class ExpressionFault extends Error {
  readonly position: number
  constructor(message: string, position: number) {
    super(message)
    this.position = position
  }
}

/** The library only checks; compile.ts has operators of its own. */
const neverRun = () => {
  throw new Error('an expression is never run by the library')
}

/** `type` is a type of CEL's own, which a variable can't be called; inside, ours has this name. */
const innerName = (name: string) => (name === 'type' ? '_type' : name)

/** The name of a variable in a checked tree, as the expression has it. */
export const outerName = (name: string) => (name === '_type' ? 'type' : name)

/** The variables that an expression may name, with what compiling needs of them. Make one a scope, not one an expression. */
export class Scope<Moment> {
  readonly #environment = new Environment({ homogeneousAggregateLiterals: false })
  readonly #variables = new Map<string, Variable<Moment>>()

  constructor(variables: readonly Variable<Moment>[]) {
    // The standard has them between values of unknown type only; who writes `spend == 0` means numbers.
    this.#environment.registerOperator('double == int: bool', neverRun)
    for (const op of ['+', '-', '*', '/']) {
      this.#environment.registerOperator(`int ${op} double: double`, neverRun)
      this.#environment.registerOperator(`double ${op} int: double`, neverRun)
    }
    for (const variable of variables) {
      this.#environment.registerVariable(innerName(variable.name), variable.type)
      this.#variables.set(variable.name, variable)
    }
  }

  /** @throws ExpressionFault when it does not parse, names what is not there, or mixes types. */
  compile(source: string): Compiled<Moment> {
    const names = new Set<string>()
    try {
      const parsed = this.#environment.parse(source)
      this.#nameVariables(parsed.ast, names)
      const signature = JSON.stringify(signed(parsed.ast))
      const { valid, type, error } = parsed.check()
      if (!valid) throw error
      const read = (name: string) => this.#variables.get(outerName(name))?.read
      return { evaluate: compileNode(parsed.ast, read), type: type ?? 'dyn', names, tree: parsed.ast, signature }
    } catch (error) {
      throw this.#fault(error, source)
    }
  }

  /** Notes the variables that a tree names, and gives them their inner names in place. */
  #nameVariables(node: ASTNode, names: Set<string>): void {
    if (node.op === 'id') {
      if (this.#variables.has(node.args)) names.add(node.args)
      ;(node as { args: string }).args = innerName(node.args)
    } else if (node.op !== 'value') {
      for (const child of childrenOf(node.args)) this.#nameVariables(child, names)
    }
  }

  #fault(error: unknown, source: string): ExpressionFault {
    if (error instanceof NotSupported) return new ExpressionFault(error.message, error.position)
    const { summary, message, range } = error as { summary?: string; message: string; range?: { start: number } }
    const plain = (summary ?? message.split('\n')[0] ?? 'not a CEL expression').replace(/\b_type\b/g, 'type')
    const allItems = /\[\s*\]/.exec(source)
    if (allItems !== null && /^(?:Unexpected|Expected)/.test(plain)) {
      return new ExpressionFault(
        '[] for the items of a list is not CEL: list[0], size(list) and list.exists(…) are',
        allItems.index,
      )
    }
    const unknown = /^Unknown variable: (\S+)/.exec(plain)?.[1]
    const near = unknown && nearest(unknown, [...this.#variables.keys()])
    return new ExpressionFault(near ? `${plain}; did you mean ${near}?` : plain, range?.start ?? source.length)
  }
}

const isNode = (of: unknown): of is ASTNode => typeof of === 'object' && of !== null && 'op' in of

export function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf)
  return isNode(args) ? [args] : []
}

/** A tree without its places in the source. An int is another literal than a double. */
function signed(of: unknown): unknown {
  if (Array.isArray(of)) return of.map(signed)
  if (isNode(of)) return [of.op, signed(of.args)]
  return typeof of === 'bigint' ? { int: String(of) } : of
}

/** The name with the fewest edits to the wanted one, where that is at most a third of its length. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const name of names) {
    const distance = edits(wanted, name)
    if (distance < bestDistance) [best, bestDistance] = [name, distance]
  }
  return best
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn one text into the other: the distance of Damerau and
 * Levenshtein, in which no part is changed twice.
 */
function edits(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next.push(isSwap ? Math.min(least, before[j - 2]! + 1) : least)
    }
    before = row
    row = next
  }
  return row[b.length]!
}

const words = new Set(['in', 'null', 'true', 'false', 'has', 'size'])

/** Whether CEL lets a variable be called so: its types and reserved words are taken. */
export function isVariableName(name: string): boolean {
  if (words.has(name)) return false
  try {
    new Environment().registerVariable(name, 'dyn')
    return true
  } catch {
    // The library's only answer to a name that is taken.
    return false
  }
}
