import type { Aggregate } from '../aggregate.ts'
import { addNumber, addSquare, addWide, maxWideTerm, toBigInt, toNumber } from './wide.ts'

/**
 * The population variance, (n·Σx² - (Σx)²) / n², or its root, the standard deviation; null for no numbers, 0 for one. The
 * sums are exact, in whole units of 10^-scale, so the order does not matter and no digits cancel; the last steps round to a
 * relative 5·2^-53. A value counts up to ±2^52 units, and the sums are exact while Σx² < 2^105 units.
 */
export function variance(scale: number, root: boolean): Aggregate {
  const unitsPerOne = 10 ** scale
  const merge = (cells: number[], at: number, from: readonly number[], fromAt: number) => {
    cells[at]! += from[fromAt]!
    addWide(cells, at + 1, from[fromAt + 1]!, from[fromAt + 2]!)
    addWide(cells, at + 3, from[fromAt + 3]!, from[fromAt + 4]!)
  }
  return {
    // The number of values, two cells for their sum, two for the sum of their squares.
    cells: 5,
    keeps: false,
    type: 'dyn',
    start() {},
    add(cells, at, value) {
      if (typeof value !== 'number') return
      const units = Math.min(Math.max(Math.floor(value * unitsPerOne + 0.5), -maxWideTerm), maxWideTerm)
      cells[at]!++
      addNumber(cells, at + 1, units)
      addSquare(cells, at + 3, units)
    },
    merge: (cells, at, _kept, from, fromAt) => merge(cells, at, from, fromAt),
    read(panes, from, to, offset) {
      total.fill(0)
      for (let row = from; row < to; row++) merge(total, 0, panes.cells, row * panes.stride + offset)
      const [n = 0] = total
      if (n === 0) return null
      const inUnits = spread(n) / (n * n)
      return root ? Math.sqrt(inUnits) / unitsPerOne : inUnits / (unitsPerOne * unitsPerOne)
    },
  }
}

/** Scratch space where a read adds up its rows. */
const total: number[] = [0, 0, 0, 0, 0]

/** n·Σx² - (Σx)² of the total, rounded once. */
function spread(n: number): number {
  const [, sumHigh = 0, sumLow = 0, high = 0, low = 0] = total
  // The squared sum is never more than the other term, so one bound tells that plain numbers can hold both.
  if (high === 0 && n * low <= Number.MAX_SAFE_INTEGER) return n * low - toNumber(sumHigh, sumLow) ** 2
  return Number(BigInt(n) * toBigInt(high, low) - toBigInt(sumHigh, sumLow) ** 2n)
}
