import { type AggregateSql, type DynCell, type FeatureRows, rowMs } from '../aggregate.ts'
import { readDyn } from '../read-dyn.ts'

export function lastNSql(rows: FeatureRows, n: number): AggregateSql {
  const latest = `arrayReverseSort(groupArrayIf((${rowMs}, ${rows.dyn()}), ${rows.countsScalar()}))`
  return {
    text: `arrayMap(entry -> entry.2, arraySlice(${latest}, 1, ${n}))`,
    read: (cell) => (cell as readonly DynCell[]).map(readDyn),
  }
}
