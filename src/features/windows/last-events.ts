import { compareText } from '../../expressions/compare-text.ts'
import type { Aggregate, Panes } from '../aggregate.ts'
import { type FeatureGroup, memberOf, openRow } from '../group.ts'
import type { Moment } from '../moment.ts'
import { keyOf, makeRoom, rowCount } from '../panes.ts'
import { outside, type Placement, type Reach, tooLate } from '../placement.ts'

/**
 * One row for each event, in the order of time and, in one ms, of the events' ids by code point. Bound: the count of the
 * group's widest window.
 */
export class LastEvents implements Placement {
  readonly #latenessMs: number
  kept = 0
  readonly spanMs = Number.POSITIVE_INFINITY

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
    let row = rowCount(rows)
    while (row > 0 && isAfter(rows, row - 1, timeMs, id)) row--
    const place = makeRoom(rows, row, this.kept)
    if (place < 0) return outside
    openRow(group, rows, place, timeMs)
    return place
  }

  reach(count: number): Reach {
    this.kept = Math.max(this.kept, count)
    return {
      back: count,
      from: (rows) => Math.max(0, rowCount(rows) - count),
      to: rowCount,
      nextMs: () => Number.POSITIVE_INFINITY,
    }
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
