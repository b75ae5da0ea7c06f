import type { Aggregate } from '../aggregate.ts'
import { saturate, toFixedPoint } from './fixed-point.ts'

/** The exact sum of the numbers divided by their count, with one division at the end; null for none. */
export function avg(scale: number): Aggregate {
  const unitsPerOne = 10 ** scale
  return {
    cells: 2,
    keeps: false,
    type: 'dyn',
    start() {},
    add(cells, at, value) {
      if (typeof value !== 'number') return
      cells[at] = saturate(cells[at]! + toFixedPoint(value, unitsPerOne))
      cells[at + 1]!++
    },
    merge(cells, at, _kept, from, fromAt) {
      cells[at] = saturate(cells[at]! + from[fromAt]!)
      cells[at + 1]! += from[fromAt + 1]!
    },
    read(panes, from, to, offset) {
      let units = 0
      let count = 0
      for (let row = from; row < to; row++) {
        const at = row * panes.stride + offset
        units = saturate(units + panes.cells[at]!)
        count += panes.cells[at + 1]!
      }
      return count === 0 ? null : units / unitsPerOne / count
    },
  }
}
