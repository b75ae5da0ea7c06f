import { type AggregateSql, type FeatureRows, readNumber } from '../aggregate.ts'

/** Where a pane may have seen more than the `max` values that it keeps, the stream's count is a lower bound, and at least `max`. */
export const distinctSql = (rows: FeatureRows, max: number): AggregateSql => ({
  text: `toFloat64(uniqExactIf(${rows.dyn()}, ${rows.countsScalar()}))`,
  read: readNumber,
  allows: (streamed, cell) => (streamed as number) >= max && (streamed as number) <= (cell as number),
})
