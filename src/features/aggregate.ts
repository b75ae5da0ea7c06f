import type { Value } from '../events/event.ts'
import type { LazyMap } from '../expressions/lazy-map.ts'
import type { WindowTotal } from './totals.ts'

/**
 * The port of the aggregates: how one kind of feature folds events into a pane and reads a run of panes. Each kind is one
 * file in `aggregates/` and one line in `aggregates/kinds.ts`.
 *
 * A pane's row lies in a flat array of numbers, so that an update allocates nothing: an aggregate owns `cells` numbers
 * of it, and, when `keeps` is true, one object beside it (`profiles/codec.ts` says which). What is read depends on the
 * events alone: not on their order, nor on how they were spread over the rows that were merged.
 */
export interface Aggregate {
  readonly cells: number
  /** Whether it keeps an object (a set, a map, a value) a pane beside its numbers. */
  readonly keeps: boolean
  /** Its value changes all the time, not only with the rows that are read. */
  readonly continuous?: true
  /** The type of `read`'s result in CEL; `dyn` where it may be null. */
  readonly type: 'int' | 'double' | 'dyn' | 'list<dyn>' | 'map<string, int>' | 'map<string, double>'
  /** The cells of a new pane. */
  start(cells: number[], at: number): void
  /**
   * Folds one event in. `value` is what the feature's expression gave, undefined where it gave nothing (then only an
   * aggregate without a value counts it); `key` likewise what `by` gave. With `keeps`, returns the pane's object, a new
   * one for `kept` undefined.
   * @param totals those that the row is a part of; what this changes in the row it changes in them
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
   * Folds another row in, as if its events had come here. That row stays as it is and shares no object with this one.
   * With `keeps`, returns the object of this row.
   */
  merge(cells: number[], at: number, kept: unknown, from: readonly number[], fromAt: number, fromKept: unknown): unknown
  /**
   * The value of the panes from row `from` to before row `to`; null where the kind has no value for no events.
   * @param sizeMs the size of the window; 0 for one that has none
   */
  read(panes: Panes, from: number, to: number, offset: number, keptAt: number, asOfMs: number, sizeMs: number): Value
  /** Of a kind whose `read` goes through all that its rows keep: what they come to, kept up with the rows. */
  readonly makeTotal?: () => Total
  /** Where there is a total: a read of one row needs none. */
  readonly readsOneRowAsItIs?: true
}

/**
 * What some rows that follow each other come to, for one aggregate. It is made of the rows alone and gives what `read` does,
 * at a price that does not depend on how much they keep: an event, and a row that comes or goes, change only their part of it.
 */
export interface Total {
  /** A row joins. `rowKey` is the row's, `kept` its object. */
  enter(cells: readonly number[], at: number, kept: unknown, rowKey: number): void
  /** A row as it is leaves; the first one, or one that joins again at once with more in it. */
  leave(cells: readonly number[], at: number, kept: unknown, rowKey: number): void
  /** Called before a row leaves whose key the row after it has too, for a total that tells rows apart by their keys. */
  forget?(): void
  /** As that of the aggregate, with the rows that are in it. */
  read(panes: Panes, from: number, to: number, offset: number, keptAt: number): Value
  /** For an expression, which asks for few of a map's members. */
  look?(panes: Panes, from: number, to: number, keptAt: number): LazyMap
}

/** The totals of a row, by the windows that it is in. */
export interface RowTotals {
  readonly rowKey: number
  readonly of: readonly Total[]
}

/** The rows of one group of one profile, in ascending order of their key. */
export interface Panes {
  /** `stride` numbers a row: the key (a pane's index, a session's index, 0 for a lifetime), then the cells. */
  cells: number[]
  readonly stride: number
  /** `keptStride` objects a row; empty where no aggregate of the group keeps any. */
  kept: unknown[]
  readonly keptStride: number
  /** Those of members that keep much; nearly always undefined. They are not part of the state: neither copied nor stored. */
  totals: WindowTotal[] | undefined
}
