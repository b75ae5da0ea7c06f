import { type AggregateSql, type FeatureRows, readNumber } from '../aggregate.ts'

export const extremeSql = (rows: FeatureRows, which: 'min' | 'max'): AggregateSql => ({
  text: `${which}OrNullIf(${rows.number()}, ${rows.counts})`,
  read: readNumber,
})
