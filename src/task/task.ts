import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordBatch } from '../events/log.ts'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { commitMetadata } from '../journal/commit-metadata.ts'
import { rollDigest, widthOf } from '../journal/journal.ts'
import { hasRecords } from '../log/has-records.ts'
import { LogError, partitionKey, type Turn } from '../log/log.ts'
import { countSlice, type TaskState } from '../ops/metrics.ts'
import { ProcessingError } from '../pipeline.ts'
import type { Clock } from '../slice-input.ts'
import { profilesTable } from '../store/profile-row.ts'
import type { RowChunk } from '../store/row-binary.ts'
import { backfill } from './backfill.ts'
import { clockBehind, clockOf, endOf } from './clock.ts'
import { commitSlice, dropWriter } from './commit.ts'
import type { TaskDeps } from './deps.ts'
import { failureOf, Lost, TaskFailure } from './failure.ts'
import { type Folded, findDue, fireTimers, foldRecords, nothingFolded, rejectedOf } from './fold.ts'
import { type At, advance, type Opened, originOf } from './opened.ts'
import { beating, whileCurrent } from './patience.ts'
import { diverged, recover, tooShort } from './recover.ts'

/** What no batch asks for is tried again after that. */
const retryMs = 5_000
/** After a fault the backfill rests that long at most: a cause that passes is noticed by then. */
const longestRestMs = 10 * 60_000
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
  /** How often in a row the backfill met with a fault of ours, and from when on it is tried again; by the monotonic clock, ms. */
  #backfillFaults = 0
  #backfillFromMs = 0
  /** What the last reading of timers met with. */
  #timersMet: unknown
  #checkpoint: Promise<void> | undefined
  #checkpointMs = 0
  /** When the oldest change that no snapshot holds was made; 0 for none. */
  #unsavedSinceMs = 0
  /** The same of the snapshot that is being stored. */
  #savingSinceMs = 0
  /** A profile whose state is larger is told of, and then one that is twice as large. */
  #largeBytes = 64 * 1024 * 1024
  #ended = false

  constructor(partition: number, deps: TaskDeps) {
    this.at = { partition }
    this.#deps = deps
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
    return this.#opened?.profiles.timersPending ?? 0
  }

  /** Age of the oldest change that no checkpoint holds; ms. */
  get unsavedMs(): number {
    const sinceMs = this.#savingSinceMs || this.#unsavedSinceMs
    return sinceMs === 0 ? 0 : performance.now() - sinceMs
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
      const opened = this.#opened ?? (await whileCurrent(turn, this.#opening ?? this.#open(turn)))
      // The next holder of the turn waits for the opening that goes on.
      if (opened === undefined) return
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
    if (!this.#folding) this.#saveWhenDue(opened)
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
    return opened.profiles.mayFire(this.#deps.log.nowMs() ?? Number.POSITIVE_INFINITY)
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
    if (this.#opened) void this.#saveRest(this.#opened)
    await this.#drop()
    this.#fail(failure)
  }

  /** What is not saved is, as soon as the store answers: behind the slice under way, all that this task has committed. */
  async save(): Promise<void> {
    // While one is awaited the other may begin, and in the midst of a slice the profiles are not those of the position.
    while (this.#busy || this.#checkpoint) await (this.#busy ?? this.#checkpoint)
    if (this.#opened) await this.#saveRest(this.#opened)
  }

  /** What no checkpoint holds, behind the one that is being stored. No slice may be under way, nor begin before that is. */
  async #saveRest(opened: Opened): Promise<void> {
    while (this.#checkpoint) await this.#checkpoint
    if (opened.position !== opened.checkpointPosition) this.#save(opened)
    await this.#checkpoint
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
      if (count > 0) this.#unsavedSinceMs = performance.now()
      void this.#backfill(opened)
      return opened
    })
    const done = () => {
      this.#opening = undefined
    }
    this.#opening.then(done, done)
    return this.#opening
  }

  /**
   * Beside the slices, computes the features that the rules have anew, in this opening and the next ones until all are
   * ready. A fault of ours would be met with again at once, and may have closed the partition: the stream goes on without
   * for longer and longer, and the gauge stays at those who wait.
   */
  async #backfill(opened: Opened): Promise<void> {
    const { metrics, logger, log } = this.#deps
    const { partition } = this.at
    const isCurrent = () => !this.#ended && this.#opened === opened
    for (let isDone = false; !isDone; ) {
      const restMs = this.#backfillFromMs - performance.now()
      if (restMs > 0) await sleep(restMs, undefined, { ref: false })
      if (!isCurrent()) break
      try {
        await backfill(this.#deps, partition, opened, {
          turn: { heartbeat: async () => undefined, isCurrent },
          between: (work) => this.#between(opened, work),
          commit: async (customers, turn) => {
            const clock = { nowMs: log.nowMs() ?? Date.now(), clockMs: opened.clockMs }
            await this.#commit(opened, this.#noRecords(opened), [], clock, turn, customers)
          },
        })
        this.#backfillFaults = 0
        isDone = true
      } catch (error) {
        if (error instanceof Lost || error instanceof LogError) break
        const ms = Math.min(retryMs * 2 ** this.#backfillFaults++, longestRestMs)
        this.#backfillFromMs = performance.now() + ms
        logger.error('backfill.failed', { partition, ms, error })
      }
    }
    // The partition's next owner tells.
    if (this.#ended || this.#state === 'failed') metrics.backfillPending.remove({ partition: String(partition) })
  }

  /** Does the work when no slice is under way. Rejects where it fails, which the task does with it, or where it is not run. */
  #between<T>(opened: Opened, work: (turn: Turn) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#opened !== opened) return reject(new Lost('the partition was closed before'))
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
    const nowMs = await this.#nowMs(turn)
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
    const committedMs = await this.#commit(opened, taken, due, clock, turn)
    if (isWhole) opened.takenMs.set(topic, takenMs)
    if (folded.actions.length > 0) {
      metrics.eventToAction.observe(Math.max(0, (nowMs + committedMs - beganMs - batch.timestamp(from)) / 1000))
    }
    await turn.heartbeat()
    return end
  }

  /** Past records that are another's, behind the last of its own: a slice without any. */
  async #pass(opened: Opened, { topic, nextOffset, leaderEpoch: epoch = -1 }: RecordBatch, turn: Turn): Promise<void> {
    if (opened.offsets.get(topic)! >= nextOffset) return
    const nowMs = await this.#nowMs(turn)
    this.#folding = true
    const taken = { topic, nextOffset, epoch, folded: nothingFolded(), beganMs: performance.now() }
    await this.#commit(opened, taken, [], clockOf(opened, nowMs, opened.clockMs), turn)
  }

  /** A slice of timers alone. It runs only where all of the log is taken. */
  async #fireAlone(opened: Opened): Promise<void> {
    const { log, topics, rows } = this.#deps
    const turn = this.#ownTurn
    if (rows.full) return
    const nowMs = await this.#nowMs(turn)
    // After the clock was read: what was there by then counts.
    const ends = await Promise.all(topics.map((topic) => endOf(log, this.at, opened, topic)))
    if (ends.includes(undefined)) return
    const clock = clockOf(opened, nowMs, nowMs)
    const due = await findDue(this.#deps, opened.profiles, this.at, clock.clockMs, turn)
    if (due.length === 0 || !turn.isCurrent()) return
    this.#folding = true
    await this.#commit(opened, { ...this.#noRecords(opened), nextOffset: ends[0]! }, due, clock, turn)
    // More than one slice takes may be due at once. A batch that waits goes first.
    setImmediate(() => this.tick())
  }

  /** The brokers' time; ms. Where it is not known, they are asked. */
  async #nowMs(turn: Turn): Promise<number> {
    const { log, groupId } = this.#deps
    const known = log.nowMs()
    if (known !== undefined) return known
    await beating(turn, log.askTime(groupId))
    const learnt = log.nowMs()
    if (learnt === undefined)
      throw new LogError('unavailable', "this machine's clock jumps while the brokers are asked")
    return learnt
  }

  /** What a slice takes that has no records: it has a place in the first topic all the same. */
  #noRecords({ offsets, epochs }: Opened): Taken {
    const topic = this.#deps.topics[0]!
    const epoch = epochs.get(topic) ?? -1
    return { topic, nextOffset: offsets.get(topic)!, epoch, folded: nothingFolded(), beganMs: performance.now() }
  }

  /** What decides on a slice. */
  get #deciding(): TaskDeps {
    const deps = this.#deps
    return performance.now() < this.#carefulUntilMs ? { ...deps, pipeline: deps.careful } : deps
  }

  /** The second half of a slice: fires the timers, and commits all of it. @returns when, by the monotonic clock; ms */
  async #commit(
    opened: Opened,
    { topic, nextOffset, epoch, folded: records, beganMs }: Taken,
    due: readonly string[],
    clock: Clock,
    turn: Turn,
    refolded: readonly string[] = [],
  ): Promise<number> {
    const { metrics, rows, sliceRows, groupId, journal, journalTopic, policy, settings, logger, profileBytes } =
      this.#deps
    const { partition } = this.at
    const { profiles, offsets, epochs } = opened
    const { nowMs, clockMs } = clock
    profiles.origin = originOf(opened, topic)
    const end = { topic, partition, offset: nextOffset }
    const { fired, ...folded } = await fireTimers(this.#deciding, profiles, end, due, clock, turn, records)
    const foldedMs = performance.now()
    const digest = rollDigest(
      opened.digest,
      folded.actions.map(({ id }) => id),
    )
    const taken = { first_offset: offsets.get(topic)!, next_offset: nextOffset, fired, refolded }
    const position = opened.position + widthOf(taken)
    const { offsets: quarantined, timers: quarantined_timers } = folded.quarantined
    const leftOut = { rejected: rejectedOf(records.tally), quarantined, quarantined_timers }
    const folding = { policy, models: {}, settings, ...leftOut }
    const entry = { topic, partition, ...taken, now: nowMs, ...folding, digest, clock: clockMs, position }
    const metadata = commitMetadata(nowMs, position, epoch)
    const sent = [...folded.records, journal.encode(entry)]
    const slice = { records: sent, groupId, topic, partition, nextOffset, metadata }
    const written = await commitSlice(this.#deps, this.at, opened, slice, turn)
    this.#folding = false
    advance(opened, { topic, nextOffset, position, clockMs, digest })
    if (epoch >= 0) epochs.set(topic, epoch)
    const journaled = written.get(partitionKey({ topic: journalTopic, partition }))
    if (journaled !== undefined) opened.journalOffset = journaled + 1
    const committedMs = performance.now()

    sliceRows.store(rows, folded.events, folded.decisions)
    countSlice(metrics, topic, folded.tally)
    metrics.sliceSeconds.observe({ stage: 'fold' }, (foldedMs - beganMs) / 1000)
    metrics.sliceSeconds.observe({ stage: 'commit' }, (committedMs - foldedMs) / 1000)
    for (const [action, count] of folded.tally.tooLarge) {
      logger.warn('action.too_large', { topic, partition, action, count })
    }
    for (const error of folded.faults) logger.error('event.processing', { topic, partition, error })
    if (folded.undone > 0) this.#carefulUntilMs = committedMs + carefulMs
    if (this.#unsavedSinceMs === 0) this.#unsavedSinceMs = committedMs
    // Between slices only: the next one looks up who must be loaded, and they must still be here when it is folded.
    profiles.evict(profileBytes())
    this.#saveWhenDue(opened)
    return committedMs
  }

  /** Reads whose timers are due next, beside the slices; where the store is away, it is asked again. */
  async #readTimers({ profiles }: Opened): Promise<void> {
    const { log, logger } = this.#deps
    if (this.#readingTimers || !profiles.lacksTimers(log.nowMs() ?? 0)) return
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

  #saveWhenDue(opened: Opened): void {
    const nowMs = performance.now()
    if (this.#checkpoint || nowMs - this.#checkpointMs < this.#deps.checkpointMs) return
    if (opened.position === opened.checkpointPosition) return
    this.#checkpointMs = nowMs
    this.#save(opened)
  }

  /**
   * Takes the snapshot now, and stores it behind the rows of the slices that it covers: it then speaks for them too. Where a
   * profile makes the code throw, opening again would come upon it again, with ever more to be replayed: the task ends.
   */
  #save(opened: Opened): void {
    const { rows, logger, partitions, topicId } = this.#deps
    const { position, clockMs, digest, journalOffset, profiles, moves } = opened
    const offsets = Object.fromEntries([...opened.offsets].filter(([topic]) => !opened.untaken.has(topic)))
    const ids: Record<string, string> = {}
    for (const topic of Object.keys(offsets)) {
      const id = topicId(topic)
      if (id !== undefined) ids[topic] = id
    }
    const checkpoint = { offsets, ids, clockMs, digest, journalOffset, partitions, ...moves }
    let snapshot: RowChunk
    try {
      snapshot = profiles.snapshot(position, encodeCheckpoint(checkpoint))
    } catch (error) {
      void this.giveUp(new TaskFailure('snapshot', "a profile can't be written: see the runbook", error))
      return
    }
    const { largestBytes } = profiles
    if (largestBytes > this.#largeBytes) {
      this.#largeBytes = 2 * largestBytes
      const hint = 'one that is several times as large can not be read back: docs/runbook.md#large-profile'
      logger.warn('profile.large', { ...this.at, bytes: largestBytes, hint })
    }
    this.#savingSinceMs = this.#unsavedSinceMs
    this.#unsavedSinceMs = 0
    const store = async () => {
      await rows.whenStored()
      rows.write(profilesTable, snapshot)
      await rows.whenStored()
      opened.checkpointPosition = position
      profiles.stored(position)
    }
    this.#checkpoint = store()
      // The writer was stopped: the next owner replays from the checkpoint before.
      .catch((error) => logger.debug('checkpoint.dropped', { ...this.at, error }))
      .finally(() => {
        this.#checkpoint = undefined
        this.#savingSinceMs = 0
      })
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
    // The turn's next holder opens the partition; while the turn is ours, the same batch must come again.
    if (turn.isCurrent()) throw error
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
    this.#unsavedSinceMs = 0
    if (opened) await dropWriter(opened, this.at, this.#deps.logger)
  }
}

const cutOff = (topic: string, nextOffset: number, low: number) => {
  const missing = `offsets ${nextOffset} to ${low - 1} are gone from ${topic}`
  return new TaskFailure('gap', `${missing}: the retention was shorter than the outage`)
}

/** What a slice takes from the log. */
interface Taken {
  readonly topic: string
  readonly nextOffset: number
  /** Of the leader that wrote the last of it; -1 where that is not known. */
  readonly epoch: number
  readonly folded: Folded
  /** By the monotonic clock. */
  readonly beganMs: number
}

interface Errand {
  readonly run: (turn: Turn) => Promise<void>
  readonly drop: () => void
}
