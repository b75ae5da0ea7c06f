import type { ASTNode } from '@marcbachmann/cel-js'
import { bothInt, literal } from '../expressions/compile.ts'
import { outerName } from '../expressions/expression.ts'
import { quoteText } from './quote.ts'
import {
  bool,
  constant,
  dyn,
  emptyList,
  emptyMap,
  error,
  number,
  type Sql,
  SqlValues,
  simple,
  tags,
  text,
  toJson,
} from './value.ts'

/**
 * A checked CEL tree as a ClickHouse expression that gives the same as the closure from `expressions/compile.ts`: the same
 * semantics case by case, errors included. No function in it may throw, since ClickHouse evaluates both sides of a condition.
 * Lists and maps are kept as JSON, see `value.ts`.
 */

/** The expression can't be written in SQL. */
export class NotInSql extends Error {}

/** A map whose members can be read without building all of it, such as `properties`. */
export interface SqlMap {
  readonly member: (key: string) => Sql
  readonly whole: () => Sql
}

/** The SQL of a variable; undefined for a name that a macro binds. */
export type VariableSql = (name: string) => Sql | SqlMap | undefined

/** @throws NotInSql */
export const expressionToSql = (tree: ASTNode, variable: VariableSql): Sql =>
  new Translator(variable, new SqlValues()).value(tree, new Map())

/** What the macros around a node bind. */
type Bound = ReadonlyMap<string, Sql>

class Translator {
  readonly #variable: VariableSql
  readonly #values: SqlValues

  constructor(variable: VariableSql, values: SqlValues) {
    this.#variable = variable
    this.#values = values
  }

  value(node: ASTNode, bound: Bound): Sql {
    const values = this.#values
    const to = (type: 'bool' | 'number' | 'string', child: ASTNode) => values.to(type, this.value(child, bound))
    switch (node.op) {
      case 'value':
        return constant(literal(node) as null | boolean | number | string)
      case 'id': {
        const found = this.#named(node, bound)
        return 'member' in found ? found.whole() : found
      }
      case '.':
        return this.#member(node.args[0], constant(node.args[1]), node.args[1], bound)
      case '[]': {
        const [of, key] = node.args
        const name = key.op === 'value' && typeof key.args === 'string' ? key.args : undefined
        return this.#member(of, this.value(key, bound), name, bound)
      }
      case '&&':
        return bool(`(${to('bool', node.args[0]).text} AND ${to('bool', node.args[1]).text})`)
      case '||':
        return bool(`(${to('bool', node.args[0]).text} OR ${to('bool', node.args[1]).text})`)
      case '!_':
        return bool(`(NOT ${to('bool', node.args).text})`)
      case '-_':
        return number(`(-${to('number', node.args).text})`)
      case '?:':
        return this.#choice(to('bool', node.args[0]), this.value(node.args[1], bound), this.value(node.args[2], bound))
      case 'call':
        return this.#call(node.args[0], node.args[1], node, bound)
      case 'rcall': {
        const [name, target, args] = node.args
        if (name === 'size' && args.length === 0) return this.#size(this.value(target, bound))
        const method = methods[name]
        if (method !== undefined) return bool(method(to('string', target).text, to('string', args[0]!).text))
        return this.#macro(name, target, args, node, bound)
      }
      case 'in':
        return this.#in(node.args[0], node.args[1], bound)
      case 'list':
        return this.#list(node.args, bound)
      case 'map':
        return this.#map(node, node.args, bound)
      case '.?':
      case '[?]':
        throw notInSql(node, 'optional access')
      default: {
        const [left, right] = [this.value(node.args[0], bound), this.value(node.args[1], bound)]
        if (node.op === '==') return this.#equal(left, right)
        if (node.op === '!=') return bool(`(NOT ${this.#equal(left, right).text})`)
        if (node.op in orders) return this.#ordered(node.op, left, right)
        return this.#arithmetic(node.op, left, right, bothInt(node.args))
      }
    }
  }

