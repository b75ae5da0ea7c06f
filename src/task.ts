import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordBatch } from './events/log.ts'
import type { FeatureSet } from './features/features.ts'
import { UnknownSchema } from './ingest/decode.ts'
import { type Log, LogError, type SliceWriter, type TopicPartition, type Turn } from './log/log.ts'
import type { Logger } from './ops/logger.ts'
import { countSlice, type Failure, type Metrics } from './ops/metrics.ts'
import type { Decoded, Pipeline } from './pipeline.ts'
import { ProfileCache } from './profiles/cache.ts'
import { StateError } from './profiles/codec.ts'
import { profilesTable } from './store/profile-row.ts'
import type { ProfileStore } from './store/profile-store.ts'
import { nextOffsetOf } from './store/profile-version.ts'
import type { RowWriter } from './store/row-writer.ts'
import { writeSlice } from './store/slice-rows.ts'
import { StoreError } from './store/store-error.ts'

/**
 * The worker of one input partition: it owns the partition's profiles and its transactional producer.
 *
 *     closed ─► opening ─► running ─► closed        (lost, or unsure of the truth: it opens again)
 *                   └────────┴──────► failed        (can't be made right without an operator: it stays there)
 *
 * - **opening**: fence the previous owner, read the committed offset C, read the checkpoint S, replay [S, C) without
 *   emitting. From then on the profiles hold exactly the effect of all input before C.
 * - **running**: slice after slice; each is decoded, folded, and committed in one transaction with its input offset.
 * - **failed**: the reason is in the metric, the log and `/readyz`; the other partitions go on.
 *
 * Delivery: exactly once. The transaction decides whether a slice happened; ClickHouse follows behind it. Order: by
 * partition. Bound: one slice in flight; a checkpoint at most every `checkpointMs`, one in flight.
 */
export type TaskState = 'closed' | 'opening' | 'running' | 'failed'

export interface TaskDeps {
  readonly log: Log
  readonly groupId: string
  readonly pipeline: Pipeline
  readonly features: FeatureSet
  readonly store: ProfileStore
  readonly rows: RowWriter
  readonly metrics: Metrics
  readonly logger: Logger
  readonly maxSliceEvents: number
  readonly checkpointMs: number
  /** Fetches a schema that the decoder asks for, and gives it to the decoder; rejects while the registry is away. */
  readonly fetchSchema: (topic: string, id: number, nowMs: number) => Promise<void>
  /** Stops the fetch of a failed partition. */
  readonly pause: (at: TopicPartition) => void
}

/** The task can't go on for good: only an operator can make it right. The runbook has a page for each reason. */
export class TaskFailure extends Error {
  readonly reason: Failure
  readonly hint: string
  constructor(reason: Failure, hint: string, cause?: unknown) {
    super(`${reason}: ${hint}`, { cause })
    this.reason = reason
    this.hint = hint
  }
}

/** What it knew of the partition may no longer be true; the task opens again. */
class Lost extends Error {}

/** All that an open task holds. */
interface Opened {
  writer: SliceWriter | undefined
  readonly profiles: ProfileCache
  /** All input before it is folded in and committed. */
  nextOffset: number
  /** The offset that the last stored checkpoint speaks for. */
  checkpointOffset: number
}

/** A retry waits 0.1 s, doubled up to 5 s. */
const backoffMs = (attempt: number) => Math.min(100 * 2 ** attempt, 5_000)

export class Task {
  readonly at: TopicPartition
  readonly #deps: TaskDeps
  #state: TaskState = 'closed'
  #failure: TaskFailure | undefined
  #opened: Opened | undefined
  /** Folded, not yet committed: no snapshot may be taken. */
  #folding = false
  #checkpoint: Promise<void> | undefined
  #checkpointMs = 0
  /** When the oldest change that no checkpoint holds was made; 0 for none. */
  #unsavedSinceMs = 0
  #closed = false

  constructor(at: TopicPartition, deps: TaskDeps) {
    this.at = at
    this.#deps = deps
  }

  get state(): TaskState {
    return this.#state
  }

  get failure(): TaskFailure | undefined {
    return this.#failure
  }

