import assert from 'node:assert/strict'
import type { RecordBatch } from '../events/log.ts'
import { LogError, type Turn } from '../log/log.ts'
import type { TaskState } from '../ops/metrics.ts'
import { ProcessingError } from '../pipeline.ts'
import { BackfillRounds } from './backfill-rounds.ts'
import { dropWriter, isOurs } from './commit.ts'
import { readCommitted } from './committed.ts'
import type { TaskDeps } from './deps.ts'
import { Exclusive } from './exclusive.ts'
import { failureOf, Lost, TaskFailure } from './failure.ts'
import { changeOf, checkGap } from './log-changes.ts'
import type { At, Opened } from './opened.ts'
import { ownTurn, whileCurrent } from './patience.ts'
import { recover } from './recover.ts'
import { Saver } from './saver.ts'
import { Slices } from './slices.ts'
import { TimerLoader } from './timer-loader.ts'

/** Work that no batch asks for is tried again after this time. */
const retryMs = 5_000
/** What may follow each state. One that is closed is closed once more when its partition is given up. */
const arrows: Readonly<Record<TaskState, readonly TaskState[]>> = {
  closed: ['opening', 'failed', 'closed'],
  opening: ['running', 'closed', 'failed'],
  running: ['closed', 'failed'],
  failed: [],
}

/**
 * The worker of one partition number of all input topics. It owns the partition's transactional producer, and its profiles,
 * which bring together what all topics say about a customer.
 *
 *     closed ─► opening ─► running ─► closed        (lost, or unsure of the truth: it opens again)
 *        └──────────┴────────┴──────► failed        (can't be made right without an operator: it stays there)
 *
 * - **closed**: it holds nothing. An assignment opens it at once; otherwise the next batch does.
 * - **opening**: `recover.ts` brings the profiles to exactly the committed input.
 * - **running**: it takes slice after slice, each of one topic, in the order in which they come. A slice is decoded, folded,
 *   and committed in one transaction with its journal entry and its input offset. After its records, due timers fire; while
 *   no batch comes, they fire in slices of their own.
 *   Meanwhile, features that are new in the rules are computed from stored events, and put in place in slices of their own.
 *   Profiles are saved later, in checkpoints.
 *   If the code throws while it processes an event, that event's profile is half changed. The task then drops everything,
 *   opens again and goes on carefully, so that the event is undone and becomes a dead letter.
 * - **failed**: the reason is in the metric, the log and `/readyz`; the other partitions go on.
 *
 * Delivery: exactly once. The transaction decides whether a slice happened; ClickHouse follows later. Order: by
 * partition of a topic. Bound: one slice in flight; a checkpoint at most every `checkpointMs`, one in flight.
 */
export class Task {
  readonly at: At
  readonly #deps: TaskDeps
  readonly #work = new Exclusive()
  readonly #saver: Saver
  readonly #slices: Slices
  readonly #backfillRounds: BackfillRounds
  readonly #timerLoader: TimerLoader
  #state: TaskState = 'closed'
  #stateSinceMs = Date.now()
  #waitsFor = 'it has just been assigned'
  #failure: TaskFailure | undefined
  /** It takes no further batch, and fails after the one under way. */
  #isGivenUp = false
  #opened: Opened | undefined
  #opening: Promise<Opened> | undefined
  #ended = false
  /** The assignment has shown that we are a member. */
  readonly #ownTurn = ownTurn(() => !this.#ended)

  constructor(partition: number, deps: TaskDeps) {
    this.at = { partition }
    this.#deps = deps
    this.#saver = new Saver(deps, this.at, (failure) => void this.giveUp(failure))
    this.#slices = new Slices(deps, this.at, this.#work, this.#saver)
    this.#backfillRounds = new BackfillRounds(deps, partition)
    this.#timerLoader = new TimerLoader(deps, this.at)
  }

  get state(): TaskState {
    return this.#state
  }

  get failure(): TaskFailure | undefined {
    return this.#failure
  }

  /** What it waits for while it is closed or opening: in words for people, without any data. */
  get waitsFor(): string {
    return this.#waitsFor
  }

  /** How long it has been in its state; ms. */
  stateMs(nowMs: number): number {
    return nowMs - this.#stateSinceMs
  }

  /** All of the topic before this offset is taken; undefined unless it is running. */
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

  /** Opens the partition without waiting for a batch: timers may be due even if no batch ever comes. */
  start(): void {
    void this.#unasked(this.#open())
  }

