import type { Panes } from '../aggregate.ts'
import { type FeatureGroup, openRow } from '../group.ts'
import { outside, type Placement, type Reach, tooLate } from '../grouping.ts'
import type { Moment } from '../moment.ts'
import { dropBelow, findKey, keyOf, lowerBound, makeRoom, rowCount } from '../panes.ts'

/** The longest time that one index of a calendar covers: a month of 31 days, and the hours by which clocks go back. */
const longestPeriodMs = 32 * 86_400_000

/** Time in local periods with consecutive indexes. */
export interface Calendar {
  index(timeMs: number): number
  /** The first moment after `timeMs` with another index; ms. */
  nextMs(timeMs: number): number
}

/**
 * One row for each index of time that holds an event: a pane, a ms, a local day … A window looks back over a number of
 * indexes, and the group keeps as many as the widest window needs. Bound: that many rows, at most `maxRows`; past that the
 * oldest are dropped.
 */
export class IndexedRows implements Placement {
  readonly #unitMs: number
  readonly #calendar: Calendar | undefined
  readonly maxRows: number
  readonly #latenessMs: number
  kept = 0

  get spanMs(): number {
    return this.kept * (this.#calendar === undefined ? this.#unitMs : longestPeriodMs)
  }

  /** @param unit ms per row (Infinity: one row for all time), or a calendar; of a calendar a window only reads one index */
  constructor(unit: number | Calendar, latenessMs: number, maxRows = Number.POSITIVE_INFINITY) {
    this.#unitMs = typeof unit === 'number' ? unit : 0
    this.#calendar = typeof unit === 'number' ? undefined : unit
    this.#latenessMs = latenessMs
    this.maxRows = maxRows
  }

  place(group: FeatureGroup, rows: Panes, { event }: Moment, streamTimeMs: number): number {
    const { timeMs } = event
    const key = this.#indexOf(timeMs)
    const oldest = this.#indexOf(streamTimeMs) - this.kept + 1
    if (timeMs < streamTimeMs - this.#latenessMs) return tooLate
    // If no lateness is declared, an event that the windows no longer hold is late.
    if (key < oldest) return this.#latenessMs === Number.POSITIVE_INFINITY ? tooLate : outside
    dropBelow(rows, oldest)
    const row = findKey(rows, key)
    if (row >= 0) return row
    const place = makeRoom(rows, ~row, this.maxRows)
    if (place < 0) return outside
    openRow(group, rows, place, key)
    return place
  }

  within(rows: Panes, back: number, asOfMs: number): number {
    return lowerBound(rows, this.#indexOf(asOfMs) - back + 1)
  }

  find(rows: Panes, other: Panes, row: number): number {
    return findKey(rows, keyOf(other, row))
  }

  /** What a window over this many indexes reads; the last one is the moment's own. */
  reach(indexes: number): Reach {
    this.kept = Math.max(this.kept, indexes)
    return {
      back: indexes,
      from: (rows, asOfMs) => this.within(rows, indexes, asOfMs),
      to: (rows, asOfMs) => lowerBound(rows, this.#indexOf(asOfMs) + 1),
      nextMs: (rows, asOfMs) => {
        const oldest = this.within(rows, indexes, asOfMs)
        if (oldest === rowCount(rows)) return Number.POSITIVE_INFINITY
        return this.#calendar?.nextMs(asOfMs) ?? (keyOf(rows, oldest) + indexes) * this.#unitMs
      },
    }
  }

  #indexOf(timeMs: number): number {
    return this.#calendar === undefined ? Math.floor(timeMs / this.#unitMs) : this.#calendar.index(timeMs)
  }
}
