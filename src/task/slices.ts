import type { RecordBatch } from '../events/log.ts'
import type { Turn } from '../log/log.ts'
import type { Clock } from '../slice-input.ts'
import { clockBehind, clockOf, endOf } from './clock.ts'
import type { TaskDeps } from './deps.ts'
import type { Exclusive } from './exclusive.ts'
import { findDue, foldRecords, nothingFolded } from './fold.ts'
import { type At, type Opened, originOf } from './opened.ts'
import { whileCurrent } from './patience.ts'
import type { Saver } from './saver.ts'
import { type Asked, brokersMs, finishSlice, noRecords, type Taken } from './slice.ts'

/** After a throw the task is careful (it copies the profile before each event) until this long has passed without one. */
const carefulMs = 10 * 60_000

/** Makes the slices of an open partition: of records, of timers alone, and of what is moved past or computed beside them. */
export class Slices {
  readonly #deps: TaskDeps
  readonly #at: At
  readonly #work: Exclusive
  readonly #saver: Saver
  /** Until when it is careful; by the monotonic clock, ms. */
  #carefulUntilMs = 0

  constructor(deps: TaskDeps, at: At, work: Exclusive, saver: Saver) {
    this.#deps = deps
    this.#at = at
    this.#work = work
    this.#saver = saver
  }

  /** To be called when the code has thrown. @param sinceMs by the monotonic clock */
  beCareful(sinceMs: number): void {
    this.#carefulUntilMs = sinceMs + carefulMs
  }

  /** Of records of [from, to), and of the timers that are due after them. @returns where it ended */
  async ofRecords(opened: Opened, batch: RecordBatch, from: number, to: number, turn: Turn): Promise<number> {
    const { metrics, rows } = this.#deps
    if (rows.full) await whileCurrent(turn, rows.whenDrained())
    if (!turn.isCurrent()) return from
    const { topic } = batch
    const nowMs = await brokersMs(this.#deps, turn)
    const beganMs = performance.now()
    // Not `nowMs`: more may have come since the batch was fetched. If nothing has, the next tick fires the timers.
    const takenMs = Math.min(nowMs, batch.timestamp(to - 1))
    const clockThen = await clockBehind(this.#deps, this.#at, opened, topic, takenMs, nowMs)
    this.#work.inSlice = true
    opened.profiles.origin = originOf(opened, topic)
    const { end, ...folded } = await foldRecords(this.#deciding, opened.profiles, batch, from, to, nowMs, turn)
    // If it ended early, the rest of the batch may hold what a timer waits for.
    const isWhole = end === to
    const clock = isWhole ? clockThen : clockOf(opened, nowMs, opened.clockMs)
    const due = await findDue(this.#deps, opened.profiles, this.#at, clock.clockMs, turn)
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

  /** Of no records: moves past those at a batch's end that belong to other partitions. */
  async past(opened: Opened, { topic, nextOffset, leaderEpoch: epoch = -1 }: RecordBatch, turn: Turn): Promise<void> {
    if (opened.offsets.get(topic)! >= nextOffset) return
    const nowMs = await brokersMs(this.#deps, turn)
    this.#work.inSlice = true
    const taken = { topic, nextOffset, epoch, folded: nothingFolded(), beganMs: performance.now() }
    await this.#finish(opened, taken, { due: [] }, clockOf(opened, nowMs, opened.clockMs), turn)
  }

  /** Of timers alone; only where everything in the log is taken. @returns whether any were due */
  async ofTimers(opened: Opened, turn: Turn): Promise<boolean> {
    const { log, topics, rows } = this.#deps
    if (rows.full) return false
    const nowMs = await brokersMs(this.#deps, turn)
    // The clock must be read first: all that was in the log by then counts.
    const ends = await Promise.all(topics.map((topic) => endOf(log, this.#at, opened, topic)))
    if (ends.includes(undefined)) return false
    const clock = clockOf(opened, nowMs, nowMs)
    const due = await findDue(this.#deps, opened.profiles, this.#at, clock.clockMs, turn)
    if (due.length === 0 || !turn.isCurrent()) return false
    this.#work.inSlice = true
    await this.#finish(opened, { ...noRecords(this.#deps, opened), nextOffset: ends[0]! }, { due }, clock, turn)
    return true
  }

  /** Of customers whose features were computed from stored events. */
  async ofRefolded(opened: Opened, refolded: readonly string[], turn: Turn): Promise<void> {
    const clock = { nowMs: await brokersMs(this.#deps, turn), clockMs: opened.clockMs }
    await this.#finish(opened, noRecords(this.#deps, opened), { due: [], refolded }, clock, turn)
  }

  /** The deps to decide with: the careful pipeline for a while after a throw. */
  get #deciding(): TaskDeps {
    const deps = this.#deps
    return performance.now() < this.#carefulUntilMs ? { ...deps, pipeline: deps.careful } : deps
  }

  /** @returns when it was committed, by the monotonic clock; ms */
  async #finish(opened: Opened, taken: Taken, asked: Asked, clock: Clock, turn: Turn): Promise<number> {
    const { committedMs, undone } = await finishSlice(this.#deciding, this.#at, opened, taken, asked, clock, turn)
    this.#work.inSlice = false
    if (undone > 0) this.beCareful(committedMs)
    this.#saver.noteChange(committedMs)
    // Only between slices: a slice first loads the profiles it needs, and they must still be there when it is folded.
    opened.profiles.evict(this.#deps.profileBytes())
    this.#saver.saveWhenDue(opened)
    return committedMs
  }
}
