import type { Value } from '../events/event.ts'
import { quoteNumber } from './quote.ts'

/**
 * A kind of feature as SQL. Each kind is one file in `aggregates/` and one line in `aggregates/kinds.ts`, as the closures'
 * are in `features/aggregates/`.
 */
export interface AggregateSql {
  /** The aggregate of the rows that count, over one customer. */
  readonly text: string
  /** The cell that the query gives, as the feature's value. */
  readonly read: (cell: unknown) => Value
  /** Of a kind that keeps to a bound: whether a value of the stream that is another one is within it. */
  readonly allows?: (streamed: Value, cell: unknown) => boolean
}

/** The rows that one feature is of: columns of the level below the aggregates. */
export interface FeatureRows {
  /** Whether the row's event meets the condition and lies in the window; never NULL. */
  readonly counts: string
  /** The feature's expression where it is a number, else NULL. */
  readonly number: () => string
  /** The feature's expression as a tuple, see `value.ts`. */
  readonly dyn: () => string
  /** Whether that is a text, a number or a boolean, on a row that counts. */
  readonly countsScalar: () => string
  /** A column computed of others. */
  readonly column: (sql: string) => string
}

/** Columns that every row has: event time, and the moment of reading; ms. */
export const rowMs = 'MS'
export const nowMs = 'NOW'

const bound = quoteNumber(Number.MAX_SAFE_INTEGER)

/**
 * The exact sum of the numbers in units of 10^-scale, as `toFixedPoint` takes them; a Float64, 0 for none. The stream stops at the
 * bound with each event and this at the end: they differ only where a sum that was past 2^53 units came back.
 */
export function sumOfUnits(rows: FeatureRows, scale: number): string {
  const units = rows.column(`floor(${rows.number()} * ${quoteNumber(10 ** scale)} + 0.5)`)
  const kept = rows.column(`toInt64(${clamp(units)})`)
  return `toFloat64(${clamp(`ifNull(sumIf(toInt128(${kept}), ${rows.counts}), 0)`)})`
}

/** Not `least` and `greatest`, which pass over NULL. */
const clamp = (units: string) => `multiIf(${units} > ${bound}, ${bound}, ${units} < -${bound}, -${bound}, ${units})`

/** The cells of numbers, NULL for none. */
export const readNumber = (cell: unknown) => cell as number | null

export type DynCell = readonly [tag: number, number: number, text: string]
