import type { Aggregate } from '../aggregate.ts'
import { compareScalars, isScalar, type Scalar } from './order.ts'

/**
 * The k most frequent values, most frequent first, ties by the values' order. A pane counts at most `max` different
 * values: those that come after that are not counted.
 */
export function top(k: number, max: number): Aggregate {
  return {
    cells: 0,
    keeps: true,
    type: 'list<dyn>',
    start() {},
    add(_cells, _at, value, _timeMs, kept) {
      if (!isScalar(value)) return kept
      const counts = (kept as Map<Scalar, number> | undefined) ?? new Map<Scalar, number>()
      const before = counts.get(value)
      if (before !== undefined || counts.size < max) counts.set(value, (before ?? 0) + 1)
      return counts
    },
    read(panes, from, to, _offset, keptAt) {
      const totals = new Map<Scalar, number>()
      for (let row = from; row < to; row++) {
        const counts = panes.kept[row * panes.keptStride + keptAt] as Map<Scalar, number> | undefined
        if (counts === undefined) continue
        for (const [value, n] of counts) totals.set(value, (totals.get(value) ?? 0) + n)
      }
      return [...totals]
        .sort(([a, n], [b, m]) => m - n || compareScalars(a, b))
        .slice(0, k)
        .map(([value]) => value)
    },
  }
}