  #named(node: ASTNode & { op: 'id' }, bound: Bound): Sql | SqlMap {
    const found = bound.get(node.args) ?? this.#variable(outerName(node.args))
    if (found === undefined) throw notInSql(node, outerName(node.args))
    return found
  }

  #member(of: ASTNode, key: Sql, name: string | undefined, bound: Bound): Sql {
    if (of.op === 'id') {
      const found = this.#named(of, bound)
      if ('member' in found && name !== undefined) return found.member(name)
    }
    return this.#values.member(this.value(of, bound), key)
  }

  #choice(condition: Sql, yes: Sql, no: Sql): Sql {
    const values = this.#values
    // If both sides have one type, NULL is the error, including an error of the condition.
    const isOne = yes.type === no.type && yes.type !== 'dyn'
    const [a, b] = isOne ? [yes, no] : [values.toDyn(yes), values.toDyn(no)]
    const otherwise = isOne ? 'NULL' : error.text
    const sql = values.bind([condition], (c) => `multiIf(${c}, ${a.text}, NOT ${c}, ${b.text}, ${otherwise})`)
    return { ...a, text: sql, simple: false }
  }

  #equal(left: Sql, right: Sql): Sql {
    const values = this.#values
    if (left.type === right.type && left.type !== 'dyn') return bool(`(${left.text} = ${right.text})`)
    return bool(
      values.bind(
        [values.toDyn(left), values.toDyn(right)],
        (a, b) => `if(${a}.1 = ${tags.error} OR ${b}.1 = ${tags.error}, NULL, ${a} = ${b})`,
      ),
    )
  }

  #ordered(op: string, left: Sql, right: Sql): Sql {
    const values = this.#values
    if (left.type === 'dyn' && right.type === 'dyn') {
      const ranked = [tags.bool, tags.number, tags.string].join(', ')
      const same = (a: string, b: string) => `${a}.1 = ${b}.1 AND ${a}.1 IN (${ranked})`
      return bool(values.bind([left, right], (a, b) => `if(${same(a, b)}, ${a} ${op} ${b}, NULL)`))
    }
    const type = (left.type === 'dyn' ? right.type : left.type) as 'bool' | 'number' | 'string'
    return bool(`(${values.to(type, left).text} ${op} ${values.to(type, right).text})`)
  }

  #arithmetic(op: string, left: Sql, right: Sql, isInt: boolean): Sql {
    const values = this.#values
    if (op === '+' && left.type === 'dyn' && right.type === 'dyn') return dyn(values.bind([left, right], added))
    if (op === '+' && (left.type === 'string' || right.type === 'string')) {
      return text(`concat(${values.to('string', left).text}, ${values.to('string', right).text})`)
    }
    const [a, b] = [values.to('number', left), values.to('number', right)]
    if (op === '%') {
      return number(`toFloat64(${toWhole(values, a)} % nullIf(${toWhole(values, b)}, 0))`)
    }
    const plain = `(${a.text} ${op} ${b.text})`
    if (op === '/') return values.inRange(number(isInt ? `trunc${plain}` : plain), false)
    return values.inRange(number(plain), isInt)
  }

  #in(needle: ASTNode, haystack: ASTNode, bound: Bound): Sql {
    const values = this.#values
    if (haystack.op === 'id' && needle.op === 'value' && typeof needle.args === 'string') {
      const map = this.#named(haystack, bound)
      if ('member' in map) return bool(`(${values.toDyn(map.member(needle.args)).text}.1 != ${tags.error})`)
    }
    const value = values.toDyn(this.value(needle, bound))
    if (haystack.op === 'list') {
      const items = haystack.args.map((item) => values.toDyn(this.value(item, bound)))
      return bool(
        values.bind([value, ...items], (v, ...all) => {
          const isError = [v, ...all].map((one) => `${one}.1 = ${tags.error}`).join(' OR ')
          return `if(${isError}, NULL, ${all.map((one) => `${v} = ${one}`).join(' OR ') || '0'})`
        }),
      )
    }
    const items = this.value(haystack, bound)
    if (items.type !== 'dyn') return values.to('bool', error)
    const item = values.newName()
    return bool(
      values.bind([value, items], (v, many) => {
        const found = `arrayExists(${item} -> ${item} = ${v}, ${values.items(many)})`
        return `if(${v}.1 = ${tags.error} OR NOT (${values.isMany(many)}), NULL, ${found})`
      }),
    )
  }

  #call(name: string, args: readonly ASTNode[], node: ASTNode, bound: Bound): Sql {
    const values = this.#values
    const of = this.value(args[0]!, bound)
    switch (name) {
      case 'has':
        return bool(`(${values.toDyn(of).text}.1 != ${tags.error})`)
      case 'size':
        return this.#size(of)
      case 'double':
        return this.#toDouble(of)
      case 'int':
        return values.inRange(number(`trunc(${this.#toDouble(of).text})`), true)
      case 'string':
        return values.asText(of)
      default:
        throw notInSql(node, `the function ${name}`)
    }
  }

  /** The number of a text's code points, or of a list's or map's elements. */
  #size(of: Sql): Sql {
    const values = this.#values
    if (of.type === 'string') return number(`toFloat64(lengthUTF8(${of.text}))`)
    if (of.type !== 'dyn') return values.to('number', error)
    const sizes = (v: string) =>
      `multiIf(${v}.1 = ${tags.string}, toFloat64(lengthUTF8(${v}.3)), ${values.isMany(v)}, toFloat64(JSONLength(${v}.3)), NULL)`
    return number(values.bind([of], sizes))
  }

  #toDouble(of: Sql): Sql {
    const values = this.#values
    if (of.type === 'number') return of
    const decimal = (v: string) => `if(match(${v}, '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?\\\\z'), ${v}, NULL)`
    const parsed = (v: Sql) =>
      values.inRange(number(`accurateCastOrNull(${values.bind([v], decimal)}, 'Float64')`), false)
    if (of.type === 'string') return parsed(of)
    if (of.type === 'bool') return values.to('number', error)
    return number(
      values.bind(
        [of],
        (v) =>
          `multiIf(${v}.1 = ${tags.number}, ${v}.2, ${v}.1 = ${tags.string}, ${parsed(simple('string', `${v}.3`)).text}, NULL)`,
      ),
    )
  }

  #list(items: readonly ASTNode[], bound: Bound): Sql {
    const values = this.#values
    if (items.length === 0) return emptyList
    return values.list(`[${items.map((item) => values.toDyn(this.value(item, bound)).text).join(', ')}]`)
  }

  #map(node: ASTNode, entries: readonly (readonly [ASTNode, ASTNode])[], bound: Bound): Sql {
    const values = this.#values
    if (entries.length === 0) return emptyMap
    const keys = entries.flatMap(([{ op, args }]) => (op === 'value' && typeof args === 'string' ? [args] : []))
    if (new Set(keys).size < entries.length) {
      throw notInSql(node, 'a map with keys that are computed, no texts, or there twice')
    }
    const quoted = `[${keys.map(quoteText).join(', ')}]`
    const made = (...names: string[]) => {
      const isError = names.map((name) => `${name}.1 = ${tags.error}`).join(' OR ')
      return `if(${isError}, ${error.text}, ${values.map([[quoted, `[${names.map(toJson).join(', ')}]`]]).text})`
    }
    return dyn(
      values.bind(
        entries.map(([, value]) => values.toDyn(this.value(value, bound))),
        made,
      ),
    )
  }

  #macro(name: string, target: ASTNode, args: readonly ASTNode[], node: ASTNode, bound: Bound): Sql {
    const values = this.#values
    const [variable, body] = args
    if (variable?.op !== 'id' || body === undefined) throw notInSql(node, `the macro ${name}`)
    const of = this.value(target, bound)
    const item = values.newName()
    const given = this.value(body, new Map([...bound, [variable.args, simple('dyn', item)]]))
    const each = (result: string, items: string) => `arrayMap(${item} -> ${result}, ${items})`
    const holds = `toNullable(${values.to('bool', given).text})`
    const over = (items: (many: string) => string, otherwise: string) =>
      values.bind([values.toDyn(of)], (many) => `if(${values.isMany(many)}, ${items(many)}, ${otherwise})`)

    const settle = macros[name]
    if (settle !== undefined) {
      return bool(over((many) => values.bind([text(each(holds, values.items(many)))], settle), 'NULL'))
    }
    if (name === 'map') {
      const results = (many: string) => values.list(each(values.toDyn(given).text, values.items(many))).text
      return dyn(over(results, error.text))
    }
    if (name !== 'filter') throw notInSql(node, `the macro ${name}`)
    const [kept, keep] = [values.newName(), values.newName()]
    const chosen = (items: string, results: string) =>
      values.list(`arrayFilter((${kept}, ${keep}) -> ifNull(${keep}, 0), ${items}, ${results})`).text
    const filtered = (items: string) =>
      values.bind(
        [text(each(holds, items))],
        (results) => `if(has(${results}, NULL), ${error.text}, ${chosen(items, results)})`,
      )
    return dyn(over((many) => values.bind([text(values.items(many))], filtered), error.text))
  }
}

