import { type AggregateSql, type FeatureRows, nowMs, readNumber, rowMs } from '../aggregate.ts'

/** Whole seconds; no row is after the moment of reading. */
export const timeSinceSql = (rows: FeatureRows): AggregateSql => ({
  text: `if(countIf(${rows.counts}) = 0, NULL, toFloat64(intDiv(any(${nowMs}) - maxIf(${rowMs}, ${rows.counts}), 1000)))`,
  read: readNumber,
})
