import type { Panes } from './aggregate.ts'
import type { FeatureGroup } from './group.ts'
import type { Moment } from './moment.ts'

/**
 * The port of the windows: how a group's events are laid into rows, and which rows a feature reads as of a moment. Each
 * kind of placement is one file in `windows/`. What is read must not depend on the order of arrival, as long as no event
 * is later than the lateness.
 */
export interface Placement {
  /**
   * The row that the moment's event belongs to, opened where there was none; rows that nothing can read or change any
   * more are dropped on the way. `tooLate` or `outside` where the event changes nothing.
   * @param streamTimeMs the largest event time of the profile, this event included
   */
  place(group: FeatureGroup, rows: Panes, moment: Moment, streamTimeMs: number): number
  /** How far back rows are kept, in the placement's own unit (indexes of time, events); 0 where no window looks back so. */
  readonly kept: number
  /** More rows it never keeps. */
  readonly maxRows: number
  /** The first of the rows that a window reads which looks that far back, in the unit of `kept`. */
  within(rows: Panes, back: number, asOfMs: number): number
  /**
   * Where the events of one of a group's rows lie in other rows of the group, which may be of more events: `row`, or `~row`
   * where they have none and it would be put in. Undefined where they would have dropped it.
   * @param groups the rows that lie beside `rows`
   */
  find(rows: Panes, other: Panes, row: number, groups: readonly (Panes | undefined)[]): number | undefined
  /** An event that lies further back from the stream time is in no row that is read; ms, infinite where all may be. */
  readonly spanMs: number
}

/** The event is later than the feature allows: counted, and the event's row in the store says so. */
export const tooLate = -1
/** The event came in time, yet no window will ever hold it. */
export const outside = -2

/** The rows [from, to) of a feature's window. */
export interface Reach {
  /** How far back it looks, in the unit of the placement's `kept`, which is never less. */
  readonly back: number
  from(rows: Panes, asOfMs: number, groups: readonly (Panes | undefined)[]): number
  to(rows: Panes, asOfMs: number, groups: readonly (Panes | undefined)[]): number
  /**
   * The first moment after `asOfMs` at which it reads other rows, though no event comes; ms, infinite where there is none.
   * @param asOfMs not before the latest event
   */
  nextMs(rows: Panes, asOfMs: number, groups: readonly (Panes | undefined)[]): number
}
