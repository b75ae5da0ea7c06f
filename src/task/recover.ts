import { setTimeout as sleep } from 'node:timers/promises'
import { Unlike } from '../earlier.ts'
import type { RecordBatch } from '../events/log.ts'
import { type Checkpoint, decodeCheckpoint } from '../journal/checkpoint.ts'
import { committedEpoch, committedPosition } from '../journal/commit-metadata.ts'
import { emptyDigest, type JournalEntry, rollDigest, widthOf } from '../journal/journal.ts'
import type { Turn } from '../log/log.ts'
import { ProcessingError } from '../pipeline.ts'
import { ProfileCache } from '../profiles/cache.ts'
import type { Quarantined } from '../slice-output.ts'
import { closeWriter } from './commit.ts'
import { type Committed, readCommitted, transactionalId } from './committed.ts'
import { type Decider, featuresOf, type TaskDeps } from './deps.ts'
import { Lost, TaskFailure } from './failure.ts'
import { type Folded, fireTimers, foldRecords, nothingFolded, rejectedOf } from './fold.ts'
import { Homes } from './homes.ts'
import { advance, type Opened, originOf } from './opened.ts'
import { checkPartitions } from './partitions.ts'
import { beating, patiently, whileCurrent } from './patience.ts'
import { refoldAgain } from './refold.ts'
import { createdAnew } from './topic-watch.ts'

/**
 * Takes over a partition, and brings its profiles to exactly the input before the committed offsets C:
 *
 *     heartbeat → fence the previous owner → read the checkpoint S → read C → replay [S, C) under the journal → compare
 *
 * The order matters. C is final only once the previous owner is fenced. And S is read before C, so that it is never past C,
 * even if this process freezes for so long that another owner goes on from here. The replay takes the slices in the order of
 * the journal. It emits nothing, since the transactions of that input already did. Its rows go to the store again, where they
 * replace themselves. What was decided under earlier rules and settings is decided again under those.
 * @param note is told the current step, in words for people
 * @throws TaskFailure where it can't show that nothing is lost; Lost where the partition went to another owner meanwhile
 */
export async function recover(
  deps: TaskDeps,
  partition: number,
  turn: Turn,
  note: (step: string) => void,
): Promise<Opened> {
  const { log, groupId, store, logger, topics } = deps
  note('the previous owner is fenced')
  await turn.heartbeat()
  if (!turn.isCurrent()) throw new Lost('the partition was lost before it was opened')
  const writer = await beating(turn, log.openWriter(transactionalId(groupId, partition)))
  try {
    note('the checkpoint is read from ClickHouse')
    const stored = await patiently(turn, { partition }, logger, () => store.readCheckpoint(partition))
    // A partition that was added later has no checkpoint, but those of the others show the old number.
    const counts = stored ? [] : await patiently(turn, { partition }, logger, () => store.readPartitionCounts())
    for (const count of counts) checkPartitions(count, deps.partitions)
    note('the committed offsets are read')
    const committed = await beating(turn, readCommitted(deps, partition))
    const saved = stored && readCheckpoint(stored.state, deps.partitions)
    if (saved?.moved?.position === stored?.version && saved && isHalfMoved(saved, committed)) {
      throw halfMoved(deps.partitions)
    }
    const offsets = new Map(Object.entries(saved?.offsets ?? {}))
    const untaken = new Set(topics.filter((topic) => !offsets.has(topic)))
    const epochs = new Map<string, number>()
    for (const topic of topics) {
      const id = deps.topicId(topic)
      if (id !== undefined && (saved?.ids?.[topic] ?? id) !== id) throw createdAnew(topic)
      const { offset, metadata } = committed.byTopic.get(topic)!
      const bounds = await beating(turn, log.offsets(topic, partition))
      checkPlace(topic, offsets.get(topic), offset, bounds)
      const epoch = committedEpoch(metadata)
      if (offset !== null && epoch >= 0) {
        const end = await beating(turn, log.endOfEpoch(topic, partition, epoch))
        if (end < offset) throw diverged(topic, end, offset)
        epochs.set(topic, epoch)
      }
      if (untaken.has(topic)) offsets.set(topic, bounds.low)
    }
    const position = stored?.version ?? 0
    const { moved, move } = saved ?? {}
    const opened: Opened = {
      writer,
      profiles: new ProfileCache(store, partition, deps, featuresOf(deps), stored === undefined),
      offsets,
      epochs,
      untaken,
      position,
      takenMs: new Map(),
      clockMs: saved?.clockMs ?? 0,
      digest: saved?.digest ?? emptyDigest,
      journalOffset: saved?.journalOffset ?? 0,
      checkpointPosition: position,
      moves: { ...(moved && { moved }), ...(move && { move }) },
      homes: Homes.of(partition, saved),
    }
    note('the input since the checkpoint is replayed')
    await replay(deps, partition, opened, committed, turn)
    note('the rules are stored in ClickHouse')
    await beating(turn, deps.textsStored)
    return opened
  } catch (error) {
    await closeWriter(writer, { partition }, logger)
    throw error
  }
}

