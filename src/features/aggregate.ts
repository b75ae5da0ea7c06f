import type { Value } from '../events/event.ts'
import type { LazyMap } from '../expressions/lazy-map.ts'
import type { WindowTotal } from './totals.ts'

/**
 * The port of the aggregates: how one kind of feature folds events into a pane and reads a run of panes. Each kind is one
 * file in `aggregates/` and one line in `aggregates/kinds.ts`.
 *
 * A pane's row is a part of a flat array of numbers, so that an update allocates nothing. An aggregate owns `cells` numbers
 * of the row and, if `keeps` is true, one object beside it (`profiles/codec.ts` says which kinds of object). What is read
 * depends only on the events: not on their order, nor on how they were spread over rows that were merged.
 */
export interface Aggregate {
  readonly cells: number
  /** Whether it keeps one object per pane (a set, a map, a value) beside its numbers. */
  readonly keeps: boolean
  /** Its value changes all the time, not only with the rows that are read. */
  readonly continuous?: true
  /** The CEL type of `read`'s result; `dyn` if it may be null. */
  readonly type: 'int' | 'double' | 'dyn' | 'list<dyn>' | 'map<string, int>' | 'map<string, double>'
  /** Sets the cells of a new pane. */
  start(cells: number[], at: number): void
  /**
   * Folds one event in. `value` is the result of the feature's expression; undefined if it gave nothing (then only an
   * aggregate without a value counts the event). `key` is the result of `by` in the same way. With `keeps`, returns the
   * pane's object, a new one if `kept` is undefined.
   * @param totals the totals that include the row; every change of the row is made in them too
   */
  add(
    cells: number[],
    at: number,
    value: unknown,
    timeMs: number,
    kept: unknown,
    key: unknown,
    totals?: RowTotals,
  ): unknown
  /**
   * Folds another row in, as if its events had come here. The other row stays as it is and shares no object with this one.
   * With `keeps`, returns this row's object.
   */
  merge(cells: number[], at: number, kept: unknown, from: readonly number[], fromAt: number, fromKept: unknown): unknown
  /**
   * The value of the panes from row `from` to before row `to`; null if the kind has no value without events.
   * @param sizeMs the size of the window; 0 if it has none
   */
  read(panes: Panes, from: number, to: number, offset: number, keptAt: number, asOfMs: number, sizeMs: number): Value
  /** For a kind whose `read` goes through everything its rows keep: makes a total that is updated with the rows. */
  readonly makeTotal?: () => Total
  /** With `makeTotal`: whether reading a single row is cheap without a total. */
  readonly readsOneRowAsItIs?: true
}

/**
 * The running total of some consecutive rows, for one aggregate. It is derived from the rows alone and gives the same as
 * `read`, at a cost that does not depend on how much they keep: an event, or a row that comes or goes, only changes its own
 * part.
 */
export interface Total {
  /** A row joins. `rowKey` is its key, `kept` its object. */
  enter(cells: readonly number[], at: number, kept: unknown, rowKey: number): void
  /** A row leaves, with its present content. It is the first row, or one that joins again at once with more in it. */
  leave(cells: readonly number[], at: number, kept: unknown, rowKey: number): void
  /** Called before a row leaves if the next row has the same key; for totals that tell rows apart by key. */
  forget?(): void
  /** Like the aggregate's `read`; the rows are those that the total covers. */
  read(panes: Panes, from: number, to: number, offset: number, keptAt: number): Value
  /** For expressions, which ask for few of a map's members. */
  look?(panes: Panes, from: number, to: number, keptAt: number): LazyMap
}

/** The totals that include a row: one for each window it is in. */
export interface RowTotals {
  readonly rowKey: number
  readonly of: readonly Total[]
}

/** The rows of one group of one profile, in ascending order of their key. */
export interface Panes {
  /** `stride` numbers per row: the key (for instance a pane's index or a time; 0 for a lifetime), then the cells. */
  cells: number[]
  readonly stride: number
  /** `keptStride` objects per row; empty if no aggregate of the group keeps any. */
  kept: unknown[]
  readonly keptStride: number
  /** Running totals for members that keep much; nearly always undefined. Not part of the state: neither copied nor stored. */
  totals: WindowTotal[] | undefined
}
