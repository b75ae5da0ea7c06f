import type { Cursor, Due } from '../timers/queue.ts'
import type { RowChunk } from './row-binary.ts'

/** A stored profile or checkpoint, as recovery needs it. */
export interface StoredProfile {
  readonly customer: string
  /** The first position that it does not include. */
  readonly version: number
  readonly streamTimeMs: number
  /** Hash of the rules that it was built under; empty for a checkpoint. */
  readonly policy: string
  /** The features of those rules that were not ready. */
  readonly notReady: readonly string[]
  readonly state: Buffer
  /** The customer was erased at the position before this one, and no earlier event may count; 0 for never. */
  readonly erasedBefore: number
  /** Erased, and no event has come since: the state is empty. */
  readonly deleted: boolean
}

/** The port for profiles. All methods fail with a `StoreError`; the caller decides on retries. */
export interface ProfileStore {
  /** Stores rows of `profiles` and the checkpoint that vouches for them, in one insert; at most 8 MB. */
  insert(chunk: RowChunk): Promise<void>
  /** The latest rows of those customers who have one, in no order. */
  read(partition: number, customers: readonly string[]): Promise<StoredProfile[]>
  /** The latest checkpoint, undefined where there is none. */
  readCheckpoint(partition: number): Promise<StoredProfile | undefined>
  /** The distinct numbers of partitions in all checkpoints: usually one, and none before the first checkpoint. */
  readPartitionCounts(): Promise<number[]>
  /**
   * Whose timers are due next: at most `most` rows after the cursor, ordered by (due, customer). Rows of earlier versions may
   * be among them, so check the profile itself.
   */
  readDue(partition: number, past: Cursor, most: number): Promise<Due[]>
  /** A customer's readable columns, one object per partition that has the customer; empty where unknown or erased. */
  readCustomer(customer: string): Promise<Record<string, unknown>[]>
}
