import type { PastEvent } from '../features/refold.ts'

/** What became of customers' profiles under rules that changed, and the events to make them whole. */

/** A kind of stored profile: the rules under which it was gathered, and what of them was not ready then. */
export interface Gathered {
  readonly policy: string
  readonly notReady: readonly string[]
}

/** Neither a hash nor the name of a feature has a space. */
export const gatheredKey = ({ policy, notReady }: Gathered): string => [policy, ...notReady].join(' ')

/** An event that the store has of a customer; no duplicate. */
export interface CustomerEvent extends PastEvent {
  readonly customer: string
  readonly position: number
}

/** The events that a refold needs, of all topics. */
export interface Wanted {
  readonly customers: readonly string[]
  /** None of an earlier time; ms, 0 for all. */
  readonly sinceMs: number
  /** None from there on. */
  readonly beforePosition: number
}

/** The port. All methods fail with a StoreError; the caller decides on retries. */
export interface EventHistory {
  /** The kinds of profiles that there are; newer ones may have taken their place. */
  gathered(partition: number): Promise<Gathered[]>
  /** How many customers' latest profiles are of another kind than these (`gatheredKey`). */
  countNotReady(partition: number, complete: readonly string[]): Promise<number>
  /** These customers in order, past that one; fewer than `most` are the last. */
  notReady(partition: number, complete: readonly string[], after: string, most: number): Promise<string[]>
  /** In pieces, in the order of customers and of each customer's arrival; each event once. */
  events(partition: number, wanted: Wanted): AsyncIterable<readonly CustomerEvent[]>
}
