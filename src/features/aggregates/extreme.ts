import type { Aggregate } from '../aggregate.ts'

/** The smallest (`min`) or largest (`max`) number; null for none. */
export function extreme(which: 'min' | 'max'): Aggregate {
  const pick = which === 'min' ? Math.min : Math.max
  const none = which === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  return {
    cells: 1,
    keeps: false,
    type: 'dyn',
    start(cells, at) {
      cells[at] = none
    },
    add(cells, at, value) {
      if (typeof value === 'number') cells[at] = pick(cells[at]!, value)
    },
    merge(cells, at, _kept, from, fromAt) {
      cells[at] = pick(cells[at]!, from[fromAt]!)
    },
    read(panes, from, to, offset) {
      let best = none
      for (let row = from; row < to; row++) best = pick(best, panes.cells[row * panes.stride + offset]!)
      return best === none ? null : best
    },
  }
}
