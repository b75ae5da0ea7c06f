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

/** The counts of the values in the panes from row `from` to before row `to`; to be read only. */
export function totalCounts(panes: Panes, from: number, to: number, keptAt: number): ReadonlyMap<Scalar, number> {
  const keptOf = (row: number) => panes.kept[row * panes.keptStride + keptAt] as Counts | undefined
  let totals: Counts | undefined
  if (to - from === 1) totals = keptOf(from)
  else for (let row = from; row < to; row++) totals = mergeCounts(totals, keptOf(row), Number.POSITIVE_INFINITY)
  return totals ?? new Map()
}

function addTo(counts: Counts = new Map(), value: Scalar, n: number, max: number): Counts {
  const before = counts.get(value)
  if (before !== undefined || counts.size < max) counts.set(value, (before ?? 0) + n)
  return counts
}
