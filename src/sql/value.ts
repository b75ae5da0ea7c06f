import { quoteNumber, quoteText } from './quote.ts'

/**
 * CEL values as SQL. A value of a known type is a ClickHouse Nullable, where NULL is CEL's error; so SQL's three-valued AND
 * and OR are CEL's. A value of any type (`dyn`) is a tuple (tag, number, text). Parts that the tag does not need are 0 or
 * empty, so two values are equal if their tuples are, and the tuples' order is that of `compareScalars`.
 */
export interface Sql {
  readonly type: 'bool' | 'number' | 'string' | 'dyn'
  readonly text: string
  /** Short and cheap enough to repeat: a column, a literal, a lambda's parameter. */
  readonly simple: boolean
}

/** The tags of a dyn's types, in their order. A list or a map is kept as its JSON. */
export const tags = { error: 0, none: 1, bool: 2, number: 3, string: 4, list: 5, map: 6 } as const

const tuple = (tag: number | string, number: string, text: string) => `tuple(toUInt8(${tag}), ${number}, ${text})`
const dynError = tuple(tags.error, 'toFloat64(0)', "''")
const dynNull = tuple(tags.none, 'toFloat64(0)', "''")

export const simple = (type: Sql['type'], text: string): Sql => ({ type, text, simple: true })
const computed = (type: Sql['type'], text: string): Sql => ({ type, text, simple: false })

export const bool = (text: string) => computed('bool', text)
export const number = (text: string) => computed('number', text)
export const text = (sql: string) => computed('string', sql)
export const dyn = (sql: string) => computed('dyn', sql)

/** CEL's error as a value. */
export const error: Sql = simple('dyn', dynError)

export const emptyList: Sql = simple('dyn', tuple(tags.list, 'toFloat64(0)', "'[]'"))
export const emptyMap: Sql = simple('dyn', tuple(tags.map, 'toFloat64(0)', "'{}'"))

/** A CEL constant. */
export function constant(value: null | boolean | number | string): Sql {
  if (value === null) return simple('dyn', dynNull)
  if (typeof value === 'boolean') return simple('bool', value ? '1' : '0')
  return typeof value === 'number' ? simple('number', quoteNumber(value)) : simple('string', quoteText(value))
}

/** Builds values from values, and names those that are used more than once. One instance per expression. */
export class SqlValues {
  #names = 0

  /** A name that no other lambda of this expression has. */
  newName(): string {
    return `v${++this.#names}`
  }

  /** `body` over values that it may repeat: a value that is not simple is computed once, as a lambda's parameter. */
  bind(values: readonly Sql[], body: (...names: string[]) => string): string {
    const outer: string[] = []
    const params: string[] = []
    const names = values.map((value) => {
      if (value.simple) return value.text
      const name = this.newName()
      params.push(name)
      outer.push(`[${value.text}]`)
      return name
    })
    const result = body(...names)
    return params.length === 0 ? result : `arrayMap((${params.join(', ')}) -> ${result}, ${outer.join(', ')})[1]`
  }

  toDyn(value: Sql): Sql {
    if (value.type === 'dyn') return value
    const parts = {
      bool: (v: string) => tuple(tags.bool, `toFloat64(assumeNotNull(${v}))`, "''"),
      // Turns -0 into 0, which matters where values are compared by their bits.
      number: (v: string) => tuple(tags.number, `assumeNotNull(${v}) + 0`, "''"),
      string: (v: string) => tuple(tags.string, 'toFloat64(0)', `assumeNotNull(${v})`),
    }
    return dyn(this.bind([value], (v) => `if(isNull(${v}), ${dynError}, ${parts[value.type as 'bool'](v)})`))
  }

