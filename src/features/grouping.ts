import type { Panes } from './aggregate.ts'
import type { FeatureGroup } from './group.ts'
import type { Moment } from './moment.ts'

/**
 * The port of the windows: how a group's events are put into rows, and which rows a feature reads as of a moment. Each kind
 * of placement is one file in `windows/`. What is read must not depend on the order of arrival, as long as no event is later
 * than the lateness.
 */
export interface Placement {
  /**
   * The row that the moment's event belongs to, inserted if there was none; rows that nothing can read or change any more
   * are dropped on the way. `tooLate` or `outside` if the event changes nothing.
   * @param streamTimeMs the largest event time of the profile, this event included
   */
  place(group: FeatureGroup, rows: Panes, moment: Moment, streamTimeMs: number): number
  /** How far back rows are kept, in the placement's own unit (indexes of time, events); 0 if windows do not look back so. */
  readonly kept: number
  /** It never keeps more rows. */
  readonly maxRows: number
  /** The first row read by a window that looks `back` far, in the unit of `kept`. */
  within(rows: Panes, back: number, asOfMs: number): number
  /**
   * Finds the place in `rows` for the events of row `row` of `other`, both of the same group; `rows` may cover more events.
   * The row they belong to, or, if there is none, `~` of where it would be inserted. undefined if `rows` would have dropped it.
   * @param groups the profile's other groups, beside `rows`
   */
  find(rows: Panes, other: Panes, row: number, groups: readonly (Panes | undefined)[]): number | undefined
  /** An event further back from the stream time is in no row that is read; ms, infinite if every event may be. */
  readonly spanMs: number
}

/** The event is later than the feature allows. This is counted, and the event's row in the store says so. */
export const tooLate = -1
/** The event came in time, but no window will ever hold it. */
export const outside = -2

/** The rows [from, to) of a feature's window. */
export interface Reach {
  /** How far back it looks, in the unit of the placement's `kept`; never more than `kept`. */
  readonly back: number
  from(rows: Panes, asOfMs: number, groups: readonly (Panes | undefined)[]): number
  to(rows: Panes, asOfMs: number, groups: readonly (Panes | undefined)[]): number
  /**
   * The first moment after `asOfMs` at which it reads other rows even if no event comes; ms, infinite if there is none.
   * @param asOfMs not before the latest event
   */
  nextMs(rows: Panes, asOfMs: number, groups: readonly (Panes | undefined)[]): number
}
