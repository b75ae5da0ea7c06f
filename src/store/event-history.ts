import type { PastEvent } from '../features/refold.ts'

/** Reads which stored profiles lack features after the rules have changed, and the events to compute these from. */

/** A kind of stored profile: the rules that it was built under, and which of their features were not ready then. */
export interface Gathered {
  readonly policy: string
  readonly notReady: readonly string[]
}

/** The kind as one text. It is unambiguous, since hashes and feature names have no spaces. */
export const gatheredKey = ({ policy, notReady }: Gathered): string => [policy, ...notReady].join(' ')

/** A customer's event in the store; never a duplicate. */
export interface CustomerEvent extends PastEvent {
  readonly customer: string
  readonly position: number
}

/** The events that a refold needs, of all topics. */
export interface Wanted {
  readonly customers: readonly string[]
  /** Only events with this time or a later one; ms, 0 for all. */
  readonly sinceMs: number
  /** Only events before this position. */
  readonly beforePosition: number
}

/** The port. All methods fail with a StoreError; the caller decides on retries. */
export interface EventHistory {
  /** The kinds of all stored profile rows, including rows that newer ones have replaced. */
  gathered(partition: number): Promise<Gathered[]>
  /** How many customers' latest profiles are of none of these kinds (`gatheredKey`). */
  countNotReady(partition: number, complete: readonly string[]): Promise<number>
  /** Those customers in order, starting after `after`; fewer than `most` means that there are no more. */
  notReady(partition: number, complete: readonly string[], after: string, most: number): Promise<string[]>
  /** In pieces, ordered by customer and then by arrival; each event once. */
  events(partition: number, wanted: Wanted): AsyncIterable<readonly CustomerEvent[]>
}