  get profilesInMemory(): number {
    return this.#opened?.profiles.size ?? 0
  }

  /** Age of the oldest change that no checkpoint holds; ms. */
  unsavedMs(nowMs: number): number {
    return this.#unsavedSinceMs === 0 ? 0 : nowMs - this.#unsavedSinceMs
  }

  /** Handles one batch; returns when it is committed, or early when the turn has passed to another. */
  async onBatch(batch: RecordBatch, turn: Turn): Promise<void> {
    if (this.#state === 'failed') return
    try {
      const opened = this.#opened ?? (await this.#open(turn))
      if (batch.startOffset > opened.nextOffset) {
        const missing = `offsets ${opened.nextOffset} to ${batch.startOffset - 1} are gone from the topic`
        throw new TaskFailure('gap', `${missing}: the retention was shorter than the outage`)
      }
      this.#observeLag(batch)
      let from = 0
      while (from < batch.count && batch.offset(from) < opened.nextOffset) from++
      while (from < batch.count && turn.isCurrent()) {
        const to = Math.min(from + this.#deps.maxSliceEvents, batch.count)
        await this.#slice(opened, batch, from, to, turn)
        from = to
      }
    } catch (error) {
      await this.#onError(error)
    }
  }

  /** To be called now and then while no batch comes: what is not saved yet is saved. */
  tick(): void {
    if (this.#state === 'running' && !this.#folding && this.#opened) this.#saveWhenDue(this.#opened)
  }

  /** Saves what is not saved, where the store answers before the deadline, and gives the partition up. */
  async close(save: boolean): Promise<void> {
    this.#closed = true
    const opened = this.#opened
    if (save && opened && this.#state === 'running' && !this.#folding) {
      await this.#checkpoint
      if (opened.profiles.hasChanges) this.#save(opened)
      await this.#checkpoint
    }
    this.#drop()
    if (this.#state !== 'failed') this.#state = 'closed'
  }

  // Opening

  async #open(turn: Turn): Promise<Opened> {
    const { log, groupId, store, features } = this.#deps
    const { topic, partition } = this.at
    this.#state = 'opening'
    await turn.heartbeat()
    if (!turn.isCurrent()) throw new Lost('the partition was lost before it was opened')
    const writer = await this.#beating(turn, log.openWriter(this.#transactionalId))
    const { offset } = await this.#beating(turn, log.committedOffset(groupId, topic, partition))
    const checkpoint = await this.#patiently(turn, () => store.readCheckpoint(topic, partition))
    const saved = checkpoint === undefined ? null : nextOffsetOf(checkpoint.version)
    if (saved !== null && (offset === null || saved > offset)) {
      const found = offset === null ? 'no committed offset' : `the committed offset ${offset}`
      throw new TaskFailure('ahead', `the checkpoint is at ${saved}, but the group has ${found}: set it to ${saved}`)
    }
    const { low } = await this.#beating(turn, log.offsets(topic, partition))
    const start = saved ?? low
    const profiles = new ProfileCache(store, topic, partition, features, checkpoint === undefined)
    const opened: Opened = { writer, profiles, nextOffset: start, checkpointOffset: start }
    const end = offset ?? low
    if (low > start && start < end) {
      throw new TaskFailure('gap', `the checkpoint is at ${start}, but the topic now begins at ${low}`)
    }
    await this.#replay(opened, end, turn)
    opened.nextOffset = Math.max(opened.nextOffset, end)
    this.#opened = opened
    this.#state = 'running'
    this.#deps.logger.info('task.open', { ...this.at, offset: opened.nextOffset, count: end - start })
    return opened
  }

  /** Folds [checkpoint, committed) once more; what it would emit was emitted by the transactions of that input. */
  async #replay(opened: Opened, end: number, turn: Turn): Promise<void> {
    const { log, maxSliceEvents } = this.#deps
    if (opened.nextOffset >= end) return
    for await (const batch of log.read(this.at.topic, this.at.partition, opened.nextOffset, end)) {
      let count = batch.count
      while (count > 0 && batch.offset(count - 1) >= end) count--
      for (let from = 0; from < count; from += maxSliceEvents) {
        const to = Math.min(from + maxSliceEvents, count)
        const folded = await this.#fold(opened, batch, from, to, turn)
        writeSlice(this.#deps.rows, folded.rows)
        await this.#room(turn)
      }
      opened.nextOffset = Math.min(batch.nextOffset, end)
      if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
    }
  }

  // Running

  async #slice(opened: Opened, batch: RecordBatch, from: number, to: number, turn: Turn): Promise<void> {
    const { metrics, rows, groupId } = this.#deps
    const { topic, partition } = this.at
    await this.#room(turn)
    if (!turn.isCurrent()) return
    const startedMs = Date.now()
    this.#folding = true
    const { records, tally, rows: chunks, faults } = await this.#fold(opened, batch, from, to, turn)
    const foldedMs = Date.now()
    const nextOffset = to === batch.count ? batch.nextOffset : batch.offset(to)
    const slice = { records, groupId, topic, partition, nextOffset, metadata: '' }
    await this.#commit(opened, slice, turn)
    this.#folding = false
    opened.nextOffset = nextOffset
    const committedMs = Date.now()

    writeSlice(rows, chunks)
    countSlice(metrics, topic, tally)
    metrics.sliceSeconds.observe({ stage: 'fold' }, (foldedMs - startedMs) / 1000)
    metrics.sliceSeconds.observe({ stage: 'commit' }, (committedMs - foldedMs) / 1000)
    if (tally.decisions.chosen > 0) {
      metrics.eventToAction.observe(Math.max(0, (committedMs - batch.timestamp(from)) / 1000))
    }
    for (const fault of faults) this.#deps.logger.error('event.processing', { ...this.at, error: fault })
    if (this.#unsavedSinceMs === 0) this.#unsavedSinceMs = committedMs
    this.#saveWhenDue(opened)
    await turn.heartbeat()
  }

  async #fold(opened: Opened, batch: RecordBatch, from: number, to: number, turn: Turn) {
    const { pipeline } = this.#deps
    const nowMs = Date.now()
    const decoded = await this.#decode(batch, from, to, nowMs, turn)
    const missing = opened.profiles.missing(decoded)
    if (missing.length > 0) await this.#patiently(turn, () => opened.profiles.load(missing))
    return pipeline.fold(batch, from, decoded, opened.profiles, nowMs)
  }

  async #decode(batch: RecordBatch, from: number, to: number, nowMs: number, turn: Turn): Promise<Decoded[]> {
    for (;;) {
      const decoded = this.#deps.pipeline.decode(batch, from, to, nowMs)
      const unknown = new Set<number>()
      for (const one of decoded) if (one instanceof UnknownSchema) unknown.add(one.id)
      if (unknown.size === 0) return decoded
      for (const id of unknown) {
        await this.#patiently(turn, () => this.#deps.fetchSchema(this.at.topic, id, nowMs))
      }
    }
  }

  /** One transaction; where its outcome is unknown, a new producer settles it and the committed offset tells. */
  async #commit(opened: Opened, slice: Parameters<SliceWriter['commit']>[0], turn: Turn): Promise<void> {
    const { log, metrics, logger, groupId } = this.#deps
    const startOffset = opened.nextOffset
    for (let attempt = 0; ; attempt++) {
      try {
        opened.writer ??= await this.#beating(turn, log.openWriter(this.#transactionalId))
        if (attempt > 0) {
          const { offset } = await this.#beating(turn, log.committedOffset(groupId, slice.topic, slice.partition))
          if (offset === slice.nextOffset) return
          // A group without an offset yet starts where the topic does.
          if (offset !== null && offset !== startOffset) throw new Lost('another owner went on from here')
        }
        await this.#beating(turn, opened.writer.commit(slice))
        return
      } catch (error) {
        const failed = opened.writer
        opened.writer = undefined
        await failed?.close().catch((closing) => logger.debug('writer.close', { ...this.at, error: closing }))
        if (!(error instanceof LogError) || !error.retriable) throw error
        metrics.sliceRetries.inc({ code: error.code })
        logger.warn('slice.retry', { ...this.at, code: error.code, nextOffset: slice.nextOffset })
        await turn.heartbeat()
        if (!turn.isCurrent()) throw new Lost('the partition was lost while a slice was committed')
        await this.#beating(turn, sleep(backoffMs(attempt)))
      }
    }
  }

