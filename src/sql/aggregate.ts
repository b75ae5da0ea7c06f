import type { Value } from '../events/event.ts'
import { quoteNumber } from './quote.ts'

/**
 * A kind of feature as SQL. Each kind is one file in `aggregates/` and one line in `aggregates/kinds.ts`, just like the
 * closures in `features/aggregates/`.
 */
export interface AggregateSql {
  /** The aggregate over one customer's rows that count. */
  readonly text: string
  /** From the query's cell to the feature's value. */
  readonly read: (cell: unknown) => Value
  /** For a kind that is only exact within a bound: whether a differing value of the stream is within it. */
  readonly allows?: (streamed: Value, cell: unknown) => boolean
}

/** The rows of one feature: columns of the level below the aggregates. */
export interface FeatureRows {
  /** Whether the row's event meets the condition and is in the window; never NULL. */
  readonly counts: string
  /** The feature's expression if it is a number, else NULL. */
  readonly number: () => string
  /** The feature's expression as a tuple, see `value.ts`. */
  readonly dyn: () => string
  /** Whether that is a text, a number or a boolean, on a row that counts. */
  readonly countsScalar: () => string
  /** Whether the feature's expression is true; never NULL. */
  readonly truth: () => string
  /** Whether the event meets the condition of each step of a funnel; never NULL. */
  readonly steps: () => readonly string[]
  /** The text of the feature's key; NULL if it has none. */
  readonly key: () => string
  /** Adds a column computed from others. @returns its name */
  readonly column: (sql: string) => string
}

/** Columns that every row has: event time, and the moment of reading; ms. */
export const rowMs = 'MS'
export const nowMs = 'NOW'

const maxUnits = Number.MAX_SAFE_INTEGER

/**
 * The exact sum of the numbers in units of 10^-scale, rounded like `toFixedPoint`; a Float64, 0 for none. The stream stops at
 * the bound after each event, this only at the end: they differ only if a sum passes 2^53 units and comes back.
 */
export const sumOfUnits = (rows: FeatureRows, scale: number) =>
  `toFloat64(${clamp(`ifNull(sumIf(toInt128(${unitsOf(rows, scale)}), ${rows.counts}), 0)`)})`

/** A column: the number in units of 10^-scale, an Int64 up to the bound. */
export function unitsOf(rows: FeatureRows, scale: number, bound = maxUnits): string {
  const units = rows.column(`floor(${rows.number()} * ${quoteNumber(10 ** scale)} + 0.5)`)
  return rows.column(`toInt64(${clamp(units, bound)})`)
}

/** Not with `least` and `greatest`, which ignore NULL. */
export function clamp(units: string, bound = maxUnits): string {
  const most = quoteNumber(bound)
  return `multiIf(${units} > ${most}, ${most}, ${units} < -${most}, -${most}, ${units})`
}

/** For kinds whose last steps round: whether two numbers differ by no more than this share of the larger one. */
export const within =
  (share: number) =>
  (streamed: Value, cell: unknown): boolean => {
    if (typeof streamed !== 'number' || typeof cell !== 'number') return false
    return Math.abs(streamed - cell) <= share * Math.max(Math.abs(streamed), Math.abs(cell))
  }

/** The cells of numbers, NULL for none. */
export const readNumber = (cell: unknown) => cell as number | null

export type DynCell = readonly [tag: number, number: number, text: string]
