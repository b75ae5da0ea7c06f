import type { Aggregate } from '../aggregate.ts'

/** A value counts up to this size, so that no sum overflows. */
const maxSize = 1e290

/**
 * The sum of the numbers, each halved for every `halfLifeMs` from its event to the moment of reading: Σ x·2^(-(t - ts)/h).
 * Weights are kept as of 1970, 2^(ts/h), with the power of two stored apart: the sum is (high + low)·2^exponent, and moving
 * the exponent rounds nothing. What an addition rounds off goes to `low` (Neumaier's summation), so in any order the result
 * is the same to within 1e-12 of Σ |x|·weight.
 */
export function decayedSum(halfLifeMs: number): Aggregate {
  return {
    // The cells are high, low and exponent.
    cells: 3,
    keeps: false,
    continuous: true,
    type: 'double',
    start(cells, at) {
      cells[at + 2] = Number.NEGATIVE_INFINITY
    },
    add(cells, at, value, timeMs) {
      if (typeof value !== 'number') return
      const halvings = Math.floor(timeMs / halfLifeMs)
      const size = Math.min(Math.max(value, -maxSize), maxSize)
      accumulate(cells, at, size * 2 ** ((timeMs - halvings * halfLifeMs) / halfLifeMs), halvings)
    },
    merge: (cells, at, _kept, from, fromAt) => merge(cells, at, from, fromAt),
    read(panes, from, to, offset, _keptAt, asOfMs) {
      total.fill(0, 0, 2)
      total[2] = Number.NEGATIVE_INFINITY
      for (let row = from; row < to; row++) merge(total, 0, panes.cells, row * panes.stride + offset)
      const [high = 0, low = 0, exponent = 0] = total
      const halvings = Math.floor(asOfMs / halfLifeMs)
      const sum = (high + low) * 2 ** ((halvings * halfLifeMs - asOfMs) / halfLifeMs)
      return sum === 0 ? 0 : sum * 2 ** (exponent - halvings)
    },
  }
}

/** Scratch space where a read adds up its rows. */
const total: number[] = [0, 0, 0]

function merge(cells: number[], at: number, from: readonly number[], fromAt: number): void {
  const exponent = from[fromAt + 2]!
  if (exponent === Number.NEGATIVE_INFINITY) return
  accumulate(cells, at, from[fromAt]!, exponent)
  accumulate(cells, at, from[fromAt + 1]!, exponent)
}

/** Adds value·2^exponent. */
function accumulate(cells: number[], at: number, value: number, exponent: number): void {
  let added = value
  if (exponent > cells[at + 2]!) {
    const shrink = 2 ** (cells[at + 2]! - exponent)
    cells[at]! *= shrink
    cells[at + 1]! *= shrink
    cells[at + 2] = exponent
  } else added *= 2 ** (exponent - cells[at + 2]!)
  const before = cells[at]!
  const sum = before + added
  cells[at + 1]! += Math.abs(before) >= Math.abs(added) ? before - sum + added : added - sum + before
  cells[at] = sum
}