const orders = { '<': true, '<=': true, '>': true, '>=': true }

/** Adds two numbers, two texts or two lists, whichever they turn out to be. */
function added(a: string, b: string): string {
  const both = (tag: number) => `${a}.1 = ${tag} AND ${b}.1 = ${tag}`
  const joined = `concat(substring(${a}.3, 1, length(${a}.3) - 1), ',', substring(${b}.3, 2))`
  const cases = [
    [`${both(tags.number)} AND isFinite(${a}.2 + ${b}.2)`, `tuple(${a}.1, ${a}.2 + ${b}.2, '')`],
    [both(tags.string), `tuple(${a}.1, ${a}.2, concat(${a}.3, ${b}.3))`],
    [both(tags.list), `multiIf(${a}.3 = '[]', ${b}, ${b}.3 = '[]', ${a}, tuple(${a}.1, ${a}.2, ${joined}))`],
  ]
  return `multiIf(${cases.flat().join(', ')}, ${error.text})`
}

/** An Int64; NULL for a number with a fraction or past 2^53. */
const toWhole = (values: SqlValues, of: Sql) => `accurateCastOrNull(${values.inRange(of, true).text}, 'Int64')`

const methods: Readonly<Record<string, (of: string, argument: string) => string>> = {
  startsWith: (of, prefix) => `startsWith(${of}, ${prefix})`,
  endsWith: (of, suffix) => `endsWith(${of}, ${suffix})`,
  contains: (of, part) => `(position(${of}, ${part}) > 0)`,
}

/** The macro's result from the results of its body, an array of Nullable; like `anyOf` and `exists_one` of the closures. */
const macros: Readonly<Record<string, (results: string) => string>> = {
  exists: (results) => `multiIf(has(${results}, 1), 1, has(${results}, NULL), NULL, 0)`,
  all: (results) => `multiIf(has(${results}, 0), 0, has(${results}, NULL), NULL, 1)`,
  exists_one: (results) => `if(has(${results}, NULL), NULL, countEqual(${results}, 1) = 1)`,
}

const notInSql = (node: ASTNode, what: string) =>
  new NotInSql(`${node.input.slice(node.start, node.end)}: ${what} can't be said in SQL`)
