import type { ASTNode, BinaryOperator } from '@marcbachmann/cel-js'
import { elements, member, memberReader } from './access.ts'
import { compareText } from './compare-text.ts'
import { containsText } from './contains-text.ts'
import { LazyMap } from './lazy-map.ts'

/**
 * Compiles a checked CEL tree to closures. The semantics are CEL's (github.com/google/cel-spec), with these bounds:
 * - CEL's errors (no such key, no such overload, overflow, an int divided by 0) are the value `undefined`. They pass
 *   through every operator except `&&`, `||` and the macros, which absorb them as the standard says; so nothing throws.
 * - Numbers are JS numbers. An int is exact up to 2^53 and an error past it; a double that is not finite is an error.
 * - A macro that takes more than `maxSteps` steps is an error, and so is a text or list longer than `maxLength` (see `spend`).
 */
type Evaluate<Moment> = (moment: Moment) => unknown

/** The expression is CEL, but uses what beckon does not offer. */
export class NotSupported extends Error {
  readonly position: number
  constructor(message: string, position: number) {
    super(message)
    this.position = position
  }
}

/** @param readerOf the reader of a variable; undefined for a name that a macro binds */
export function compileNode<Moment>(
  node: ASTNode,
  readerOf: (name: string) => Evaluate<Moment> | undefined,
  bound: ReadonlyMap<string, Binding> = new Map(),
): Evaluate<Moment> {
  const compile = (child: ASTNode, inner = bound): Evaluate<Moment> => compileNode(child, readerOf, inner)

  switch (node.op) {
    case 'value': {
      const constant = literal(node)
      return () => constant
    }
    case 'id': {
      const binding = bound.get(node.args)
      if (binding) return () => binding.value
      const read = readerOf(node.args)
      if (!read) throw new NotSupported(`${node.args} is not a value`, node.start)
      return read
    }
    case '.': {
      const of = compile(node.args[0])
      const read = memberReader(node.args[1])
      return (moment) => read(of(moment))
    }
    case '[]': {
      const [of, key] = [compile(node.args[0]), compile(node.args[1])]
      return (moment) => member(of(moment), key(moment))
    }
    case '&&': {
      const [left, right] = [compile(node.args[0]), compile(node.args[1])]
      return (moment) => {
        const a = left(moment)
        if (a === false) return false
        const b = right(moment)
        if (b === false) return false
        return a === true && b === true ? true : undefined
      }
    }
    case '||': {
      const [left, right] = [compile(node.args[0]), compile(node.args[1])]
      return (moment) => {
        const a = left(moment)
        if (a === true) return true
        const b = right(moment)
        if (b === true) return true
        return a === false && b === false ? false : undefined
      }
    }
    case '!_': {
      const of = compile(node.args)
      return (moment) => {
        const value = of(moment)
        return typeof value === 'boolean' ? !value : undefined
      }
    }
    case '-_': {
      const of = compile(node.args)
      return (moment) => {
        const value = of(moment)
        return typeof value === 'number' ? -value : undefined
      }
    }
    case '?:': {
      const [condition, yes, no] = [compile(node.args[0]), compile(node.args[1]), compile(node.args[2])]
      return (moment) => {
        const value = condition(moment)
        return value === true ? yes(moment) : value === false ? no(moment) : undefined
      }
    }
    case 'list': {
      const items = node.args.map((item) => compile(item))
      return (moment) => allPresent(items.map((item) => item(moment)))
    }
    case 'map': {
      const entries = node.args.map(([key, value]) => [compile(key), compile(value)] as const)
      return (moment) => {
        const pairs = entries.map(([key, value]) => [key(moment), value(moment)] as const)
        return pairs.some(([key, value]) => key === undefined || value === undefined) ? undefined : new Map(pairs)
      }
    }
    case 'call':
      return compileCall(node.args[0], node.args[1], node, compile)
    case 'rcall': {
      const [name, target, args] = node.args
      const macro = macros[name]
      if (macro) return compileMacro(macro, target, args, bound, compile)
      return compileMethod(name, compile(target), args, node, compile)
    }
    case 'in': {
      const [needle, haystack] = [compile(node.args[0]), node.args[1]]
      if (haystack.op === 'list' && haystack.args.every((item) => item.op === 'value')) {
        const wanted = new Set(haystack.args.map(literal))
        return (moment) => {
          const value = needle(moment)
          return value === undefined ? undefined : wanted.has(value)
        }
      }
      const of = compile(haystack)
      return (moment) => {
        const value = needle(moment)
        const items = elements(of(moment))
        if (value === undefined || items === undefined || !spend(items.length)) return undefined
        const found = items.some((item) => equal(item, value))
        return found || !isSpent() ? found : undefined
      }
    }
    case '.?':
    case '[?]':
      throw new NotSupported('optional access is not supported; use has(…)', node.start)
    default: {
      const [left, right] = node.args
      const constant = right.op === 'value' ? literal(right) : undefined
      if (typeof constant === 'number' || typeof constant === 'string') {
        const compared = compileComparison(node.op, compile(left), constant)
        if (compared !== undefined) return compared
      }
      return compileBinary(node.op, compile(left), compile(right), bothInt(node.args))
    }
  }
}

