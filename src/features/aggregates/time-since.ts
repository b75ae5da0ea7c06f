import type { Aggregate } from '../aggregate.ts'

/** Whole seconds from the latest event to the moment of reading, never negative; null for none. */
export function timeSince(): Aggregate {
  return {
    cells: 1,
    keeps: false,
    type: 'dyn',
    start(cells, at) {
      cells[at] = Number.NEGATIVE_INFINITY
    },
    add(cells, at, _value, timeMs) {
      cells[at] = Math.max(cells[at]!, timeMs)
    },
    read(panes, from, to, offset, _keptAt, asOfMs) {
      let latest = Number.NEGATIVE_INFINITY
      for (let row = from; row < to; row++) latest = Math.max(latest, panes.cells[row * panes.stride + offset]!)
      return latest === Number.NEGATIVE_INFINITY ? null : Math.max(0, Math.floor((asOfMs - latest) / 1000))
    },
  }
}
