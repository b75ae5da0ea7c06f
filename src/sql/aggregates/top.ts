import type { AggregateSql, DynCell, FeatureRows } from '../aggregate.ts'
import { readScalar } from '../read-scalar.ts'

/** Where a pane may have seen more than the `max` values that it counts, the stream's list may be another one. */
export function topSql(rows: FeatureRows, k: number, max: number): AggregateSql {
  const counted = `sumMapIf([${rows.dyn()}], [toInt64(1)], ${rows.countsScalar()})`
  const ranked = `arraySort((value, count) -> (-count, value), m.1, m.2)`
  return {
    text: `arrayMap(m -> (arraySlice(${ranked}, 1, ${k}), length(m.1)), [${counted}])[1]`,
    read: (cell) => (cell as TopCell)[0].map(readScalar),
    allows: (_streamed, cell) => Number((cell as TopCell)[1]) > max,
  }
}

type TopCell = readonly [ranked: readonly DynCell[], values: string]
