import { type AggregateSql, type FeatureRows, readNumber, sumOfUnits } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

export function avgSql(rows: FeatureRows, scale: number): AggregateSql {
  const count = `countIf(${rows.number()}, ${rows.counts} AND isNotNull(${rows.number()}))`
  const mean = `${sumOfUnits(rows, scale)} / ${quoteNumber(10 ** scale)} / toFloat64(${count})`
  return { text: `if(${count} = 0, NULL, ${mean})`, read: readNumber }
}
