import { type AggregateSql, type FeatureRows, readNumber } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

export function smoothedRateSql(rows: FeatureRows, prior: number, weight: number): AggregateSql {
  const successes = `toFloat64(countIf(${rows.counts} AND ${rows.truth()})) + ${quoteNumber(weight * prior)}`
  const events = `toFloat64(countIf(${rows.counts})) + ${quoteNumber(weight)}`
  return { text: `(${successes}) / (${events})`, read: readNumber }
}
