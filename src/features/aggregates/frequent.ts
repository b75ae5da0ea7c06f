import type { Aggregate } from '../aggregate.ts'
import { compareScalars, type Scalar } from './order.ts'
import { CountsTotal, countValue, mergeCounts, totalCounts } from './value-counts.ts'

/** The value that came most or least often; on a tie the first in the values' order; null for none. */
export function frequent(which: 'most' | 'least', max: number): Aggregate {
  const direction = which === 'most' ? 1 : -1
  return {
    cells: 0,
    keeps: true,
    type: 'dyn',
    start() {},
    add: (_cells, _at, value, _timeMs, kept, _key, totals) => countValue(kept, value, max, totals),
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => mergeCounts(kept, fromKept, max),
    read(panes, from, to, _offset, keptAt) {
      let best: Scalar | null = null
      let bestCount = Number.NEGATIVE_INFINITY
      for (const [value, n] of totalCounts(panes, from, to, keptAt)) {
        const better = n * direction - bestCount || (best === null ? 1 : compareScalars(best, value))
        if (better > 0) [best, bestCount] = [value, n * direction]
      }
      return best
    },
    makeTotal: () => new CountsTotal(which, (ranked) => ranked.at(0)?.value ?? null),
  }
}
