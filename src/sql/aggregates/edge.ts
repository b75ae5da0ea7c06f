import { type AggregateSql, type DynCell, type FeatureRows, rowMs } from '../aggregate.ts'
import { readDyn } from '../read-dyn.ts'

/** The order of (time, tuple) is that of time, and of equal times that of the values. */
export function edgeSql(rows: FeatureRows, which: 'first' | 'last'): AggregateSql {
  const pick = which === 'first' ? 'argMinIf' : 'argMaxIf'
  return {
    text: `${pick}(${rows.dyn()}, (${rowMs}, ${rows.dyn()}), ${rows.countsScalar()})`,
    read: (cell) => readDyn(cell as DynCell),
  }
}
