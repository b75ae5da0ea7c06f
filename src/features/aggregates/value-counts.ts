import type { Value } from '../../events/event.ts'
import type { Panes, RowTotals, Total } from '../aggregate.ts'
import { compareScalars, isScalar, type Scalar } from './order.ts'
import { Ranked } from './ranked.ts'

/**
 * How often each value came: what `top`, `most_frequent` and `least_frequent` keep per pane. Counts at most `max` different
 * values; others that come after that are not counted.
 */
type Counts = Map<Scalar, number>

/** Adds a value to the counts that a pane keeps. */
export function countValue(kept: unknown, value: unknown, max: number, totals?: RowTotals): Counts | undefined {
  const counts = kept as Counts | undefined
  if (!isScalar(value)) return counts
  const added = addTo(counts, value, 1, max)
  if (totals !== undefined && added.has(value)) {
    for (const total of totals.of) (total as CountsTotal).add(value, 1)
  }
  return added
}

export function mergeCounts(kept: unknown, from: unknown, max: number): Counts | undefined {
  let counts = kept as Counts | undefined
  for (const [value, n] of (from as Counts | undefined) ?? []) counts = addTo(counts, value, n, max)
  return counts
}

/** How often each value came in the panes from row `from` to before row `to`. Don't change the map. */
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

interface Counted {
  readonly value: Scalar
  count: number
}

/** The values of some rows by how often they came, most or least often first; ties by the values' order. */
export class CountsTotal implements Total {
  readonly #entries = new Map<Scalar, Counted>()
  readonly #ranked: Ranked<Counted>
  readonly #pick: (ranked: Ranked<Counted>) => Value

  constructor(first: 'most' | 'least', pick: (ranked: Ranked<Counted>) => Value) {
    const direction = first === 'most' ? -1 : 1
    this.#ranked = new Ranked((a, b) => (a.count - b.count) * direction || compareScalars(a.value, b.value))
    this.#pick = pick
  }

  enter(_cells: readonly number[], _at: number, kept: unknown): void {
    for (const [value, n] of (kept as Counts | undefined) ?? []) this.add(value, n)
  }

  leave(_cells: readonly number[], _at: number, kept: unknown): void {
    for (const [value, n] of (kept as Counts | undefined) ?? []) this.add(value, -n)
  }

  add(value: Scalar, n: number): void {
    let entry = this.#entries.get(value)
    if (entry === undefined) {
      entry = { value, count: 0 }
      this.#entries.set(value, entry)
    } else this.#ranked.delete(entry)
    entry.count += n
    if (entry.count > 0) this.#ranked.add(entry)
    else this.#entries.delete(value)
  }

  read(): Value {
    return this.#pick(this.#ranked)
  }
}