function readCheckpoint(state: Buffer, partitions: number): Checkpoint {
  const checkpoint = decodeCheckpoint(state)
  checkPartitions(checkpoint.partitions, partitions)
  return checkpoint
}

/** Whether a repartition has not finished: setting the group's offsets is its last step. */
const isHalfMoved = ({ offsets, moved }: Checkpoint, { byTopic }: Committed) =>
  [...byTopic].some(([topic, { metadata }]) => topic in offsets && committedPosition(metadata) < moved!.position)

const halfMoved = (partitions: number) =>
  new TaskFailure('partitions', `the customers are being moved: end that with beckon repartition --to ${partitions}`)

/** The log no longer has what was taken from it: a leader was elected that did not have it. */
export const diverged = (topic: string, end: number, offset: number) =>
  new TaskFailure('diverged', `${topic} was taken to ${offset}, but what was taken is in it to ${end} only`)

/** The log ends before what was taken from it: it was created anew, or a leader was elected that did not have the rest. */
export const tooShort = (topic: string, offset: number, high: number) =>
  new TaskFailure('ahead', `${topic} was taken to ${offset}, but it ends at ${high}: was it deleted and created anew?`)

/**
 * Fails closed where the log no longer has what the checkpoint needs.
 * @param saved the checkpoint's offset; undefined where the checkpoint does not have the topic
 */
function checkPlace(
  topic: string,
  saved: number | undefined,
  committed: number | null,
  { low, high }: { readonly low: number; readonly high: number },
): void {
  if (committed !== null && high < committed) throw tooShort(topic, committed, high)
  if (saved === undefined) {
    // What came before can only be read from the topic itself; the journal tells whether there was any (`readEntries`).
    if (committed !== null && low > committed) throw cutWithoutCheckpoint(topic, low)
    return
  }
  // Checked first, since kafkajs drops the group's offset when the topic no longer has it.
  if (low > saved) {
    throw new TaskFailure('gap', `the checkpoint is at ${saved} of ${topic}, but the topic now begins at ${low}`)
  }
  // If nothing of the topic was taken, the group may have no offset.
  if (saved > (committed ?? 0)) {
    const found = committed === null ? 'no committed offset' : `the committed offset ${committed}`
    throw new TaskFailure('ahead', `the checkpoint is at ${saved} of ${topic}, but the group has ${found}`)
  }
}

/**
 * Folds [checkpoint, committed) again, fires the same timers and computes the same features, in the journal's slices.
 */
