import { type AggregateSql, clamp, type FeatureRows, unitsOf } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'
import { tags } from '../value.ts'

export const countBySql = (rows: FeatureRows, ofValues: boolean, max: number): AggregateSql =>
  keyedSql(rows, ofValues ? `${rows.dyn()}.1 > ${tags.none}` : '1', 'toInt64(1)', 0, max)

export function sumBySql(rows: FeatureRows, scale: number, max: number): AggregateSql {
  const units = unitsOf(rows, scale)
  return keyedSql(rows, `isNotNull(${units})`, `assumeNotNull(${units})`, scale, max)
}

/** The first `max` keys by code point. `sumMap` gives keys in order but drops a key whose sums are all 0: hence the ones. */
function keyedSql(rows: FeatureRows, has: string, units: string, scale: number, max: number): AggregateSql {
  const key = rows.key()
  const counts = rows.column(`${rows.counts} AND isNotNull(${key}) AND ${has}`)
  const summed = `sumMapIf([assumeNotNull(${key})], [${units}], [toInt64(1)], ${counts})`
  const total = `toFloat64(${clamp('units')}) / ${quoteNumber(10 ** scale)}`
  const first = (list: string) => `arraySlice(${list}, 1, ${max})`
  return {
    text: `arrayMap(m -> (${first('m.1')}, arrayMap(units -> ${total}, ${first('m.2')})), [${summed}])[1]`,
    read: (cell) => {
      const [keys, totals] = cell as readonly [readonly string[], readonly number[]]
      return Object.fromEntries(keys.map((one, i) => [one, totals[i]!]))
    },
  }
}