/**
 * What a macro's variable is bound to while its body runs. One place is enough: evaluation is synchronous, and no expression
 * is evaluated within itself.
 */
interface Binding {
  value: unknown
}

/** The value of a literal; undefined for any other node. @throws NotSupported */
export function literal(node: ASTNode): unknown {
  const value = node.op === 'value' ? node.args : undefined
  if (typeof value !== 'bigint') {
    if (typeof value === 'object' && value !== null)
      throw new NotSupported('bytes and uint are not supported', node.start)
    return value
  }
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new NotSupported('a whole number past 2^53 is not supported', node.start)
  return number
}

const typeOf = (node: ASTNode) => (node as { checkedType?: { name: string } }).checkedType?.name
/** Whether the type check found both operands to be ints; then the result has to be an int too. */
export const bothInt = ([a, b]: [ASTNode, ASTNode]) => typeOf(a) === 'int' && typeOf(b) === 'int'
const allPresent = (values: unknown[]) => (values.includes(undefined) ? undefined : values)
const finite = (value: number) => (Number.isFinite(value) ? value : undefined)
const exact = (value: number) => (Number.isSafeInteger(value) ? value : undefined)

function compileBinary<Moment>(
  op: BinaryOperator,
  left: Evaluate<Moment>,
  right: Evaluate<Moment>,
  ints: boolean,
): Evaluate<Moment> {
  const bound = ints ? exact : finite
  const numbers = (apply: (a: number, b: number) => number | undefined): Evaluate<Moment> => {
    return (moment) => {
      const [a, b] = [left(moment), right(moment)]
      return typeof a === 'number' && typeof b === 'number' ? apply(a, b) : undefined
    }
  }
  switch (op) {
    case '==':
      return (moment) => {
        const a = left(moment)
        const b = right(moment)
        return a === undefined || b === undefined ? undefined : a === b || isEqual(a, b)
      }
    case '!=':
      return (moment) => {
        const a = left(moment)
        const b = right(moment)
        if (a === undefined || b === undefined) return undefined
        const same = a === b || isEqual(a, b)
        return same === undefined ? undefined : !same
      }
    case '<':
      return (moment) => {
        const by = order(left(moment), right(moment))
        return by === undefined ? undefined : by < 0
      }
    case '<=':
      return (moment) => {
        const by = order(left(moment), right(moment))
        return by === undefined ? undefined : by <= 0
      }
    case '>':
      return (moment) => {
        const by = order(left(moment), right(moment))
        return by === undefined ? undefined : by > 0
      }
    case '>=':
      return (moment) => {
        const by = order(left(moment), right(moment))
        return by === undefined ? undefined : by >= 0
      }
    case '+':
      return (moment) => {
        const [a, b] = [left(moment), right(moment)]
        if (typeof a === 'number' && typeof b === 'number') return bound(a + b)
        if (typeof a === 'string' && typeof b === 'string') return a.length + b.length > maxLength ? undefined : a + b
        if (!Array.isArray(a) || !Array.isArray(b) || a.length + b.length > maxLength) return undefined
        return spend(a.length + b.length) ? [...a, ...b] : undefined
      }
    case '-':
      return numbers((a, b) => bound(a - b))
    case '*':
      return numbers((a, b) => bound(a * b))
    case '/':
      return numbers((a, b) => finite(ints ? Math.trunc(a / b) : a / b))
    case '%':
      // CEL has this operator for ints only; with a fraction there is no overload.
      return numbers((a, b) => (Number.isSafeInteger(a) && Number.isSafeInteger(b) ? finite(a % b) : undefined))
    case 'in':
      throw new Error('compiled by its own case')
  }
}

