import { type AggregateSql, type DynCell, type FeatureRows, rowMs } from '../aggregate.ts'
import { readDyn } from '../read-dyn.ts'

/** (time, tuple) is ordered by time, and for equal times by value. */
export function edgeSql(rows: FeatureRows, which: 'first' | 'last'): AggregateSql {
  const pick = which === 'first' ? 'argMinIf' : 'argMaxIf'
  return {
    text: `${pick}(${rows.dyn()}, (${rowMs}, ${rows.dyn()}), ${rows.countsScalar()})`,
    read: (cell) => readDyn(cell as DynCell),
  }
}
