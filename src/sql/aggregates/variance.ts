import { type AggregateSql, type FeatureRows, readNumber, unitsOf, within } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

/** The largest number of units of one value, as in `features/aggregates/variance.ts`. */
const maxUnits = 2 ** 52 - 1

/** The sums are exact; the last steps round, here and in the stream, by a few units in the last place. */
export function varianceSql(rows: FeatureRows, scale: number, root: boolean): AggregateSql {
  const units = `toInt256(${unitsOf(rows, scale, maxUnits)})`
  const sum = (of: string) => `ifNull(sumIf(${of}, ${rows.counts}), 0)`
  const n = `countIf(${rows.counts} AND isNotNull(${rows.number()}))`
  const [total, squares] = [sum(units), sum(`${units} * ${units}`)]
  const inUnits = `toFloat64(toInt256(${n}) * ${squares} - ${total} * ${total}) / pow(toFloat64(${n}), 2)`
  const one = quoteNumber(10 ** scale)
  const value = root ? `sqrt(${inUnits}) / ${one}` : `${inUnits} / (${one} * ${one})`
  return { text: `if(${n} = 0, NULL, ${value})`, read: readNumber, allows: within(1e-14) }
}