  // Checkpoints

  #saveWhenDue(opened: Opened): void {
    const nowMs = Date.now()
    if (this.#checkpoint || nowMs - this.#checkpointMs < this.#deps.checkpointMs) return
    if (opened.nextOffset === opened.checkpointOffset && !opened.profiles.hasChanges) return
    this.#checkpointMs = nowMs
    this.#save(opened)
  }

  /** Takes the snapshot now, and stores it behind the rows of the slices that it covers: it then speaks for them too. */
  #save(opened: Opened): void {
    const { rows, logger } = this.#deps
    const { nextOffset } = opened
    const unsavedSinceMs = this.#unsavedSinceMs
    const snapshot = opened.profiles.snapshot(nextOffset)
    this.#unsavedSinceMs = 0
    const store = async () => {
      await rows.whenStored()
      rows.write(profilesTable, snapshot)
      await rows.whenStored()
      opened.checkpointOffset = nextOffset
    }
    this.#checkpoint = store()
      .catch((error) => {
        this.#unsavedSinceMs = unsavedSinceMs
        logger.debug('checkpoint.dropped', { ...this.at, error })
      })
      .finally(() => {
        this.#checkpoint = undefined
      })
  }

  // Waiting

  /** Waits while the rows behind the stream are too many: the fetch stops, and Kafka is the queue. */
  async #room(turn: Turn): Promise<void> {
    if (this.#deps.rows.full) await this.#beating(turn, this.#deps.rows.whenDrained())
  }

  /** Tries until the store or the registry answers, or the partition is another's. */
  async #patiently<T>(turn: Turn, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#beating(turn, ask())
      } catch (error) {
        const passes = error instanceof StoreError ? error.retriable : !(error instanceof StateError)
        if (!passes) throw error
        if (attempt === 0) this.#deps.logger.warn('dependency.wait', { ...this.at, error })
        await this.#beating(turn, sleep(backoffMs(attempt)))
        if (!turn.isCurrent() || this.#closed) throw new Lost('the partition was lost while a dependency was away')
      }
    }
  }

  /** The answer, with heartbeats while it is awaited. */
  async #beating<T>(turn: Turn, answer: Promise<T>): Promise<T> {
    const beat = setInterval(() => void turn.heartbeat(), 1_000)
    try {
      return await answer
    } finally {
      clearInterval(beat)
    }
  }

  // Endings

  async #onError(error: unknown): Promise<void> {
    this.#folding = false
    const failure = asFailure(error)
    this.#drop()
    if (!failure) {
      this.#state = 'closed'
      if (error instanceof Lost) return this.#deps.logger.warn('task.lost', { ...this.at, error })
      throw error
    }
    this.#state = 'failed'
    this.#failure = failure
    this.#deps.metrics.partitionFailed.inc({ reason: failure.reason })
    this.#deps.logger.error('task.failed', { ...this.at, reason: failure.reason, hint: failure.hint, error })
    this.#deps.pause(this.at)
  }

  #drop(): void {
    const writer = this.#opened?.writer
    this.#opened = undefined
    this.#unsavedSinceMs = 0
    writer?.close().catch((error) => this.#deps.logger.debug('writer.close', { ...this.at, error }))
  }

  #observeLag(batch: RecordBatch): void {
    const labels = { topic: this.at.topic, partition: String(this.at.partition) }
    this.#deps.metrics.consumerLag.set(labels, Math.max(0, batch.highWatermark - batch.nextOffset))
  }

  get #transactionalId(): string {
    return `${this.#deps.groupId}.${this.at.topic}.${this.at.partition}`
  }
}

function asFailure(error: unknown): TaskFailure | undefined {
  if (error instanceof TaskFailure) return error
  if (error instanceof StateError)
    return new TaskFailure('state', 'a stored profile can not be read; see the runbook', error)
  if (error instanceof LogError && error.code === 'too_large') {
    return new TaskFailure(
      'output',
      'an output topic refuses a record of allowed size: raise its max.message.bytes',
      error,
    )
  }
  return undefined
}
