import type { Statement } from '../../ingest/ingest.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import type { CustomerEvent } from '../../store/event-history.ts'
import type { RowValues } from './row-values.ts'

/** All that is kept about how one customer's decisions came about, and the port through which it is read. */

/** A record of the customer as stored, duplicates included. */
export interface StoredEvent extends CustomerEvent {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly duplicate: boolean
  /** What it states of traits or consent, where it is no event. */
  readonly statement?: Statement
}

/** What identifies a decision. */
export interface DecisionKey {
  readonly customer: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly position: number
  /** As of when it was made; ms. */
  readonly timeMs: number
  /** Empty for an event's decision, else the timers that fired. */
  readonly trigger: string
}

/** A row of `decisions`. */
export interface StoredDecision extends DecisionKey {
  readonly nowMs: number
  readonly policy: string
  readonly chosen: readonly string[]
  readonly columns: RowValues
}

/** Where an action's decision is. Its own trigger is one of the decision's. */
export interface StoredAction extends DecisionKey {
  readonly action: string
}

/** A profile's row: only what tells which events count. */
export interface StoredMark {
  readonly partition: number
  readonly erasedBefore: number
  readonly deleted: boolean
  /** The first position that the row does not include. */
  readonly version: number
}

/** The port to the tables. Everything throws StoreError. */
export interface StoryStore {
  action(id: string): Promise<StoredAction | undefined>
  /** The decisions of a customer at exactly this time and position. */
  decisionsAt(key: Pick<DecisionKey, 'customer' | 'timeMs' | 'position'>): Promise<StoredDecision[]>
  /** The customer's last one at or before a time (ms). */
  lastDecision(customer: string, atMs: number): Promise<StoredDecision | undefined>
  marks(customer: string): Promise<StoredMark[]>
  /** The partitions that have events or decisions of the customer. */
  partitions(customer: string): Promise<number[]>
  /** Before this position the partition's customers may have been in another one; 0 where they never moved. */
  movedPosition(partition: number): Promise<number>
  /** Events and statements in order of position, each once: those of the partition, and those of any from before the customers moved. */
  events(customer: string, partition: number, untilPosition: number): Promise<StoredEvent[]>
  /** The text of a policy, or of settings; undefined where the hash is not known. */
  policy(hash: string): Promise<string | undefined>
  settings(hash: string): Promise<string | undefined>
}

/** What one slice did with the customer. */
export interface Step {
  /** undefined where the journal no longer has the slice: then its clock, its rules and its timers are not known. */
  readonly entry: JournalEntry | undefined
  /** The position at which the slice begins. */
  readonly start: number
  readonly events: readonly StoredEvent[]
}
