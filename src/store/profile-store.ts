import type { Cursor, Due } from '../timers/queue.ts'
import type { RowChunk } from './row-binary.ts'

/** A stored profile or checkpoint, as recovery needs it. */
export interface StoredProfile {
  readonly customer: string
  /** The first position that it does not include. */
  readonly version: number
  readonly streamTimeMs: number
  /** The rules under which it was gathered; empty of a checkpoint. */
  readonly policy: string
  /** The features that were not ready under these. */
  readonly notReady: readonly string[]
  readonly state: Buffer
  /** The customer was erased at the position before this one, and no earlier event may count; 0 where never. */
  readonly erasedBefore: number
  /** Erased, and not come back by `version`: the state is empty. */
  readonly deleted: boolean
}

/** The port for profiles. All methods fail with a `StoreError`; the caller decides on retries. */
export interface ProfileStore {
  /** Stores rows of `profiles` and the checkpoint that speaks for them, in one insert; at most 8 MB. */
  insert(chunk: RowChunk): Promise<void>
  /** The latest rows of those customers that have one, in no order. */
  read(partition: number, customers: readonly string[]): Promise<StoredProfile[]>
  /** The latest checkpoint, undefined where there is none. */
  readCheckpoint(partition: number): Promise<StoredProfile | undefined>
  /** The numbers of partitions that the checkpoints of all partitions speak of; one, as a rule, and none before the first. */
  readPartitionCounts(): Promise<number[]>
  /**
   * Whose timers are due next, past the cursor and at most so many rows, in the order of (due, customer). A customer's
   * earlier versions may be among them, so the profile itself has the last word.
   */
  readDue(partition: number, past: Cursor, most: number): Promise<Due[]>
  /** A customer's readable columns, one object for each partition that has it; empty where the customer is unknown or erased. */
  readCustomer(customer: string): Promise<Record<string, unknown>[]>
}
