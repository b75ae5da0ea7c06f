import { type AggregateSql, type FeatureRows, readNumber } from '../aggregate.ts'
import { tags } from '../value.ts'

export function countSql(rows: FeatureRows, ofValues: boolean): AggregateSql {
  const counts = ofValues ? `${rows.counts} AND ${rows.dyn()}.1 > ${tags.none}` : rows.counts
  return { text: `toFloat64(countIf(${counts}))`, read: readNumber }
}
