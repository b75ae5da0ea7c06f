import type { Aggregate } from '../aggregate.ts'
import { compareScalars, isScalar, type Scalar } from './order.ts'

/**
 * The value of the earliest (`first`) or latest (`last`) event by event time; null for none. Within one ms the smallest
 * value is the first and the largest the last.
 */
export function edge(which: 'first' | 'last'): Aggregate {
  const none = which === 'first' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  const direction = which === 'first' ? -1 : 1
  const add = (cells: number[], at: number, value: unknown, timeMs: number, kept: unknown) => {
    if (!isScalar(value)) return kept
    const later = (timeMs - cells[at]!) * direction
    if (later < 0 || (later === 0 && compareScalars(value, kept as Scalar) * direction <= 0)) return kept
    cells[at] = timeMs
    return value
  }
  return {
    cells: 1,
    keeps: true,
    type: 'dyn',
    start(cells, at) {
      cells[at] = none
    },
    add,
    merge: (cells, at, kept, from, fromAt, fromKept) => add(cells, at, fromKept, from[fromAt]!, kept),
    read(panes, from, to, offset, keptAt) {
      // Rows are in order of time: the answer is in the outermost row with a value, or in another row with the same ms.
      const step = which === 'first' ? 1 : -1
      let best: Scalar | null = null
      let bestMs = none
      for (let row = step > 0 ? from : to - 1; row >= from && row < to; row += step) {
        const timeMs = panes.cells[row * panes.stride + offset]!
        if (timeMs === none) continue
        if (best !== null && timeMs !== bestMs) break
        const value = panes.kept[row * panes.keptStride + keptAt] as Scalar
        if (best === null || compareScalars(value, best) * direction > 0) best = value
        bestMs = timeMs
      }
      return best
    },
  }
}