  /** The value if it has the type, else NULL. */
  to(type: 'bool' | 'number' | 'string', value: Sql): Sql {
    if (value.type === type) return value
    if (value.type !== 'dyn') return this.to(type, error)
    const part = { bool: '2 = 1', number: '2', string: '3' }[type]
    const of = this.bind([value], (v) => `if(${v}.1 = ${tags[type]}, ${v}.${part}, NULL)`)
    return computed(type, of)
  }

  /** NULL if the number is not finite, or, for an int, not exact. */
  inRange(value: Sql, isInt: boolean): Sql {
    const holds = (v: string) => (isInt ? `abs(${v}) <= ${quoteNumber(Number.MAX_SAFE_INTEGER)}` : `isFinite(${v})`)
    return number(this.bind([value], (v) => `if(${holds(v)}, ${v}, NULL)`))
  }

  /** A number or a bool as JavaScript writes it: 1e+21 and 0, where ClickHouse writes 1e21 and -0. */
  asText(of: Sql): Sql {
    if (of.type === 'string') return of
    const word = (v: string) => `if(${v}, 'true', 'false')`
    if (of.type === 'number') return text(digitsOf(of.text))
    if (of.type === 'bool') return text(this.bind([of], (v) => `if(isNull(${v}), NULL, ${word(v)})`))
    const cases = (v: string) =>
      `multiIf(${v}.1 = ${tags.string}, ${v}.3, ${v}.1 = ${tags.number}, ${digitsOf(`${v}.2`)}, ${v}.1 = ${tags.bool}, ${word(`${v}.2 = 1`)}, NULL)`
    return text(this.bind([of], cases))
  }

  /** The value of JSON text as the server writes it; an empty text is an error. */
  fromJson(raw: string): Sql {
    return dyn(
      this.bind([text(raw)], (v) => {
        const cases = [
          [`${v} = ''`, dynError],
          [`${v} = 'null'`, dynNull],
          [`${v} = 'true'`, tuple(tags.bool, 'toFloat64(1)', "''")],
          [`${v} = 'false'`, tuple(tags.bool, 'toFloat64(0)', "''")],
          [`startsWith(${v}, '"')`, tuple(tags.string, 'toFloat64(0)', `JSONExtractString(${v})`)],
          [
            `match(${v}, '^[[{]')`,
            tuple(`if(startsWith(${v}, '['), ${tags.list}, ${tags.map})`, 'toFloat64(0)', readable(v)),
          ],
        ]
        const amount = `JSONExtractFloat(replaceRegexpOne(${v}, '^-?[0-9]+$', '\\\\0e0'))`
        return `multiIf(${cases.flat().join(', ')}, ${tuple(tags.number, amount, "''")})`
      }),
    )
  }

  /** The entry of a map with that key, or of a list at that index. */
  member(of: Sql, key: Sql): Sql {
    if (of.type !== 'dyn') return error
    return dyn(
      this.bind([of, this.toDyn(key)], (v, k) => {
        const inMap = this.fromJson(`JSONExtractRaw(${v}.3, ${k}.3)`).text
        const inList = this.fromJson(`JSONExtractArrayRaw(${v}.3)[toInt64(greatest(${k}.2, 0)) + 1]`).text
        const isIndex = `${k}.1 = ${tags.number} AND ${k}.2 >= 0 AND ${k}.2 = floor(${k}.2)`
        const isKey = `${k}.1 = ${tags.string}`
        return `multiIf(${v}.1 = ${tags.map} AND ${isKey}, ${inMap}, ${v}.1 = ${tags.list} AND ${isIndex}, ${inList}, ${dynError})`
      }),
    )
  }

  /** A list's elements or a map's keys as an array of dyn; `v` is a dyn's name. Empty for other values, see `isMany`. */
  items(v: string): string {
    const item = this.newName()
    const elements = `arrayMap(${item} -> ${this.fromJson(item).text}, JSONExtractArrayRaw(${v}.3))`
    const key = this.newName()
    const keys = `arrayMap(${key} -> ${tuple(tags.string, 'toFloat64(0)', key)}, JSONExtractKeys(${v}.3))`
    return `if(${v}.1 = ${tags.list}, ${elements}, ${keys})`
  }

