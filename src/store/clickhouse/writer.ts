import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { RowChunk } from '../row-binary.ts'
import type { RowWriter } from '../row-writer.ts'
import type { Table } from '../table.ts'
import { type InsertObserver, InsertQueue, stopped } from './insert-queue.ts'

export interface WriterOptions {
  readonly client: ClickHouseClient
  readonly observer: InsertObserver
  /** Encoded rows kept in memory before `full` asks the caller to stop. */
  readonly maxPendingBytes: number
  /** The least time between two INSERTs into one table, unless a batch is full. */
  readonly intervalMs?: number
  readonly maxInsertBytes?: number
  readonly maxRetryMs?: number
}

/** The writer of events, decisions and actions: one queue per table, for all partitions. */
export function createWriter(options: WriterOptions): RowWriter {
  const {
    client,
    observer,
    maxPendingBytes,
    intervalMs = 1000,
    // Small enough that the insert's part in `events` is a compact one: see min_bytes_for_wide_part there.
    maxInsertBytes = 32_000_000,
    maxRetryMs = 5000,
  } = options
  const stopping = new AbortController()
  const queues = new Map<string, InsertQueue>()
  let pendingBytes = 0
  let full = false
  let drainWaiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []

  function settled(bytes: number): void {
    pendingBytes -= bytes
    if (!full || pendingBytes > maxPendingBytes / 2) return
    full = false
    for (const waiter of drainWaiters) waiter.resolve()
    drainWaiters = []
  }

  function queueOf(table: Table): InsertQueue {
    let queue = queues.get(table.name)
    if (queue === undefined) {
      const { signal } = stopping
      queue = new InsertQueue({ client, table, observer, intervalMs, maxInsertBytes, maxRetryMs, signal, settled })
      queues.set(table.name, queue)
    }
    return queue
  }

  async function whenStored(): Promise<void> {
    await Promise.all([...queues.values()].map((queue) => queue.whenSettled()))
  }

  return {
    get pendingBytes() {
      return pendingBytes
    },
    get full() {
      return full
    },
    write(table: Table, chunk: RowChunk): void {
      if (chunk.rowEnds.length === 0 || stopping.signal.aborted) return
      pendingBytes += chunk.bytes.length
      full ||= pendingBytes >= maxPendingBytes
      queueOf(table).add(chunk)
    },
    whenDrained(): Promise<void> {
      return new Promise((resolve, reject) => {
        if (!full) resolve()
        else if (stopping.signal.aborted) reject(stopped())
        else drainWaiters.push({ resolve, reject })
      })
    },
    whenStored,
    async flush(deadlineMs: number): Promise<boolean> {
      for (const queue of queues.values()) queue.hurry()
      const deadline = new AbortController()
      const stored = whenStored().then(
        () => true,
        () => false,
      )
      const passed = sleep(deadlineMs, false, { signal: deadline.signal }).catch(() => false)
      const result = await Promise.race([stored, passed])
      deadline.abort()
      return result
    },
    async stop(): Promise<void> {
      stopping.abort()
      for (const waiter of drainWaiters.splice(0)) waiter.reject(stopped())
      await Promise.all([...queues.values()].map((queue) => queue.whenIdle()))
    },
  }
}
