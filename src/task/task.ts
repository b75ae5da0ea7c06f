import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordBatch } from '../events/log.ts'
import { hasRecords } from '../log/has-records.ts'
import { LogError, type Turn } from '../log/log.ts'
import type { TaskState } from '../ops/metrics.ts'
import { ProcessingError } from '../pipeline.ts'
import type { Clock } from '../slice-input.ts'
import { BackfillRounds } from './backfill-rounds.ts'
import { clockBehind, clockOf, endOf } from './clock.ts'
import { dropWriter } from './commit.ts'
import type { TaskDeps } from './deps.ts'
import { failureOf, Lost, TaskFailure } from './failure.ts'
import { findDue, foldRecords, nothingFolded } from './fold.ts'
import { type At, type Opened, originOf } from './opened.ts'
import { whileCurrent } from './patience.ts'
import { diverged, recover, tooShort } from './recover.ts'
import { Saver } from './saver.ts'
import { type Asked, brokersMs, finishSlice, noRecords, type Taken } from './slice.ts'

/** What no batch asks for is tried again after that. */
const retryMs = 5_000
/** Once the code has thrown, each event's profile is copied before it until no further one has made it throw for so long. */
const carefulMs = 10 * 60_000

/**
 * The worker of one partition number of all input topics: it owns the partition's profiles, in which what the topics tell of
 * a customer meets, and its transactional producer.
 *
 *     closed ─► opening ─► running ─► closed        (lost, or unsure of the truth: it opens again)
 *                   └────────┴──────► failed        (can't be made right without an operator: it stays there)
 *
 * - **closed**: it holds nothing. An assignment opens it at once, else the next batch does.
 * - **opening**: `recover.ts` makes the profiles those of exactly the committed input.
 * - **running**: slice after slice, each of one topic, in the order in which they come; each is decoded, folded, and
 *   committed in one transaction with its journal entry and its input offset. Behind its records, the timers fire that are
 *   due; while no batch comes, a slice of timers alone.
 *   Features that the rules have anew are computed from stored events beside it, and put in place in slices of their own.
 *   Profiles follow in checkpoints.
 *   Where the code throws in the midst of an event, its profile is half changed: the task drops all and opens again, and
 *   goes on carefully, so that the event is undone and becomes a dead letter.
 * - **failed**: the reason is in the metric, the log and `/readyz`; the other partitions go on.
 *
 * Delivery: exactly once. The transaction decides whether a slice happened; ClickHouse follows behind it. Order: by
 * partition of a topic. Bound: one slice in flight; a checkpoint at most every `checkpointMs`, one in flight.
 */
export class Task {
  readonly at: At
  readonly #deps: TaskDeps
  readonly #saver: Saver
  readonly #backfillRounds: BackfillRounds
  /** Until when a throw is expected; ms. */
  #carefulUntilMs = 0
  #state: TaskState = 'closed'
  #stateSinceMs = Date.now()
  #waitsFor = 'it has just been assigned'
  #failure: TaskFailure | undefined
  /** It fails behind the batch under way, and takes no other. */
  #isGivenUp = false
  #opened: Opened | undefined
  #opening: Promise<Opened> | undefined
  /** Folded, not yet committed: no snapshot may be taken. */
  #folding = false
  /** A batch is being handled, or a slice is under way that none asked for, of timers or of an errand; others wait for it. */
  #busy: Promise<void> | undefined
  /** What is to be done between two slices. */
  #errand: Errand | undefined
  #readingTimers = false
  /** What the last reading of timers met with. */
  #timersMet: unknown
  #ended = false

  constructor(partition: number, deps: TaskDeps) {
    this.at = { partition }
    this.#deps = deps
    this.#saver = new Saver(deps, this.at, (failure) => void this.giveUp(failure))
    this.#backfillRounds = new BackfillRounds(deps, partition)
  }

  get state(): TaskState {
    return this.#state
  }

  get failure(): TaskFailure | undefined {
    return this.#failure
  }

  /** Why it is not running, where it is closed or opening: in words for people, without any data. */
  get waitsFor(): string {
    return this.#waitsFor
  }

  /** How long it has been in its state; ms. */
  stateMs(nowMs: number): number {
    return nowMs - this.#stateSinceMs
  }

