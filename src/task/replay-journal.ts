import { Unlike } from '../earlier.ts'
import { type JournalEntry, rollDigest } from '../journal/journal.ts'
import type { Turn } from '../log/log.ts'
import { ProcessingError } from '../pipeline.ts'
import type { Quarantined } from '../slice-output.ts'
import type { Committed } from './committed.ts'
import { type End, isAt, readJournal } from './committed-entries.ts'
import { CommittedInput } from './committed-input.ts'
import type { Decider, TaskDeps } from './deps.ts'
import { Lost, TaskFailure } from './failure.ts'
import { type Folded, fireTimers, foldRecords, nothingFolded, rejectedOf } from './fold.ts'
import { advance, type Opened, originOf } from './opened.ts'
import { patiently, whileCurrent } from './patience.ts'
import { refoldAgain } from './refold.ts'

/** Folds [checkpoint, committed) again, fires the same timers and computes the same features, in the journal's slices. */
export async function replayJournal(
  deps: TaskDeps,
  partition: number,
  opened: Opened,
  committed: Committed,
  turn: Turn,
): Promise<void> {
  const { offsets, position } = opened
  const ends = new Map([...committed.byTopic].map(([topic, { offset }]) => [topic, offset ?? offsets.get(topic)!]))
  const end: End = { offsets: ends, position: Math.max(position, committed.position) }
  if (isAt(end, opened)) return
  const entries = await readJournal(deps, partition, opened, end, turn)
  const inputs = new Map([...ends].map(([topic, until]) => [topic, inputOf(deps, partition, opened, topic, until)]))
  const replay = new Replay(deps, partition, opened, turn)
  try {
    for (const entry of entries) await replay.slice(entry, inputs.get(entry.topic)!)
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error
    throw new TaskFailure('digest', `the replay from position ${opened.position} fails where it did not before`, error)
  } finally {
    for (const input of inputs.values()) await input.close()
  }
  opened.profiles.useRules(deps)
}

function inputOf({ log }: TaskDeps, partition: number, { offsets, homes }: Opened, topic: string, until: number) {
  const start = offsets.get(topic)!
  const batches = log.read(topic, partition, start, until)
  return new CommittedInput(topic, start, homes?.ownOf(batches) ?? batches)
}

/** Does slice after slice again, each by the rules and settings that decided it. */
class Replay {
  readonly #deps: TaskDeps
  readonly #partition: number
  readonly #opened: Opened
  readonly #turn: Turn
  /** The checkpoint's position. */
  readonly #start: number
  #decider: Decider

  constructor(deps: TaskDeps, partition: number, opened: Opened, turn: Turn) {
    this.#deps = deps
    this.#partition = partition
    this.#opened = opened
    this.#turn = turn
    this.#start = opened.position
    this.#decider = deps
  }

  /** @throws ProcessingError, and TaskFailure where it comes to something else than the first time */
  async slice(entry: JournalEntry, input: CommittedInput): Promise<void> {
    const deps = this.#deps
    const opened = this.#opened
    const turn = this.#turn
    const { profiles } = opened
    const { topic, first_offset: first, next_offset: next } = entry
    const at = { topic, partition: this.#partition }
    const ids: string[] = []
    if (!isBy(this.#decider, entry, deps)) this.#decider = await changeDecider(deps, opened, entry, turn)
    // An earlier version did not note what it failed to process: it left that half done.
    const isNoted = entry.rejected >= 0
    const own = { ...deps, ...this.#decider, ...(isNoted ? {} : { pipeline: this.#decider.careful }) }
    profiles.origin = originOf(opened, topic)
    const leftOut = leftOutBy(entry)
    let rejected = 0
    for await (const { batch, from, to } of input.before(next, deps.maxSliceEvents)) {
      for (let i = from; i < to; ) {
        const folded = await foldRecords(own, profiles, batch, i, to, entry.now, turn, leftOut)
        i = folded.end
        if (isNoted && folded.faults.length > 0) throw new ProcessingError(folded.faults[0])
        rejected += rejectedOf(folded.tally)
        await this.#keep(folded, ids)
      }
    }
    if (isNoted && rejected !== entry.rejected) throw otherEvents(entry, rejected)
    if (entry.refolded.length > 0) await refoldAgain(own, at, opened, entry.refolded, turn)
    const clock = { nowMs: entry.now, clockMs: entry.clock }
    const place = { ...at, offset: next }
    const none = nothingFolded(Number.POSITIVE_INFINITY)
    await this.#keep(await fireTimers(own, profiles, place, entry.fired, clock, turn, none, leftOut), ids)
    // Not compared where the store has rows of a later checkpoint: the replay skips their part.
    if (rollDigest(opened.digest, ids) !== entry.digest && profiles.newestPosition <= this.#start) {
      const range = `${first} to ${next - 1} of ${topic}`
      throw new TaskFailure('digest', `the replay of offsets ${range} decided otherwise than the first time`)
    }
    const { position, clock: clockMs, digest } = entry
    advance(opened, { topic, nextOffset: next, position, clockMs, digest })
  }

  /** Its rows go to the store again, and the ids of its actions to `ids`. */
  async #keep(folded: Folded, ids: string[]): Promise<void> {
    const { rows, sliceRows } = this.#deps
    for (const { id } of folded.actions) ids.push(id)
    sliceRows.store(rows, folded)
    if (rows.full) await whileCurrent(this.#turn, rows.whenDrained())
    await this.#turn.heartbeat()
    if (!this.#turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
}

/** Whether this decider decided the slice. A slice from before settings were recorded counts as under the present ones. */
const isBy = (decider: Decider, { policy, settings }: JournalEntry, present: Decider) =>
  decider.policy === policy && decider.settings === (settings || present.settings)

/** Rules or settings were changed after a crash: slices decided under the earlier ones are decided under them again. */
async function changeDecider(deps: TaskDeps, opened: Opened, entry: JournalEntry, turn: Turn): Promise<Decider> {
  const { policy, settings, topic, partition, first_offset: offset } = entry
  const ask = () => deps.earlier(policy, settings)
  const decider = isBy(deps, entry, deps) ? deps : await patiently(turn, { partition }, deps.logger, ask)
  if (decider instanceof Unlike) {
    const { reason, detail } = decider
    const which = reason === 'policy' ? `decided by policy ${policy}` : `folded under settings ${settings}`
    throw new TaskFailure(reason, `the offsets of ${topic} from ${offset} on were ${which}; ${detail}; see the runbook`)
  }
  opened.profiles.useRules(decider)
  return decider
}

/** It can happen under the same settings: they do not hold what a registry answers. */
function otherEvents(
  { topic, first_offset: first, next_offset: next, rejected }: JournalEntry,
  now: number,
): TaskFailure {
  const counts = `${rejected} records were no events the first time, and now ${now}`
  const hint = `of the offsets ${first} to ${next - 1} of ${topic} ${counts}: is a schema gone from the registry?`
  return new TaskFailure('settings', `${hint} See the runbook`)
}

const leftOutBy = ({ quarantined, quarantined_timers: timers }: JournalEntry): Quarantined => ({
  offsets: new Set(quarantined),
  timers: new Set(timers),
})
