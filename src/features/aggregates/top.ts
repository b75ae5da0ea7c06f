import type { Aggregate } from '../aggregate.ts'
import { compareScalars } from './order.ts'
import { CountsTotal, countValue, mergeCounts, totalCounts } from './value-counts.ts'

/** The k most frequent values, most frequent first, ties by the values' order. */
export function top(k: number, max: number): Aggregate {
  return {
    cells: 0,
    keeps: true,
    type: 'list<dyn>',
    start() {},
    add: (_cells, _at, value, _timeMs, kept, _key, totals) => countValue(kept, value, max, totals),
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => mergeCounts(kept, fromKept, max),
    read(panes, from, to, _offset, keptAt) {
      return [...totalCounts(panes, from, to, keptAt)]
        .sort(([a, n], [b, m]) => m - n || compareScalars(a, b))
        .slice(0, k)
        .map(([value]) => value)
    },
    makeTotal: () => new CountsTotal('most', (ranked) => ranked.first(k).map(({ value }) => value)),
  }
}