  /**
   * To be called when the group has met again and the partition is still ours. While we did not look, another owner may have had
   * it and given it back, and a task that had to close may have no batch to open it.
   */
  stay(): void {
    if (this.#ended) return
    if (this.#state === 'closed') this.start()
    else if (this.#state === 'running') void this.#work.run(() => this.#unasked(this.#checkOurs()), this.#ownTurn)
  }

  async #checkOurs(): Promise<void> {
    const opened = this.#opened
    if (opened === undefined) return
    const committed = await readCommitted(this.#deps, this.at.partition).catch((error) => {
      // Then the next record shows it.
      if (!(error instanceof LogError)) throw error
    })
    if (committed === undefined || isOurs(committed, opened)) return
    await this.#drop()
    this.#enterClosed(new Lost('another owner went on from here'), 'task.closed')
    if (!this.#ended) this.start()
  }

  /** Runs work that no batch asked for. If it fails, it opens the partition again itself, since no batch may come to do so. */
  #unasked(work: Promise<unknown>): Promise<void> {
    return work.then(
      () => undefined,
      (error) => this.#onError(error, this.#ownTurn).catch(() => this.#openLater()),
    )
  }

  /** Handles one batch; returns when it is committed, or early when the turn is over. */
  onBatch(batch: RecordBatch, turn: Turn): Promise<void> {
    const isOver = () => this.#isGivenUp || this.#state === 'failed'
    return this.#work.run(() => (isOver() ? undefined : this.#handle(batch, turn)), turn)
  }

  async #handle(batch: RecordBatch, turn: Turn): Promise<void> {
    try {
      // If the turn ends first, the opening goes on, and the next holder of the turn waits for it.
      const opened = this.#opened ?? (await whileCurrent(turn, this.#opening ?? this.#open()))
      if (opened === undefined) return
      const start = opened.offsets.get(batch.topic)!
      if (batch.startOffset > start) {
        await checkGap(this.#deps.log, this.at.partition, batch.topic, start, batch.startOffset)
      }
      const own = opened.homes?.own(batch) ?? batch
      let from = 0
      while (from < own.count && own.offset(from) < start) from++
      while (from < own.count && turn.isCurrent()) {
        await this.#work.runErrand(turn)
        const to = Math.min(from + this.#deps.maxSliceEvents, own.count)
        from = await this.#slices.ofRecords(opened, own, from, to, turn)
      }
      if (own !== batch && turn.isCurrent()) await this.#slices.past(opened, batch, turn)
    } catch (error) {
      await this.#onError(error, turn)
    }
  }

  /** To be called a few times a second: saves when that is due and, while no batch comes, runs errands and fires due timers. */
  tick(): void {
    const opened = this.#opened
    if (this.#ended || this.#state !== 'running' || opened === undefined) return
    if (!this.#work.inSlice) this.#saver.saveWhenDue(opened)
    void this.#timerLoader.loadWhenLacking(opened.profiles)
    this.#workUnasked(opened)
  }

  /** To be called when a fetch finds that a topic's log has changed under us. While the task opens, `recover` checks that. */
  async onLogChanged(topic: string, error: LogError): Promise<void> {
    const { partition } = this.at
    const nextOffset = this.nextOffset(topic)
    if (nextOffset === undefined) return
    if (error.code === 'diverged') return this.giveUp(new TaskFailure('diverged', error.message, error))
    const { log, seek } = this.#deps
    const change = await changeOf(log, partition, topic, nextOffset, () => this.#opened?.epochs.get(topic))
    if (change !== undefined) await this.giveUp(change)
    // The fetch asked for an offset from before the partition was opened.
    else seek({ topic, partition }, nextOffset)
  }

  /** While no batch is handled: runs the errand, or fires due timers. */
  #workUnasked(opened: Opened): void {
    if (this.#work.underWay) return
    const work = this.#work.hasErrand ? this.#work.runErrand(this.#ownTurn) : this.#fireWhenDue(opened)
    if (work !== undefined) void this.#work.begin(this.#unasked(work))
  }

  #fireWhenDue(opened: Opened): Promise<void> | undefined {
    // If the time is not known, `#fireAlone` asks for it.
    return opened.profiles.timers.mayFire(this.#deps.log.nowMs() ?? Number.POSITIVE_INFINITY)
      ? this.#fireAlone(opened)
      : undefined
  }

  async #fireAlone(opened: Opened): Promise<void> {
    // More may be due at once than fits into one slice. A waiting batch goes first.
    if (await this.#slices.ofTimers(opened, this.#ownTurn)) setImmediate(() => this.tick())
  }

  /**
   * Fails the task for a reason from outside its slices: the next records can't be read, for example. It waits for the slice or
   * opening under way, so that what they hold is released. What is not saved yet is saved as soon as the store answers.
   */
  async giveUp(failure: TaskFailure): Promise<void> {
    this.#isGivenUp = true
    await this.#work.run(() => (this.#ended || this.#state === 'failed' ? undefined : this.#end(failure)))
  }

  async #end(failure: TaskFailure): Promise<void> {
    await this.#opening?.catch(() => undefined)
    // Without waiting: the store may be down.
    if (this.#opened) void this.#saver.saveRest(this.#opened)
    await this.#drop()
    this.#fail(failure)
  }

  /** After the slice under way, saves all that this task has committed; waits until the store answers. */
  async save(): Promise<void> {
    // While we wait for one, the other may begin. During a slice the profiles do not match the position.
    while (this.#work.underWay || this.#saver.underWay) await (this.#work.underWay ?? this.#saver.underWay)
    if (this.#opened) await this.#saver.saveRest(this.#opened)
  }

  /** Gives the partition up. */
  async close(save: boolean): Promise<void> {
    this.#ended = true
    while (this.#work.underWay) await this.#work.underWay
    if (save) await this.save()
    // It ends by itself now, but its producer must be closed before the log is.
    await this.#opening?.catch(() => undefined)
    await this.#drop()
    // The backfill may be resting.
    this.#deps.metrics.backfillPending.remove({ partition: String(this.at.partition) })
    if (this.#state !== 'failed') this.#enter('closed', 'the partition was given up')
  }

  #enter(state: TaskState, waitsFor = ''): void {
    assert(arrows[this.#state].includes(state), `a task that is ${this.#state} can't be ${state} next`)
    this.#state = state
    this.#stateSinceMs = Date.now()
    this.#waitsFor = waitsFor
  }

  #open(): Promise<Opened> {
    this.#enter('opening', 'it is its turn')
    this.#opening = this.#takeOver()
    // Whoever waits for it handles the error; by then there may be nobody.
    this.#opening.catch(() => undefined)
    return this.#opening
  }

  async #takeOver(): Promise<Opened> {
    const { logger } = this.#deps
    const startedMs = performance.now()
    const note = (step: string) => {
      this.#waitsFor = step
    }
    try {
      const opened = await recover(this.#deps, this.at.partition, this.#ownTurn, note)
      if (this.#ended) {
        await dropWriter(opened, this.at, logger)
        throw new Lost('the partition was given up while it was opened')
      }
      this.#opened = opened
      this.#enter('running')
      const { position } = opened
      const count = position - opened.checkpointPosition
      logger.info('task.open', { ...this.at, position, count, ms: Math.round(performance.now() - startedMs) })
      if (count > 0) this.#saver.noteChange(performance.now())
      void this.#backfill(opened)
      return opened
    } catch (error) {
      const failure = failureOf(error)
      if (failure) this.#fail(failure)
      else this.#enterClosed(error, 'task.open_failed')
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  /** In parallel to the slices, computes the features that are new in the rules. */
  async #backfill(opened: Opened): Promise<void> {
    await this.#backfillRounds.run(opened, {
      turn: ownTurn(() => !this.#ended && this.#opened === opened),
      between: (work) => this.#between(opened, work),
      commit: (refolded, turn) => this.#slices.ofRefolded(opened, refolded, turn),
    })
  }

  /** Does the work while no slice is under way. Rejects where it fails (the task handles that error too), or is not run. */
  #between<T>(opened: Opened, work: (turn: Turn) => Promise<T>): Promise<T> {
    if (this.#opened !== opened || this.#ended) return Promise.reject(new Lost('the partition was closed before'))
    const done = this.#work.between(work)
    this.#workUnasked(opened)
    return done
  }

  async #onError(error: unknown, turn: Turn): Promise<void> {
    this.#work.inSlice = false
    if (error instanceof ProcessingError) this.#slices.beCareful(performance.now())
    const failure = failureOf(error)
    const wasOpen = this.#opened !== undefined
    await this.#drop()
    if (failure) return this.#fail(failure)
    if (this.#state === 'failed') return
    // An opening that failed has said so itself.
    if (wasOpen) this.#enterClosed(error, 'task.closed')
    // The next holder of the turn opens the partition. While the turn is ours, the same batch must come again, so rethrow.
    if (turn.isCurrent()) throw error
  }

  /** Notes that it holds nothing after an error. */
  #enterClosed(error: unknown, event: string): void {
    const isPlain = error instanceof LogError || error instanceof Lost
    // The messages of others may hold data.
    this.#enter('closed', isPlain ? error.message : String((error as Error)?.constructor.name))
    if (!this.#ended) this.#deps.logger.warn(event, { ...this.at, error })
  }

  #fail(failure: TaskFailure): void {
    const { metrics, logger, topics, pause } = this.#deps
    const { partition } = this.at
    if (this.#state === 'failed') return
    this.#enter('failed')
    this.#failure = failure
    logger.error('task.failed', { partition, reason: failure.reason, hint: failure.hint, error: failure })
    metrics.backfillPending.remove({ partition: String(partition) })
    // By now the partition may be another task's, in this process too: that one must not be paused.
    if (this.#ended) return
    // At the same time as the log line; the next tick of the service sets the gauge from what this process owns.
    metrics.partitionFailed.inc({ reason: failure.reason })
    for (const topic of topics) pause({ topic, partition })
  }

  /** Opens the partition again after a while, unless a batch has done so first. */
  #openLater(): void {
    setTimeout(() => {
      if (!this.#ended && this.#state === 'closed') this.start()
    }, retryMs).unref()
  }

  async #drop(): Promise<void> {
    this.#work.dropErrand()
    const opened = this.#opened
    this.#opened = undefined
    this.#saver.forgetChanges()
    if (opened) await dropWriter(opened, this.at, this.#deps.logger)
  }
}
