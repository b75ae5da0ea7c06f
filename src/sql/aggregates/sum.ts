import { type AggregateSql, type FeatureRows, readNumber, sumOfUnits } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

export const sumSql = (rows: FeatureRows, scale: number): AggregateSql => ({
  text: `${sumOfUnits(rows, scale)} / ${quoteNumber(10 ** scale)}`,
  read: readNumber,
})
