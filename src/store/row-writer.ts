import type { RowChunk } from './row-binary.ts'
import type { Table } from './table.ts'

/**
 * The port for rows that nothing reads back: events, decisions, actions. Delivery: at least once while the process
 * lives, in order per table; the tables' keys make it exactly once. Bound: `full` asks the caller to stop.
 */
export interface RowWriter {
  /** Takes over rows; to be called after their transaction is committed. It never waits and never fails. */
  write(table: Table, chunk: RowChunk): void
  readonly pendingBytes: number
  /** True from `maxPendingBytes` on, until at most half of that is pending: fetch no more. */
  readonly full: boolean
  /** Resolves when no longer `full`. This and `whenStored` reject if the writer is stopped first. */
  whenDrained(): Promise<void>
  /** Resolves when all rows taken over so far are stored (or found unstorable): a checkpoint may then vouch for them. */
  whenStored(): Promise<void>
  /** Stores all pending rows without waiting for a batch to fill; false if `deadlineMs` from now passed first. */
  flush(deadlineMs: number): Promise<boolean>
  /** Gives up retries and inserts under way. Rows that are not stored are dropped: the next replay writes them. */
  stop(): Promise<void>
}