/**
 * Like `compileBinary`, for a comparison with a constant, as in most conditions: the constant's type is not checked each
 * time. undefined for other operators.
 */
function compileComparison<Moment>(
  op: BinaryOperator,
  left: Evaluate<Moment>,
  constant: number | string,
): Evaluate<Moment> | undefined {
  const compare = (holds: (a: number, b: number) => boolean): Evaluate<Moment> | undefined => {
    // Texts are not ordered as in JavaScript.
    if (typeof constant === 'string') return undefined
    return (moment) => {
      const a = left(moment)
      return typeof a === 'number' ? holds(a, constant) : undefined
    }
  }
  switch (op) {
    case '==':
      return (moment) => {
        const a = left(moment)
        return a === undefined ? undefined : a === constant
      }
    case '!=':
      return (moment) => {
        const a = left(moment)
        return a === undefined ? undefined : a !== constant
      }
    case '<':
      return compare((a, b) => a < b)
    case '<=':
      return compare((a, b) => a <= b)
    case '>':
      return compare((a, b) => a > b)
    case '>=':
      return compare((a, b) => a >= b)
    default:
      return undefined
  }
}

/** Negative if a comes first, 0 if they are equal. CEL orders two numbers, two strings (by code point) or two bools. */
function order(a: unknown, b: unknown): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return spendText(a) ? compareText(a, b) : undefined
  return typeof a === 'boolean' && typeof b === 'boolean' ? Number(a) - Number(b) : undefined
}

/** Like `equal`; undefined if that takes too many steps. */
function isEqual(a: unknown, b: unknown): boolean | undefined {
  const same = equal(a, b)
  return isSpent() ? undefined : same
}

/** CEL's equality: deep for lists and maps, false between values of different types. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length || !spend(a.length)) return false
    return a.every((item, i) => equal(item, b[i]))
  }
  const [keys, others] = [elements(a), elements(b)]
  if (!spend(keys?.length ?? 0)) return false
  return keys?.length === others?.length && keys!.every((key) => equal(member(a, key), member(b, key)))
}

function compileCall<Moment>(
  name: string,
  args: ASTNode[],
  node: ASTNode,
  compile: (node: ASTNode) => Evaluate<Moment>,
): Evaluate<Moment> {
  const of = compile(args[0]!)
  if (name === 'has') return (moment) => of(moment) !== undefined
  const apply = functions[name]
  if (!apply || args.length !== 1) throw new NotSupported(`the function ${name} is not supported`, node.start)
  return (moment) => apply(of(moment))
}

const functions: Readonly<Record<string, (value: unknown) => unknown>> = {
  size,
  double: (value) => (typeof value === 'number' ? value : typeof value === 'string' ? decimal(value) : undefined),
  int: (value) => {
    const number = typeof value === 'string' ? decimal(value) : value
    return typeof number === 'number' ? exact(Math.trunc(number)) : undefined
  },
  string: (value) => (typeof value === 'object' || value === undefined ? undefined : String(value)),
}

const decimal = (text: string) =>
  spendText(text) && /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? finite(Number(text)) : undefined

/** The number of a text's code points, or of a list's or map's elements. */
function size(value: unknown): number | undefined {
  if (typeof value !== 'string') {
    const length = elements(value)?.length
    return length !== undefined && spend(length) ? length : undefined
  }
  if (!spendText(value)) return undefined
  let points = 0
  for (const _ of value) points++
  return points
}

function compileMethod<Moment>(
  name: string,
  target: Evaluate<Moment>,
  args: ASTNode[],
  node: ASTNode,
  compile: (node: ASTNode) => Evaluate<Moment>,
): Evaluate<Moment> {
  if (name === 'size' && args.length === 0) return (moment) => size(target(moment))
  const apply = methods[name]
  if (!apply || args.length !== 1) {
    const why =
      name === 'matches' ? '; a pattern could take for ever on a hostile text: use contains or startsWith' : ''
    throw new NotSupported(`the function ${name} is not supported${why}`, node.start)
  }
  const argument = compile(args[0]!)
  return (moment) => {
    const [a, b] = [target(moment), argument(moment)]
    return typeof a === 'string' && typeof b === 'string' && spendText(a) ? apply(a, b) : undefined
  }
}

const methods: Readonly<Record<string, (of: string, argument: string) => boolean>> = {
  startsWith: (of, prefix) => of.startsWith(prefix),
  endsWith: (of, suffix) => of.endsWith(suffix),
  contains: containsText,
}

