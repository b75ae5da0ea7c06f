import type { Aggregate } from '../aggregate.ts'

/** The number of events; if there is a value, the number of events that have one. */
export function count(ofValues: boolean): Aggregate {
  return {
    cells: 1,
    keeps: false,
    type: 'int',
    start() {},
    add(cells, at, value) {
      if (!ofValues || (value !== undefined && value !== null)) cells[at]!++
    },
    merge(cells, at, _kept, from, fromAt) {
      cells[at]! += from[fromAt]!
    },
    read(panes, from, to, offset) {
      let total = 0
      for (let row = from; row < to; row++) total += panes.cells[row * panes.stride + offset]!
      return total
    },
  }
}
