import type { AggregateSql, DynCell, FeatureRows } from '../aggregate.ts'
import { readDyn } from '../read-dyn.ts'

export function topSql(rows: FeatureRows, k: number, max: number): AggregateSql {
  return { ...rankedSql(rows, 'most', k, max), read: (cell) => (cell as RankedCell)[0].map(readDyn) }
}

export function frequentSql(rows: FeatureRows, which: 'most' | 'least', max: number): AggregateSql {
  const read = (cell: unknown) => {
    const [first] = (cell as RankedCell)[0]
    return first === undefined ? null : readDyn(first)
  }
  return { ...rankedSql(rows, which, 1, max), read }
}

/** Ties in the values' order. If a pane may have seen more than the `max` values it counts, the stream may give others. */
function rankedSql(rows: FeatureRows, which: 'most' | 'least', k: number, max: number): Omit<AggregateSql, 'read'> {
  const counted = `sumMapIf([${rows.dyn()}], [toInt64(1)], ${rows.countsScalar()})`
  const ranked = `arraySort((value, count) -> (${which === 'most' ? '-count' : 'count'}, value), m.1, m.2)`
  return {
    text: `arrayMap(m -> (arraySlice(${ranked}, 1, ${k}), length(m.1)), [${counted}])[1]`,
    allows: (_streamed, cell) => Number((cell as RankedCell)[1]) > max,
  }
}

type RankedCell = readonly [ranked: readonly DynCell[], values: string]
