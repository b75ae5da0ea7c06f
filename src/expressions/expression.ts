import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { compileNode, NotSupported } from './compile.ts'
import { foreignOperator } from './foreign.ts'

/**
 * Conditions and values in CEL (Common Expression Language). The library parses and type-checks at load; `compile.ts`
 * turns its tree into closures, since interpreting costs microseconds per event.
 */

/** A name that an expression may use: its CEL type for the check, its reader for evaluation. */
export interface Variable<Moment> {
  readonly name: string
  /** A CEL type; `dyn` if the value may be null or of any type. */
  readonly type: string
  /** undefined means CEL's error (no such key, no value). */
  readonly read: (moment: Moment) => unknown
}

/** A compiled expression. Numbers are JS numbers, whole if the CEL type is int; undefined is CEL's error. */
export type Evaluate<Moment> = (moment: Moment) => unknown

export interface Compiled<Moment> {
  readonly evaluate: Evaluate<Moment>
  /** The CEL type, `bool`, `int`, `double`, `string`, `dyn` … */
  readonly type: string
  /** Names of the variables that it reads. */
  readonly names: ReadonlySet<string>
  /** The checked tree. In it, a variable called `type` has the name `_type`; see `outerName`. */
  readonly tree: ASTNode
  /** The same for all spellings of one expression (spaces, quotes, needless parentheses), and different for any other. */
  readonly signature: string
}

/** A fault in an expression: the message, and where in the source it is; 0-based. */
export class ExpressionFault extends Error {
  readonly position: number
  constructor(message: string, position: number) {
    super(message)
    this.position = position
  }
}

/** The library only type-checks; compile.ts has its own operators. */
const neverRun = () => {
  throw new Error('an expression is never run by the library')
}

/** `type` is one of CEL's own types, so the library allows no variable of that name; in the tree ours has this one. */
const innerName = (name: string) => (name === 'type' ? '_type' : name)

/** From a variable's name in the checked tree back to its name in the expression. */
export const outerName = (name: string) => (name === '_type' ? 'type' : name)

type Elsewhere = (name: string) => string | undefined

/** Puts another variable of the same name and type in the place of each: to ask what would be if one read otherwise. */
export type Adapt = <Moment>(variable: Variable<Moment>) => Variable<Moment>

export const asItIs: Adapt = (variable) => variable

/** The variables that expressions may name, ready for compiling. Make one for all expressions of a kind, not one for each. */
export class Scope<Moment> {
  readonly #environment = new Environment({ homogeneousAggregateLiterals: false })
  readonly #variables = new Map<string, Variable<Moment>>()
  readonly #elsewhere: Elsewhere

  /** @param elsewhere why a name that is known elsewhere can't be used here; undefined for what is known nowhere */
  constructor(variables: readonly Variable<Moment>[], elsewhere: Elsewhere = () => undefined) {
    this.#elsewhere = elsewhere
    // The standard allows these only between values of unknown type. But someone who writes `spend == 0` means numbers.
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

  /** @throws ExpressionFault if it does not parse, uses an unknown name, or mixes types */
  compile(source: string): Compiled<Moment> {
    const names = new Set<string>()
    try {
      const parsed = this.#environment.parse(source)
      this.#nameVariables(parsed.ast, names)
      const signature = JSON.stringify(signed(parsed.ast))
      const { valid, type, error } = parsed.check()
      if (!valid) throw error
      return { evaluate: this.evaluator(parsed.ast), type: type ?? 'dyn', names, tree: parsed.ast, signature }
    } catch (error) {
      throw this.#fault(error, source)
    }
  }

  /** Compiles a checked tree, or a part of it. @throws NotSupported, where `compile` of the whole does */
  evaluator(node: ASTNode): Evaluate<Moment> {
    return compileNode(node, (name: string) => this.#variables.get(outerName(name))?.read)
  }

  /** Collects the names of the variables in a tree, and gives them their inner names in place. */
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
    if (/^(?:Unexpected|Expected|found no matching overload for 'not\()/.test(plain)) {
      const foreign = foreignOperator(source)
      if (foreign !== undefined) return new ExpressionFault(foreign.message, foreign.position)
      if (this.#variables.has('type') && /^[A-Za-z_]\w*(?: [\w-]+)+$/.test(source))
        return new ExpressionFault(`words alone are not CEL; of an event type: type == ${JSON.stringify(source)}`, 0)
    }
    const position = range?.start ?? source.length
    if (plain === 'Unterminated string') {
      const mend = 'in YAML a # after a blank begins a comment: put the expression in quotes'
      return new ExpressionFault(`a text without its closing quote; ${mend}`, position)
    }
    const unknown = /^Unknown variable: (\S+)/.exec(plain)?.[1]
    if (unknown === undefined) return new ExpressionFault(plain, position)
    const why = this.#elsewhere(unknown)
    return new ExpressionFault(why ?? `${plain}${this.#meant(unknown, source.slice(position))}`, position)
  }

  /** What may have been meant by an unknown name, as the end of a message. @param rest the source from the name on */
  #meant(unknown: string, rest: string): string {
    const near = didYouMean(unknown, [...this.#variables.keys()])
    if (near !== '') return near
    const maps = [...this.#variables.values()].filter(({ type }) => type.startsWith('map')).map(({ name }) => name)
    if (/^\w+\s*[.[]/.test(rest)) {
      const map = maps.find((name) => unknown.length > 3 && name.startsWith(unknown.slice(0, 4)))
      return map === undefined ? '' : `; did you mean ${map}?`
    }
    const [map] = maps.filter((name) => name === 'properties' || name === 'record')
    return map === undefined ? '' : `; did you mean ${map}.${unknown}, or the text "${unknown}"?`
  }
}

const isNode = (of: unknown): of is ASTNode => typeof of === 'object' && of !== null && 'op' in of

export function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf)
  return isNode(args) ? [args] : []
}

/** A tree without its places in the source. An int literal differs from a double literal. */
function signed(of: unknown): unknown {
  if (Array.isArray(of)) return of.map(signed)
  if (isNode(of)) return [of.op, signed(of.args)]
  return typeof of === 'bigint' ? { int: String(of) } : of
}

/** The end of a message about a name that nothing has: the nearest one that is, if one is near. */
export function didYouMean(wanted: string, names: readonly string[]): string {
  const near = nearest(wanted, names)
  return near === undefined ? '' : `; did you mean ${near}?`
}

/** The name with the fewest edits to the wanted one, if these are at most a third of its length. */
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
 * How many insertions, deletions, replacements and swaps of neighbours turn one text into the other: the Damerau-Levenshtein
 * distance, in the variant where no part is changed twice.
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

/** Whether CEL allows a variable of this name: its types and reserved words are taken. */
export function isVariableName(name: string): boolean {
  if (words.has(name)) return false
  try {
    new Environment().registerVariable(name, 'dyn')
    return true
  } catch {
    // Throwing is the library's only way to say that a name is taken.
    return false
  }
}
