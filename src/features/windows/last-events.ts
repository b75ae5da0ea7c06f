import { compareText } from '../../expressions/compare-text.ts'
import type { Aggregate, Panes } from '../aggregate.ts'
import { type FeatureGroup, memberOf, openRow } from '../group.ts'
import type { Moment } from '../moment.ts'
import { keyOf, removeRows, rowCount } from '../panes.ts'
import { outside, type Placement, type Reach, tooLate } from '../placement.ts'

/**
 * One row for each event, in the order of time and, in one ms, of the events' ids by code point. Bound: the count of the
 * group's widest window.
 */
export class LastEvents implements Placement {
  readonly #latenessMs: number
  kept = 0

  constructor(latenessMs: number) {
    this.#latenessMs = latenessMs
  }

  /** Makes room for the ids in a group's rows. */
  static addIds(group: FeatureGroup): void {
    memberOf(
      group,
      'event id',
      () => eventId,
      ({ event }) => event.id,
    )
  }

  place(group: FeatureGroup, rows: Panes, { event }: Moment, streamTimeMs: number): number {
    const { id, timeMs } = event
    if (timeMs < streamTimeMs - this.#latenessMs) return tooLate
    const count = rowCount(rows)
    let row = count
    while (row > 0 && isAfter(rows, row - 1, timeMs, id)) row--
    if (count >= this.kept) {
      if (row === 0) return outside
      const surplus = Math.min(row, count - this.kept + 1)
      removeRows(rows, 0, surplus)
      row -= surplus
    }
    openRow(group, rows, row, timeMs)
    return row
  }

  reach(count: number): Reach {
    this.kept = Math.max(this.kept, count)
    return { back: count, from: (rows) => Math.max(0, rowCount(rows) - count), to: rowCount }
  }
}

/** The ids are the first object of a row, since no other member comes before them. */
function isAfter(rows: Panes, row: number, timeMs: number, id: string): boolean {
  const rowMs = keyOf(rows, row)
  return rowMs > timeMs || (rowMs === timeMs && compareText(rows.kept[row * rows.keptStride] as string, id) > 0)
}

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
