import type { Aggregate } from '../aggregate.ts'

/** Whole seconds from the latest (or the first) event to the moment of reading, never negative; null for none. */
export function timeSince(which: 'latest' | 'first'): Aggregate {
  const pick = which === 'latest' ? Math.max : Math.min
  const none = which === 'latest' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return {
    cells: 1,
    keeps: false,
    continuous: true,
    type: 'dyn',
    start(cells, at) {
      cells[at] = none
    },
    add(cells, at, _value, timeMs) {
      cells[at] = pick(cells[at]!, timeMs)
    },
    merge(cells, at, _kept, from, fromAt) {
      cells[at] = pick(cells[at]!, from[fromAt]!)
    },
    read(panes, from, to, offset, _keptAt, asOfMs) {
      let time = none
      for (let row = from; row < to; row++) time = pick(time, panes.cells[row * panes.stride + offset]!)
      return time === none ? null : Math.max(0, Math.floor((asOfMs - time) / 1000))
    },
  }
}
