import type { Panes } from '../aggregate.ts'
import { isScalar, type Scalar } from './order.ts'

/**
 * How often each value came: what `top`, `most_frequent` and `least_frequent` keep of a pane. It counts at most `max`
 * different values: those that come after that are not counted.
 */
type Counts = Map<Scalar, number>

/** Counts a value into what a pane keeps. */
export function countValue(kept: unknown, value: unknown, max: number): Counts | undefined {
  return isScalar(value) ? addTo(kept as Counts | undefined, value, 1, max) : (kept as Counts | undefined)
}

export function mergeCounts(kept: unknown, from: unknown, max: number): Counts | undefined {
  let counts = kept as Counts | undefined
  for (const [value, n] of (from as Counts | undefined) ?? []) counts = addTo(counts, value, n, max)
  return counts
}

/** The counts of the values in the panes from row `from` to before row `to`. */
export function totalCounts(panes: Panes, from: number, to: number, keptAt: number): Counts {
  let totals: Counts | undefined
  for (let row = from; row < to; row++) {
    totals = mergeCounts(totals, panes.kept[row * panes.keptStride + keptAt], Number.POSITIVE_INFINITY)
  }
  return totals ?? new Map()
}

function addTo(counts: Counts = new Map(), value: Scalar, n: number, max: number): Counts {
  const before = counts.get(value)
  if (before !== undefined || counts.size < max) counts.set(value, (before ?? 0) + n)
  return counts
}