  /** All of the topic before it is taken; undefined while it is not known. */
  nextOffset(topic: string): number | undefined {
    return this.#state === 'running' ? this.#opened?.offsets.get(topic) : undefined
  }

  get profilesInMemory(): number {
    return this.#opened?.profiles.size ?? 0
  }

  get busiestShare(): number {
    return this.#opened?.profiles.busiestShare ?? 0
  }

  get timersPending(): number {
    return this.#opened?.profiles.timers.pending ?? 0
  }

  /** Age of the oldest change that no checkpoint holds; ms. */
  get unsavedMs(): number {
    return this.#saver.unsavedMs
  }

  /** Opens the partition without waiting for a batch: its profiles are due, and perhaps its timers, though none comes. */
  start(): void {
    void this.#unasked(this.#open(this.#ownTurn))
  }

  /** The assignment has proved the membership; kafkajs beats for the group while no handler runs. */
  readonly #ownTurn: Turn = { heartbeat: async () => undefined, isCurrent: () => !this.#ended }

  /** Work that no batch has asked for: where it fails, no batch may come to open the partition again. */
  #unasked(work: Promise<unknown>): Promise<void> {
    return work.then(
      () => undefined,
      (error) => this.#onError(error, this.#ownTurn).catch(() => this.#openLater()),
    )
  }

  /** Handles one batch; returns when it is committed, or early when the turn has passed to another. */
  async onBatch(batch: RecordBatch, turn: Turn): Promise<void> {
    // One may follow the other.
    while (this.#busy && turn.isCurrent()) await whileCurrent(turn, this.#busy)
    if (this.#isGivenUp || this.#state === 'failed' || !turn.isCurrent()) return
    const handled = this.#handle(batch, turn)
    this.#occupy(handled)
    await handled
  }

  #occupy(work: Promise<void>): void {
    const done = () => {
      this.#busy = undefined
    }
    this.#busy = work.then(done, done)
  }

  async #handle(batch: RecordBatch, turn: Turn): Promise<void> {
    try {
      let opened = this.#opened
      if (opened === undefined) {
        const opening = this.#opening ?? this.#open(turn)
        opened = await whileCurrent(turn, opening)
        // It goes on, and the next holder of the turn waits for it too. Where none comes, somebody must hear how it ends.
        if (opened === undefined) return void this.#unasked(opening)
      }
      const start = opened.offsets.get(batch.topic)!
      if (batch.startOffset > start) await this.#checkGap(batch.topic, start, batch.startOffset)
      const own = opened.homes?.own(batch) ?? batch
      let from = 0
      while (from < own.count && own.offset(from) < start) from++
      while (from < own.count && turn.isCurrent()) {
        await this.#runErrand(turn)
        const to = Math.min(from + this.#deps.maxSliceEvents, own.count)
        from = await this.#slice(opened, own, from, to, turn)
      }
      if (own !== batch && turn.isCurrent()) await this.#pass(opened, batch, turn)
    } catch (error) {
      await this.#onError(error, turn)
    }
  }

  /** To be called a few times a second: what is not saved yet is saved, and while no batch comes, due timers fire. */
  tick(): void {
    const opened = this.#opened
    if (this.#state !== 'running' || opened === undefined) return
    if (!this.#folding) this.#saver.saveWhenDue(opened)
    void this.#readTimers(opened)
    this.#workUnasked(opened)
  }

  /** A fetch has found that a topic's log is not the one that was taken so far. While the task opens, that looks itself. */
  async onLogChanged(topic: string, error: LogError): Promise<void> {
    const { partition } = this.at
    const nextOffset = this.nextOffset(topic)
    if (nextOffset === undefined) return
    if (error.code === 'diverged') return this.giveUp(new TaskFailure('diverged', error.message, error))
    const { low, high } = await this.#deps.log.offsets(topic, partition)
    if (high < nextOffset) await this.giveUp(tooShort(topic, nextOffset, high))
    else if (low > nextOffset) await this.giveUp(cutOff(topic, nextOffset, low))
    else {
      const epoch = this.#opened?.epochs.get(topic)
      const end = epoch === undefined ? nextOffset : await this.#deps.log.endOfEpoch(topic, partition, epoch)
      if (end < nextOffset) await this.giveUp(diverged(topic, end, nextOffset))
      // It asked for a place of before the partition was opened.
      else this.#deps.seek({ topic, partition }, nextOffset)
    }
  }

  /** While no batch is handled: an errand, or the timers that are due. */
  #workUnasked(opened: Opened): void {
    if (this.#busy) return
    const work = this.#errand ? this.#runErrand(this.#ownTurn) : this.#fireWhenDue(opened)
    if (work !== undefined) this.#occupy(this.#unasked(work))
  }

  #fireWhenDue(opened: Opened): Promise<void> | undefined {
    // Where the time is not known, it is asked for.
    return opened.profiles.timers.mayFire(this.#deps.log.nowMs() ?? Number.POSITIVE_INFINITY)
      ? this.#fireAlone(opened)
      : undefined
  }

  async #runErrand(turn: Turn): Promise<void> {
    const errand = this.#errand
    this.#errand = undefined
    await errand?.run(turn)
  }

  /**
   * For a reason that the log has, beside the slices: the records that come next can't be read. A slice under way is finished
   * first, and an opening, since what they hold must be let go; what is not saved is, as soon as the store answers.
   */
  async giveUp(failure: TaskFailure): Promise<void> {
    this.#isGivenUp = true
    while (this.#busy) await this.#busy
    if (this.#ended || this.#state === 'failed') return
    const ended = this.#end(failure)
    this.#occupy(ended)
    await ended
  }

  async #end(failure: TaskFailure): Promise<void> {
    await this.#opening?.catch(() => undefined)
    // Without waiting: the store may be away.
    if (this.#opened) void this.#saver.saveRest(this.#opened)
    await this.#drop()
    this.#fail(failure)
  }

  /** What is not saved is, as soon as the store answers: behind the slice under way, all that this task has committed. */
  async save(): Promise<void> {
    // While one is awaited the other may begin, and in the midst of a slice the profiles are not those of the position.
    while (this.#busy || this.#saver.underWay) await (this.#busy ?? this.#saver.underWay)
    if (this.#opened) await this.#saver.saveRest(this.#opened)
  }

  /** Gives the partition up. */
  async close(save: boolean): Promise<void> {
    this.#ended = true
    while (this.#busy) await this.#busy
    if (save) await this.save()
    // It ends by itself, now that the task has; what it holds must be gone before the log is closed.
    await this.#opening?.catch(() => undefined)
    await this.#drop()
    // The backfill may be resting.
    this.#deps.metrics.backfillPending.remove({ partition: String(this.at.partition) })
    if (this.#state !== 'failed') this.#enter('closed', 'the partition was given up')
  }

  #enter(state: TaskState, waitsFor = ''): void {
    this.#state = state
    this.#stateSinceMs = Date.now()
    this.#waitsFor = waitsFor
  }

  /**
   * Why the batch does not follow on: control records in a batch of their own, which made no slice; another owner went on,
   * and the partition came back; or the topic was cut off.
   */
  async #checkGap(topic: string, nextOffset: number, startOffset: number): Promise<void> {
    const { log } = this.#deps
    const { partition } = this.at
    const { low } = await log.offsets(topic, partition)
    if (low <= nextOffset) {
      if (!(await hasRecords(log, { topic, partition }, nextOffset, startOffset))) return
      throw new Lost('another owner went on from here')
    }
    throw cutOff(topic, nextOffset, startOffset)
  }

  #open(turn: Turn): Promise<Opened> {
    this.#enter('opening', 'it is its turn')
    const startedMs = performance.now()
    const note = (step: string) => {
      this.#waitsFor = step
    }
    this.#opening = recover(this.#deps, this.at.partition, turn, note).then(async (opened) => {
      if (this.#ended) {
        await dropWriter(opened, this.at, this.#deps.logger)
        throw new Lost('the partition was given up while it was opened')
      }
      this.#opened = opened
      this.#enter('running')
      const { position } = opened
      const count = position - opened.checkpointPosition
      const ms = Math.round(performance.now() - startedMs)
      this.#deps.logger.info('task.open', { ...this.at, position, count, ms })
      if (count > 0) this.#saver.noteChange(performance.now())
      void this.#backfill(opened)
      return opened
    })
    const done = () => {
      this.#opening = undefined
    }
    this.#opening.then(done, done)
    return this.#opening
  }

  /** Beside the slices, computes the features that the rules have anew. */
  async #backfill(opened: Opened): Promise<void> {
    const { metrics } = this.#deps
    const isCurrent = () => !this.#ended && this.#opened === opened
    await this.#backfillRounds.run(opened, {
      turn: { heartbeat: async () => undefined, isCurrent },
      between: (work) => this.#between(opened, work),
      commit: async (refolded, turn) => {
        const clock = { nowMs: await brokersMs(this.#deps, turn), clockMs: opened.clockMs }
        await this.#finish(opened, noRecords(this.#deps, opened), { due: [], refolded }, clock, turn)
      },
    })
    if (this.#state === 'failed') {
      metrics.backfillPending.remove({ partition: String(this.at.partition) })
    }
  }

  /** Does the work when no slice is under way. Rejects where it fails, which the task does with it, or where it is not run. */
  #between<T>(opened: Opened, work: (turn: Turn) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#opened !== opened || this.#ended) return reject(new Lost('the partition was closed before'))
      this.#errand = {
        run: async (turn) => {
          try {
            this.#folding = true
            resolve(await work(turn))
          } catch (error) {
            reject(error)
            throw error
          } finally {
            this.#folding = false
          }
        },
        drop: () => reject(new Lost('the partition was closed before')),
      }
      this.#workUnasked(opened)
    })
  }

  /** Takes records of [from, to). @returns where it ended */
  async #slice(opened: Opened, batch: RecordBatch, from: number, to: number, turn: Turn): Promise<number> {
    const { metrics, rows } = this.#deps
    if (rows.full) await whileCurrent(turn, rows.whenDrained())
    if (!turn.isCurrent()) return from
    const { topic } = batch
    const nowMs = await brokersMs(this.#deps, turn)
    const beganMs = performance.now()
    // Not now: since the batch was fetched more may have come. Where it has not, timers fire by the next tick.
    const takenMs = Math.min(nowMs, batch.timestamp(to - 1))
    const clockThen = await clockBehind(this.#deps, this.at, opened, topic, takenMs, nowMs)
    this.#folding = true
    opened.profiles.origin = originOf(opened, topic)
    const { end, ...folded } = await foldRecords(this.#deciding, opened.profiles, batch, from, to, nowMs, turn)
    // Where it ended early, what comes next in the batch may be what a timer waits for.
    const isWhole = end === to
    const clock = isWhole ? clockThen : clockOf(opened, nowMs, opened.clockMs)
    const due = await findDue(this.#deps, opened.profiles, this.at, clock.clockMs, turn)
    const nextOffset = end === batch.count ? batch.nextOffset : batch.offset(end)
    const taken = { topic, nextOffset, epoch: batch.leaderEpoch ?? -1, folded, beganMs }
    // Before the timers add theirs to them.
    const hasActions = folded.actions.length > 0
    const committedMs = await this.#finish(opened, taken, { due }, clock, turn)
    if (isWhole) opened.takenMs.set(topic, takenMs)
    if (hasActions) {
      metrics.eventToAction.observe(Math.max(0, (nowMs + committedMs - beganMs - batch.timestamp(from)) / 1000))
    }
    await turn.heartbeat()
    return end
  }

  /** Past records that are another's, behind the last of its own: a slice without any. */
  async #pass(opened: Opened, { topic, nextOffset, leaderEpoch: epoch = -1 }: RecordBatch, turn: Turn): Promise<void> {
    if (opened.offsets.get(topic)! >= nextOffset) return
    const nowMs = await brokersMs(this.#deps, turn)
    this.#folding = true
    const taken = { topic, nextOffset, epoch, folded: nothingFolded(), beganMs: performance.now() }
    await this.#finish(opened, taken, { due: [] }, clockOf(opened, nowMs, opened.clockMs), turn)
  }

  /** A slice of timers alone. It runs only where all of the log is taken. */
  async #fireAlone(opened: Opened): Promise<void> {
    const { log, topics, rows } = this.#deps
    const turn = this.#ownTurn
    if (rows.full) return
    const nowMs = await brokersMs(this.#deps, turn)
    // After the clock was read: what was there by then counts.
    const ends = await Promise.all(topics.map((topic) => endOf(log, this.at, opened, topic)))
    if (ends.includes(undefined)) return
    const clock = clockOf(opened, nowMs, nowMs)
    const due = await findDue(this.#deps, opened.profiles, this.at, clock.clockMs, turn)
    if (due.length === 0 || !turn.isCurrent()) return
    this.#folding = true
    await this.#finish(opened, { ...noRecords(this.#deps, opened), nextOffset: ends[0]! }, { due }, clock, turn)
    // More than one slice takes may be due at once. A batch that waits goes first.
    setImmediate(() => this.tick())
  }

  /** What decides on a slice. */
  get #deciding(): TaskDeps {
    const deps = this.#deps
    return performance.now() < this.#carefulUntilMs ? { ...deps, pipeline: deps.careful } : deps
  }

  /** @returns when it was committed, by the monotonic clock; ms */
  async #finish(opened: Opened, taken: Taken, asked: Asked, clock: Clock, turn: Turn): Promise<number> {
    const { committedMs, undone } = await finishSlice(this.#deciding, this.at, opened, taken, asked, clock, turn)
    this.#folding = false
    if (undone > 0) this.#carefulUntilMs = committedMs + carefulMs
    this.#saver.noteChange(committedMs)
    // Between slices only: the next one looks up who must be loaded, and they must still be here when it is folded.
    opened.profiles.evict(this.#deps.profileBytes())
    this.#saver.saveWhenDue(opened)
    return committedMs
  }

  /** Reads whose timers are due next, beside the slices; where the store is away, it is asked again. */
  async #readTimers({ profiles }: Opened): Promise<void> {
    const { log, logger } = this.#deps
    if (this.#readingTimers || !profiles.timers.areLacking(log.nowMs() ?? 0)) return
    this.#readingTimers = true
    try {
      await profiles.loadTimers()
      if (this.#timersMet !== undefined) logger.recovered?.(this.#timersMet)
      this.#timersMet = undefined
    } catch (error) {
      this.#timersMet = error
      logger.warn('dependency.wait', { ...this.at, error })
      await sleep(retryMs, undefined, { ref: false })
    }
    this.#readingTimers = false
  }

  async #onError(error: unknown, turn: Turn): Promise<void> {
    this.#folding = false
    if (error instanceof ProcessingError) this.#carefulUntilMs = performance.now() + carefulMs
    const failure = failureOf(error)
    const wasOpen = this.#opened !== undefined
    await this.#drop()
    if (failure) return this.#fail(failure)
    if (this.#state === 'failed') return
    this.#enter('closed', error instanceof LogError ? error.message : String((error as Error)?.name))
    this.#deps.logger.warn(wasOpen ? 'task.closed' : 'task.open_failed', { ...this.at, error })
    // While the turn is ours, the same batch must come again. Else no batch may come for a long time.
    if (turn.isCurrent()) throw error
    this.#openLater()
  }

  #fail(failure: TaskFailure): void {
    const { metrics, logger, topics, pause } = this.#deps
    const { partition } = this.at
    if (this.#state === 'failed') return
    this.#enter('failed')
    this.#failure = failure
    // With the line in the log; the service counts anew what this process owns.
    metrics.partitionFailed.inc({ reason: failure.reason })
    logger.error('task.failed', { partition, reason: failure.reason, hint: failure.hint, error: failure })
    for (const topic of topics) pause({ topic, partition })
  }

  /** The next batch opens it again; while none comes, this does. */
  #openLater(): void {
    setTimeout(() => {
      if (!this.#ended && this.#state === 'closed' && !this.#opening) this.start()
    }, retryMs).unref()
  }

  async #drop(): Promise<void> {
    this.#errand?.drop()
    this.#errand = undefined
    const opened = this.#opened
    this.#opened = undefined
    this.#saver.forgetChanges()
    if (opened) await dropWriter(opened, this.at, this.#deps.logger)
  }
}

const cutOff = (topic: string, nextOffset: number, low: number) => {
  const missing = `offsets ${nextOffset} to ${low - 1} are gone from ${topic}`
  return new TaskFailure('gap', `${missing}: the retention was shorter than the outage`)
}

interface Errand {
  readonly run: (turn: Turn) => Promise<void>
  readonly drop: () => void
}
