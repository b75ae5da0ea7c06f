/**
 * The pending rows of one table, and the loop that stores them: batches in order, one INSERT at a time, a second apart unless
 * the batch is full, since every INSERT makes a part that the server must merge. An INSERT is repeated until it is stored. If
 * the server refuses rows, the batch is halved until the bad ones are found; these are reported and left out. But when so many
 * are refused in a row that the rows can't be the cause, nothing more is left out and the table waits.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { RowChunk } from '../row-binary.ts'
import { splitRows } from '../split-rows.ts'
import { StoreError } from '../store-error.ts'
import type { Table } from '../table.ts'
import { insertRows } from './insert.ts'

/** Reports to the metrics and the log; never row data. */
export interface InsertObserver {
  stored(table: string, rows: number, bytes: number, seconds: number): void
  /** An INSERT failed and will be repeated. */
  failed(table: string, error: StoreError): void
  /** One row was refused and is left out. */
  quarantined(table: string, error: StoreError): void
}

interface InsertQueueOptions {
  readonly client: ClickHouseClient
  readonly table: Table
  readonly observer: InsertObserver
  readonly intervalMs: number
  readonly maxInsertBytes: number
  readonly maxRetryMs: number
  /** Ends the loop, and the INSERT under way. */
  readonly signal: AbortSignal
  /** Called with the number of bytes that need no longer be kept. */
  readonly settled: (bytes: number) => void
}

/** A caller who waits until the first `target` chunks are settled. */
interface Waiter {
  readonly target: number
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

const firstRetryMs = 200
const maxQuarantinedInARow = 100

export class InsertQueue {
  readonly #options: InsertQueueOptions
  readonly #chunks: RowChunk[] = []
  #bytes = 0
  #loop: Promise<void> | undefined
  #hurried = false
  #wake = (): void => {}
  #lastInsertAt = Number.NEGATIVE_INFINITY
  #quarantinedInARow = 0
  #added = 0
  #settled = 0
  readonly #waiters: Waiter[] = []

  constructor(options: InsertQueueOptions) {
    this.#options = options
  }

  add(chunk: RowChunk): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.bytes.length
    this.#added++
    if (this.#loop === undefined) this.#loop = this.#run()
    else if (this.#bytes >= this.#options.maxInsertBytes) this.#wake()
  }

  /** Resolves when everything added so far is stored or left out; rejects when the signal comes first. */
  whenSettled(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#settled === this.#added) resolve()
      else if (this.#options.signal.aborted) reject(stopped())
      else this.#waiters.push({ target: this.#added, resolve, reject })
    })
  }

  /** Stores what is there without waiting for the interval. */
  hurry(): void {
    this.#hurried = this.#loop !== undefined
    this.#wake()
  }

  /** Resolves when the loop has stopped: there is nothing to store, or the signal has ended it. */
  async whenIdle(): Promise<void> {
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal, settled } = this.#options
    while (this.#chunks.length > 0 && !signal.aborted) {
      await this.#due()
      if (signal.aborted) break
      const batch = this.#nextBatch()
      this.#lastInsertAt = performance.now()
      await this.#store(batch)
      if (signal.aborted) break
      this.#settled += batch.length
      settled(byteLength(batch))
      while (this.#waiters.length > 0 && this.#waiters[0]!.target <= this.#settled) this.#waiters.shift()!.resolve()
    }
    for (const waiter of this.#waiters.splice(0)) waiter.reject(stopped())
    this.#hurried = false
    this.#loop = undefined
  }

  /** Waits until a batch is full, the interval since the last one has passed, or `hurry` is called. */
  async #due(): Promise<void> {
    const { intervalMs, maxInsertBytes, signal } = this.#options
    const waitMs = this.#lastInsertAt + intervalMs - performance.now()
    // At least one turn of the event loop, so that what is added in the same turn goes into the same batch.
    if (this.#hurried || this.#bytes >= maxInsertBytes || waitMs <= 0)
      return new Promise((resolve) => setImmediate(resolve))
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#wake = () => {}
        resolve()
      }
      const timer = setTimeout(done, waitMs)
      signal.addEventListener('abort', done)
      this.#wake = done
    })
  }

  #nextBatch(): RowChunk[] {
    let bytes = 0
    let count = 0
    for (const chunk of this.#chunks) {
      if (count > 0 && bytes + chunk.bytes.length > this.#options.maxInsertBytes) break
      bytes += chunk.bytes.length
      count++
    }
    this.#bytes -= bytes
    return this.#chunks.splice(0, count)
  }

  async #store(chunks: readonly RowChunk[]): Promise<void> {
    const refusal = await this.#insert(chunks)
    if (refusal === undefined) return
    const halves = splitRows(chunks)
    if (halves === undefined) {
      this.#quarantinedInARow++
      this.#options.observer.quarantined(this.#options.table.name, refusal)
      return
    }
    await this.#store(halves[0])
    await this.#store(halves[1])
  }

  /** Repeats one INSERT until it is stored; returns the error where the rows themselves are the cause. */
  async #insert(chunks: readonly RowChunk[]): Promise<StoreError | undefined> {
    const { client, table, observer, maxRetryMs, signal } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      const startedAt = performance.now()
      try {
        await insertRows(client, table, chunks, signal)
        this.#quarantinedInARow = 0
        const rows = chunks.reduce((sum, chunk) => sum + chunk.rowEnds.length, 0)
        observer.stored(table.name, rows, byteLength(chunks), (performance.now() - startedAt) / 1000)
        return undefined
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        if (signal.aborted) return undefined
        if (error.code === 'data' && this.#quarantinedInARow < maxQuarantinedInARow) return error
        observer.failed(table.name, error)
      }
      const backoffMs = Math.min(maxRetryMs, firstRetryMs * 2 ** attempt)
      // Only the signal ends it early, and the loop's condition checks that.
      await sleep(backoffMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
    }
    return undefined
  }
}

function byteLength(chunks: readonly RowChunk[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)
}

export function stopped(): StoreError {
  return new StoreError('unavailable', 0, 'writer stopped', 'none')
}
