import { compareText } from '../../expressions/compare-text.ts'
import type { Aggregate, Panes } from '../aggregate.ts'
import { type FeatureGroup, type Member, memberOf, openRow } from '../group.ts'
import { outside, type Placement, type Reach, tooLate } from '../grouping.ts'
import type { Moment } from '../moment.ts'
import { keyOf, lowerBound, makeRoom, rowCount } from '../panes.ts'

/**
 * One row per event, in order of time, and within one ms in order of the events' ids by code point. Bound: the count of the
 * group's widest window.
 */
export class LastEvents implements Placement {
  readonly #latenessMs: number
  kept = 0
  readonly spanMs = Number.POSITIVE_INFINITY

  constructor(latenessMs: number) {
    this.#latenessMs = latenessMs
  }

  /** Makes room in a group's rows for the ids. */
  static addIds(group: FeatureGroup): Member {
    return memberOf(
      group,
      'event id',
      () => eventId,
      ({ event }) => event.id,
    )
  }

  place(group: FeatureGroup, rows: Panes, { event }: Moment, streamTimeMs: number): number {
    const { id, timeMs } = event
    if (timeMs < streamTimeMs - this.#latenessMs) return tooLate
    const row = rowAfter(rows, timeMs, id)
    const place = makeRoom(rows, row, this.kept)
    if (place < 0) return outside
    openRow(group, rows, place, timeMs)
    return place
  }

  get maxRows(): number {
    return this.kept
  }

  within(rows: Panes, back: number): number {
    return Math.max(0, rowCount(rows) - back)
  }

  find(rows: Panes, other: Panes, row: number): number | undefined {
    const [timeMs, id] = [keyOf(other, row), idOf(other, row)]
    const after = rowAfter(rows, timeMs, id)
    if (after > 0 && keyOf(rows, after - 1) === timeMs && idOf(rows, after - 1) === id) return after - 1
    // These rows have every one of the last events, so only an older event can be missing.
    return after === 0 ? ~after : undefined
  }

  reach(count: number): Reach {
    this.kept = Math.max(this.kept, count)
    return {
      back: count,
      from: (rows) => this.within(rows, count),
      to: rowCount,
      nextMs: () => Number.POSITIVE_INFINITY,
    }
  }
}

/** Where a row with that time and id belongs: behind all rows that are not after it. */
function rowAfter(rows: Panes, timeMs: number, id: string): number {
  const count = rowCount(rows)
  let row = lowerBound(rows, timeMs)
  while (row < count && !isAfter(rows, row, timeMs, id)) row++
  return row
}

function isAfter(rows: Panes, row: number, timeMs: number, id: string): boolean {
  const rowMs = keyOf(rows, row)
  return rowMs > timeMs || (rowMs === timeMs && compareText(idOf(rows, row), id) > 0)
}

/** The id is the first object of a row, since it is the first member. */
const idOf = ({ kept, keptStride }: Panes, row: number) => kept[row * keptStride] as string

/** Holds the id of a row's one event. */
const eventId: Aggregate = {
  cells: 0,
  keeps: true,
  type: 'dyn',
  start() {},
  add: (_cells, _at, value) => value,
  merge: (_cells, _at, _kept, _from, _fromAt, fromKept) => fromKept,
  read: () => null,
}
