import type { Aggregate } from '../aggregate.ts'
import { compareScalars, isScalar, type Scalar } from './order.ts'

/**
 * The value of the earliest (`first`) or latest (`last`) event by event time; null for none. Of several at the same
 * millisecond the smallest value is the first and the largest the last.
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
      // Panes follow each other in time, so the outermost one that has a value holds the answer.
      const step = which === 'first' ? 1 : -1
      for (let row = step > 0 ? from : to - 1; row >= from && row < to; row += step) {
        if (panes.cells[row * panes.stride + offset] === none) continue
        return panes.kept[row * panes.keptStride + keptAt] as Scalar
      }
      return null
    },
  }
}
