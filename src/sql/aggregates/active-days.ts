import { type AggregateSql, type FeatureRows, readNumber, rowMs } from '../aggregate.ts'

const dayMs = 86_400_000

export const activeDaysSql = (rows: FeatureRows): AggregateSql => ({
  text: `toFloat64(uniqExactIf(intDiv(${rowMs}, ${dayMs}), ${rows.counts}))`,
  read: readNumber,
})