/**
 * Bounds the work of an expression, whatever the event holds. An expression without macros goes over each value it names
 * once, and an event is small. But macros within macros multiply their lists: two over 10,000 elements took two seconds. So
 * an outermost macro, with everything in it, may take this many steps (a few milliseconds); then it is an error. If its
 * body reads a feature, which is another expression, that one's macros count too. A step is an element looked at, or 8
 * characters of a text.
 */
const maxSteps = 100_000
/** Characters of a text, or elements of a list, that an expression makes: else one event could fill the heap. */
const maxLength = 1_000_000
/** Steps left to the outermost running macro, whichever expression it is in; evaluation is synchronous. */
let stepsLeft = 0
let isInMacro = false

/** @returns false if these are too many */
function spend(steps: number): boolean {
  if (isInMacro) stepsLeft -= steps
  return stepsLeft >= 0
}
const spendText = (text: string) => spend(text.length >> 3)
const isSpent = () => stepsLeft < 0

/** Runs a body over the elements; `run(i)` binds the i-th and evaluates. */
type Macro = (items: readonly unknown[], run: (i: number) => unknown) => unknown

const macros: Readonly<Record<string, Macro>> = {
  exists: (items, run) => anyOf(items, run, true),
  all: (items, run) => anyOf(items, run, false),
  exists_one: (items, run) => {
    const results = items.map((_, i) => run(i))
    return results.some((result) => typeof result !== 'boolean')
      ? undefined
      : results.filter((result) => result).length === 1
  },
  filter: (items, run) => {
    const results = items.map((_, i) => run(i))
    return results.some((result) => typeof result !== 'boolean') ? undefined : items.filter((_, i) => results[i])
  },
  map: (items, run) => {
    const results = items.map((_, i) => run(i))
    return weigh(results, maxLength) < 0 ? undefined : allPresent(results)
  },
}

/**
 * What a value leaves of an allowance of characters and elements; below 0 if it has more. A `map` can repeat one list of an
 * event for each of its elements. That takes no memory until it becomes JSON, and then all there is. Each element is a step.
 */
function weigh(value: unknown, left: number): number {
  if (typeof value === 'string') return left - value.length
  if (typeof value !== 'object' || value === null) return left
  const parts = partsOf(value)
  let rest = spend(parts.length) ? left - parts.length : -1
  for (let i = 0; i < parts.length && rest >= 0; i++) rest = weigh(parts[i], rest)
  return rest
}

function partsOf(value: object): readonly unknown[] {
  if (value instanceof LazyMap) return value.keys()
  return value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value)
}

/** `exists` with deciding = true, `all` with false: one deciding result settles it, whatever errors there are. */
function anyOf(items: readonly unknown[], run: (i: number) => unknown, deciding: boolean): boolean | undefined {
  let unsure = false
  for (let i = 0; i < items.length; i++) {
    const result = run(i)
    if (result === deciding) return deciding
    if (typeof result !== 'boolean') unsure = true
  }
  return unsure ? undefined : !deciding
}

function compileMacro<Moment>(
  macro: Macro,
  target: ASTNode,
  args: ASTNode[],
  bound: ReadonlyMap<string, Binding>,
  compile: (node: ASTNode, bound?: ReadonlyMap<string, Binding>) => Evaluate<Moment>,
): Evaluate<Moment> {
  const [variable, body, more] = args
  if (variable?.op !== 'id' || !body) throw new NotSupported('the macro wants a name and an expression', target.start)
  if (more) throw new NotSupported('map with a filter is not supported; use filter(…).map(…)', more.start)
  const binding: Binding = { value: undefined }
  const of = compile(target)
  const evaluate = compile(body, new Map([...bound, [variable.args, binding]]))
  return (moment) => {
    const items = elements(of(moment))
    if (items === undefined) return undefined
    const run = (i: number) => {
      if (isSpent()) return undefined
      binding.value = items[i]
      const result = evaluate(moment)
      // A feature that ran out of steps reads as null; here that must not pass for an answer.
      return isSpent() ? undefined : result
    }
    if (isInMacro) return spend(items.length) ? macro(items, run) : undefined
    stepsLeft = maxSteps
    isInMacro = true
    try {
      return spend(items.length) ? macro(items, run) : undefined
    } finally {
      stepsLeft = 0
      isInMacro = false
    }
  }
}
