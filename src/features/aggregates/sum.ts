import type { Aggregate } from '../aggregate.ts'
import { saturate, toFixedPoint } from './fixed-point.ts'

/** The exact sum of the numbers, 0 for none. @param scale decimals that count, 0 to 9. */
export function sum(scale: number): Aggregate {
  const unitsPerOne = 10 ** scale
  return {
    cells: 1,
    keeps: false,
    type: 'double',
    start() {},
    add(cells, at, value) {
      if (typeof value === 'number') cells[at] = saturate(cells[at]! + toFixedPoint(value, unitsPerOne))
    },
    merge(cells, at, _kept, from, fromAt) {
      cells[at] = saturate(cells[at]! + from[fromAt]!)
    },
    read(panes, from, to, offset) {
      let units = 0
      for (let row = from; row < to; row++) units = saturate(units + panes.cells[row * panes.stride + offset]!)
      return units / unitsPerOne
    },
  }
}