async function replay(
  deps: TaskDeps,
  partition: number,
  opened: Opened,
  committed: Committed,
  turn: Turn,
): Promise<void> {
  const { log, rows, sliceRows, maxSliceEvents } = deps
  const { profiles, offsets } = opened
  const start = opened.position
  const ends = new Map(
    [...committed.byTopic].map(([topic, { offset }]) => [topic, offset ?? offsets.get(topic)!] as const),
  )
  const end: End = { offsets: ends, position: Math.max(start, committed.position) }
  if (isAt(end, opened)) return
  const entries = await readJournal(deps, partition, opened, end, turn)
  const read = (topic: string, until: number) => {
    const batches = log.read(topic, partition, offsets.get(topic)!, until)
    return opened.homes?.ownOf(batches) ?? batches
  }
  const inputs = new Map(
    [...ends].map(([topic, until]) => [topic, new Input(topic, offsets.get(topic)!, read(topic, until))]),
  )
  let decider: Decider = deps
  const keep = async (folded: Folded, ids: string[]) => {
    for (const { id } of folded.actions) ids.push(id)
    sliceRows.store(rows, folded.events, folded.decisions)
    if (rows.full) await whileCurrent(turn, rows.whenDrained())
    await turn.heartbeat()
    if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
  try {
    for (const entry of entries) {
      const { topic, first_offset: first, next_offset: next } = entry
      const at = { topic, partition }
      const ids: string[] = []
      if (!isBy(decider, entry, deps)) decider = await changeDecider(deps, opened, entry, turn)
      // An earlier version did not note what it failed to process: it left that half done.
      const isNoted = entry.rejected >= 0
      const own = { ...deps, ...decider, ...(isNoted ? {} : { pipeline: decider.careful }) }
      profiles.origin = originOf(opened, topic)
      const leftOut = leftOutBy(entry)
      let rejected = 0
      for await (const { batch, from, to } of inputs.get(topic)!.before(next, maxSliceEvents)) {
        for (let at = from; at < to; ) {
          const folded = await foldRecords(own, profiles, batch, at, to, entry.now, turn, leftOut)
          at = folded.end
          if (isNoted && folded.faults.length > 0) throw new ProcessingError(folded.faults[0])
          rejected += rejectedOf(folded.tally)
          await keep(folded, ids)
        }
      }
      if (isNoted && rejected !== entry.rejected) throw otherEvents(entry, rejected)
      if (entry.refolded.length > 0) await refoldAgain(own, at, opened, entry.refolded, turn)
      const clock = { nowMs: entry.now, clockMs: entry.clock }
      const place = { ...at, offset: next }
      const none = nothingFolded(Number.POSITIVE_INFINITY)
      await keep(await fireTimers(own, profiles, place, entry.fired, clock, turn, none, leftOut), ids)
      // Not compared where the store has rows of a later checkpoint: the replay skips their part.
      if (rollDigest(opened.digest, ids) !== entry.digest && profiles.newestPosition <= start) {
        const range = `${first} to ${next - 1} of ${topic}`
        throw new TaskFailure('digest', `the replay of offsets ${range} decided otherwise than the first time`)
      }
      const { position, clock: clockMs, digest } = entry
      advance(opened, { topic, nextOffset: next, position, clockMs, digest })
    }
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error
    throw new TaskFailure('digest', `the replay from position ${opened.position} fails where it did not before`, error)
  } finally {
    for (const input of inputs.values()) await input.close()
  }
  profiles.useRules(deps)
}

const leftOutBy = ({ quarantined, quarantined_timers: timers }: JournalEntry): Quarantined => ({
  offsets: new Set(quarantined),
  timers: new Set(timers),
})

/** Reads a topic's records once, in the pieces that the slices took. */
class Input {
  readonly #topic: string
  readonly #batches: AsyncIterator<RecordBatch>
  #batch: RecordBatch | undefined
  #from = 0
  /** Where the next batch begins. */
  #next: number

  /** @param start where the batches begin */
  constructor(topic: string, start: number, batches: AsyncIterable<RecordBatch>) {
    this.#topic = topic
    this.#next = start
    this.#batches = batches[Symbol.asyncIterator]()
  }

  /**
   * The remaining records before an offset, in pieces of at most `most`.
   * @throws TaskFailure, Lost where the log was cut after its bounds were checked
   */
  async *before(offset: number, most: number): AsyncGenerator<Piece> {
    for (;;) {
      if (this.#batch === undefined || this.#from === this.#batch.count) {
        if (this.#next >= offset) return
        const { value, done } = await this.#batches.next()
        if (done) throw new Lost('the log ends before what was committed')
        if (value.startOffset > this.#next) throw cutMeanwhile(this.#topic, this.#next, value.startOffset)
        this.#batch = value
        this.#from = 0
        this.#next = value.nextOffset
      }
      const [batch, from] = [this.#batch, this.#from]
      const to = firstAtOrPast(batch, from, offset, most)
      if (to > from) {
        this.#from = to
        yield { batch, from, to }
      } else if (from < batch.count) return
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.()
  }
}

const cutMeanwhile = (topic: string, from: number, low: number) =>
  new TaskFailure('gap', `the replay begins at ${from} of ${topic}, but the topic now begins at ${low}`)

interface Piece {
  readonly batch: RecordBatch
  readonly from: number
  readonly to: number
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

/** Where the committed slices end. */
interface End {
  readonly offsets: ReadonlyMap<string, number>
  /** They end at this position or past it. */
  readonly position: number
}

function isAt(end: End, { offsets, position }: Pick<Opened, 'offsets' | 'position'>): boolean {
  return position >= end.position && [...end.offsets].every(([topic, offset]) => offsets.get(topic) === offset)
}

/** The longest that a transaction stays open, plus some time to write its markers. */
const transactionMs = 20_000
const retryMs = 250

/**
 * The entries from the checkpoint to the end. An open transaction may hide the end of the journal until it finishes or times
 * out.
 */
async function readJournal(
  deps: TaskDeps,
  partition: number,
  opened: Opened,
  end: End,
  turn: Turn,
): Promise<JournalEntry[]> {
  const patientUntil = performance.now() + transactionMs
  for (;;) {
    const found = await readEntries(deps, partition, opened, end)
    if (isAt(end, found)) return found.entries
    if (performance.now() > patientUntil) throw missing(found.position, end.position)
    await beating(turn, sleep(retryMs))
    if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
}

/** The entries that can be read now, and where they lead; they must follow each other without a gap. */
async function readEntries(
  { log, journal, journalTopic }: TaskDeps,
  partition: number,
  opened: Opened,
  end: End,
): Promise<Pick<Opened, 'offsets' | 'position'> & { entries: JournalEntry[] }> {
  const entries: JournalEntry[] = []
  const offsets = new Map(opened.offsets)
  let { position } = opened
  for await (const batch of log.read(journalTopic, partition, opened.journalOffset, Number.MAX_SAFE_INTEGER)) {
    for (const entry of journal.decode(batch)) {
      const { topic, first_offset: first, next_offset: next } = entry
      if (entry.position <= position) continue
      const until = end.offsets.get(topic)
      if (until === undefined) throw unknownTopic(topic)
      // Another owner has committed it since.
      if (next > until) return { entries, offsets, position }
      const start = opened.offsets.get(topic)!
      if (opened.untaken.has(topic) && first < start) throw cutWithoutCheckpoint(topic, start)
      if (first !== offsets.get(topic) || entry.position !== position + widthOf(entry)) {
        throw missing(position, entry.position)
      }
      entries.push(entry)
      offsets.set(topic, next)
      position = entry.position
    }
  }
  return { entries, offsets, position }
}

const unknownTopic = (topic: string) =>
  new TaskFailure('topics', `${topic} was taken since the checkpoint, and is not consumed any more: see the runbook`)

const cutWithoutCheckpoint = (topic: string, low: number) =>
  new TaskFailure('gap', `${topic} was taken before ${low}, where it begins now, and there is no checkpoint of it`)

const missing = (from: number, to: number) =>
  new TaskFailure('journal', `the journal does not hold positions ${from} to ${to}: was its retention too short?`)

/** The index of the first record at or past an offset, at most `most` records after `from`. */
function firstAtOrPast(batch: RecordBatch, from: number, offset: number, most: number): number {
  const last = Math.min(from + most, batch.count)
  let to = from
  while (to < last && batch.offset(to) < offset) to++
  return to
}
