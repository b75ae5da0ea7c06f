import type { Aggregate, Panes } from '../aggregate.ts'
import { type FeatureGroup, type Member, memberOf, mergeRow, openRow } from '../group.ts'
import { type Placement, type Reach, tooLate } from '../grouping.ts'
import type { Moment } from '../moment.ts'
import { findKey, keyOf, removeRows, rowCount } from '../panes.ts'

/**
 * All of a customer's events in order of time, for features that need the order: one row per ms, until no earlier event is
 * accepted any more. Then it is merged into the first row, which stands for everything up to its key. Bound: the ms with
 * events within the lateness, at most `maxRows`; past that the earliest rows are merged ahead of time, and events before
 * them count as late.
 */
export class OrderedRows implements Placement {
  readonly #latenessMs: number
  readonly maxRows: number
  readonly kept = 0
  readonly spanMs = Number.POSITIVE_INFINITY

  /** @param maxRows at least 2 */
  constructor(latenessMs: number, maxRows: number) {
    this.#latenessMs = latenessMs
    this.maxRows = maxRows
  }

  /** Makes room in a group's rows for the mark that the first row carries. */
  static addMark(group: FeatureGroup): Member {
    return memberOf(group, 'merged', () => merged, undefined)
  }

  place(group: FeatureGroup, rows: Panes, { event }: Moment, streamTimeMs: number): number {
    const { timeMs } = event
    const oldestMs = streamTimeMs - this.#latenessMs
    if (timeMs < oldestMs || isPast(rows, timeMs)) return tooLate
    let over = 1
    while (over < rowCount(rows) && keyOf(rows, over) < oldestMs) over++
    mergeFirst(group, rows, over)
    let row = findKey(rows, timeMs)
    if (row >= 0) return row
    if (rowCount(rows) >= this.maxRows) {
      mergeFirst(group, rows, 2)
      if (isPast(rows, timeMs)) return tooLate
      row = findKey(rows, timeMs)
    }
    openRow(group, rows, ~row, timeMs)
    return ~row
  }

  within(): number {
    return 0
  }

  find(rows: Panes, other: Panes, row: number): number {
    const key = keyOf(other, row)
    return isPast(rows, key) ? 0 : findKey(rows, key)
  }

  readonly reach: Reach = { back: 0, from: () => 0, to: rowCount, nextMs: () => Number.POSITIVE_INFINITY }
}

/** Whether the first row already stands for that time. */
const isPast = (rows: Panes, timeMs: number) => rows.cells[1] === 1 && timeMs <= keyOf(rows, 0)

/** Merges the first `count` rows into one. */
function mergeFirst(group: FeatureGroup, rows: Panes, count: number): void {
  if (count < 2) return
  for (let row = 1; row < count; row++) mergeRow(group, rows, 0, row)
  rows.cells[0] = keyOf(rows, count - 1)
  removeRows(rows, 1, count - 1)
}

/** The mark: 1 in a row that was merged from several. Its cell is right after the key, since it is the first member. */
const merged: Aggregate = {
  cells: 1,
  keeps: false,
  type: 'int',
  start() {},
  add() {},
  merge(cells, at) {
    cells[at] = 1
  },
  read: () => null,
}
