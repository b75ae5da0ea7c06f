import type { AggregateDeclaration } from '../features/declaration.ts'
import { constant, dyn, jsonNumber, type Sql, SqlValues, simple, tags, toJson } from './value.ts'

/** A feature's cell made readable: as a table's column of one type, and as a value for expressions. */
export interface FeatureColumn {
  /** The ClickHouse type. */
  readonly type: 'Nullable(Float64)' | 'Nullable(String)' | 'Array(String)' | 'Map(String, Float64)'
  readonly text: string
  readonly value: Sql
}

/**
 * @param type the feature's CEL type; a `dyn` may be null
 * @param cell an expression that is cheap enough to repeat
 */
export function featureColumn(kind: AggregateDeclaration, type: string, cell: string): FeatureColumn {
  const numberColumn = (text: string): FeatureColumn => {
    const value = type === 'dyn' ? orNull(text) : simple('number', text)
    return { type: 'Nullable(Float64)', text, value }
  }
  switch (kind.name) {
    case 'first':
    case 'last':
      return scalarColumn(cell)
    case 'most_frequent':
    case 'least_frequent':
      return scalarColumn(`${cell}.1[1]`)
    case 'top':
      return listColumn(`${cell}.1`)
    case 'last_n':
      return listColumn(cell)
    case 'decayed_sum':
    case 'quantile':
    case 'funnel':
    case 'sequence':
      return numberColumn(`${cell}.1`)
    case 'count':
    case 'sum':
      return kind.by === undefined ? numberColumn(cell) : mapColumn(cell)
    case 'avg':
    case 'variance':
    case 'stddev':
    case 'min':
    case 'max':
    case 'distinct':
    case 'rate':
    case 'smoothed_rate':
    case 'time_since':
    case 'time_since_first':
    case 'active_days':
      return numberColumn(cell)
  }
}

/**
 * The column for an expression over features: a number, a bool as 0 or 1, a text, a list; if the type is open, a text.
 * @param value a simple one (`Sql.simple`)
 * @param type the expression's CEL type
 */
export function valueColumn(value: Sql, type: string): FeatureColumn {
  if (value.type === 'bool' || value.type === 'number') {
    return { type: 'Nullable(Float64)', text: `toFloat64(${value.text})`, value }
  }
  const values = new SqlValues()
  if (type.startsWith('list')) {
    const items = `if(${value.text}.1 = ${tags.list}, ${values.items(value.text)}, [])`
    return { type: 'Array(String)', text: textsOf(items), value }
  }
  const scalar = values.asText(value).text
  const text = value.type === 'string' ? scalar : `if(${values.isMany(value.text)}, ${value.text}.3, ${scalar})`
  return { type: 'Nullable(String)', text, value }
}

/** In expressions null is a value, not an error. */
function orNull(amount: string): Sql {
  const value = new SqlValues().toDyn(simple('number', amount)).text
  return dyn(`if(isNull(${amount}), ${constant(null).text}, ${value})`)
}

/** The type may differ from row to row, so the column is a text. */
function scalarColumn(cell: string): FeatureColumn {
  const text = new SqlValues().asText(simple('dyn', cell)).text
  return {
    type: 'Nullable(String)',
    text,
    value: dyn(`if(${cell}.1 = ${tags.error}, ${constant(null).text}, ${cell})`),
  }
}

/** @param cells an array of tuples */
const listColumn = (cells: string): FeatureColumn => ({
  type: 'Array(String)',
  text: textsOf(cells),
  value: new SqlValues().list(cells),
})

/** @param cell a tuple of the keys and their numbers */
const mapColumn = (cell: string): FeatureColumn => ({
  type: 'Map(String, Float64)',
  text: `mapFromArrays(${cell}.1, ${cell}.2)`,
  value: new SqlValues().map([[`${cell}.1`, `arrayMap(n -> ${jsonNumber('n')}, ${cell}.2)`]]),
})

/** Items as in a profile's readable lists: an item that is itself a list or a map becomes its JSON. */
function textsOf(items: string): string {
  const values = new SqlValues()
  const text = values.asText(simple('dyn', 'item')).text
  return `arrayMap(item -> ifNull(${text}, ${toJson('item')}), ${items})`
}