  isMany(v: string): string {
    return `${v}.1 >= ${tags.list}`
  }

  /** A list from an array of dyn; an error if one of them is. */
  list(items: string): Sql {
    const [one, each] = [this.newName(), this.newName()]
    const json = (all: string) => `arrayStringConcat(arrayMap(${each} -> ${toJson(each)}, ${all}), ',')`
    const made = (all: string) =>
      `if(arrayExists(${one} -> ${one}.1 = ${tags.error}, ${all}), ${dynError}, ${tuple(tags.list, 'toFloat64(0)', `concat('[', ${json(all)}, ']')`)})`
    return dyn(this.bind([text(items)], made))
  }

  /** A map from arrays of its keys, which are texts, and its values as JSON. */
  map(entries: readonly (readonly [keys: string, values: string])[]): Sql {
    const pairs = entries.map(([keys, values]) => {
      const [key, value] = [this.newName(), this.newName()]
      return `arrayMap((${key}, ${value}) -> concat(${quoteJson(key)}, ':', ${value}), ${keys}, ${values})`
    })
    const all = `arrayConcat(${pairs.join(', ')})`
    return dyn(tuple(tags.map, 'toFloat64(0)', `concat('{', arrayStringConcat(${all}, ','), '}')`))
  }
}

/** A number's text as JavaScript writes it. */
const digitsOf = (amount: string) => `replaceRegexpOne(toString(${amount} + 0), 'e([0-9])', 'e+\\\\1')`

/** A number in JSON: as the server writes it, plus what `readable` adds. */
export const jsonNumber = (amount: string) =>
  `concat(toString(${amount} + 0), if((${amount} >= 1e19 OR ${amount} <= -1e18) AND abs(${amount}) < 1e21, 'e0', ''))`

/** `\1`: anything outside strings, and whole strings, up to and including the number; `\2`: what ends the number. */
const longNumber = quoteText(String.raw`((?:(?:[^"]|"(?:[^"\\]|\\.)*")*?[:,\[])??(?:[0-9]{20,}|-[0-9]{19,}))([,\]}])`)
const withExponent = quoteText(String.raw`\1e0\2`)

/**
 * JSON text with `e0` after each whole number that may not fit into 64 bits, as in `toJsonText`: the server refuses text that
 * has such a number as plain digits, although it writes them so itself. Each match begins outside a string and skips whole
 * strings on its way. A number is appended, and removed again at the end, so that there is always a next match.
 * @param v a name, or SQL as short as one
 */
export function readable(v: string): string {
  const marked = `replaceRegexpAll(concat(${v}, ',00000000000000000000,'), ${longNumber}, ${withExponent})`
  return `if(match(${v}, '[0-9]{19}'), replaceRegexpOne(${marked}, ',0{20}e0,$', ''), ${v})`
}

/** A text as JavaScript writes it in JSON, except that the server writes the codes of control characters in capitals. */
export const quoteJson = (v: string) =>
  `if(match(${v}, '[\\x00-\\x1f]'), toJSONString(${v}), concat('"', replaceRegexpAll(${v}, '["\\\\\\\\]', '\\\\\\\\\\\\0'), '"'))`

/** The JSON of a dyn; empty for an error. @param v a dyn's name */
export function toJson(v: string): string {
  const cases = [
    [`${v}.1 = ${tags.string}`, quoteJson(`${v}.3`)],
    [`${v}.1 = ${tags.number}`, jsonNumber(`${v}.2`)],
    [`${v}.1 = ${tags.bool}`, `if(${v}.2 = 1, 'true', 'false')`],
    [`${v}.1 = ${tags.none}`, "'null'"],
  ]
  return `multiIf(${cases.flat().join(', ')}, ${v}.3)`
}
