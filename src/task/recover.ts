import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordBatch } from '../events/log.ts'
import { type Checkpoint, decodeCheckpoint } from '../journal/checkpoint.ts'
import { firingsOf } from '../journal/commit-metadata.ts'
import { emptyDigest, type JournalEntry, rollDigest } from '../journal/journal.ts'
import type { TopicPartition, Turn } from '../log/log.ts'
import { ProfileCache } from '../profiles/cache.ts'
import { writeSlice } from '../store/slice-rows.ts'
import { type Decider, featuresOf, type Opened, positionOf, type TaskDeps, transactionalId } from './deps.ts'
import { Lost, TaskFailure } from './failure.ts'
import { type Folded, fireTimers, foldRecords, nothingFolded } from './fold.ts'
import { beating, patiently } from './patience.ts'
import { refoldAgain } from './refold.ts'

/**
 * Makes a partition this task's own, and its profiles those of exactly the input before the committed offset C:
 *
 *     heartbeat → fence the previous owner → read the checkpoint S → read C → replay [S, C) under the journal → compare
 *
 * The order matters: C is settled only after the previous owner is fenced; and where this process stands still for so
 * long that another owner goes on from here, an S that is read first is never past C. The replay emits nothing, since the
 * transactions of that input did; its rows go to the store once more, where they replace themselves. What was decided by
 * earlier rules is decided again by those.
 * @throws TaskFailure where it can't be shown that nothing is lost; Lost where the partition is another's meanwhile
 */
export async function recover(deps: TaskDeps, at: TopicPartition, turn: Turn): Promise<Opened> {
  const { log, groupId, store, logger, partitions } = deps
  const { topic, partition } = at
  await turn.heartbeat()
  if (!turn.isCurrent()) throw new Lost('the partition was lost before it was opened')
  const writer = await beating(turn, log.openWriter(transactionalId(groupId, at)))
  try {
    const stored = await patiently(turn, at, logger, () => store.readCheckpoint(topic, partition))
    const { offset: committed, metadata } = await beating(turn, log.committedOffset(groupId, topic, partition))
    const { low } = await beating(turn, log.offsets(topic, partition))
    const saved = stored && readCheckpoint(stored.state)
    checkPlace(saved, committed, low, partitions)

    const start = saved?.offset ?? low
    const profiles = new ProfileCache(store, topic, partition, deps, featuresOf(deps), stored === undefined)
    profiles.firings = saved?.firings ?? 0
    const opened: Opened = {
      writer,
      profiles,
      nextOffset: start,
      clockMs: saved?.clockMs ?? 0,
      digest: saved?.digest ?? emptyDigest,
      journalOffset: saved?.journalOffset ?? 0,
      checkpointPosition: start + profiles.firings,
    }
    const end = { offset: committed ?? start, firings: Math.max(profiles.firings, firingsOf(metadata)) }
    await replay(deps, at, opened, end, stored === undefined, turn)
    await beating(turn, deps.policyStored)
    return opened
  } catch (error) {
    await writer.close().catch((closing) => logger.debug('writer.close', { ...at, error: closing }))
    throw error
  }
}

function readCheckpoint(state: Buffer): Checkpoint {
  const checkpoint = decodeCheckpoint(state)
  if (checkpoint === undefined)
    throw new TaskFailure('state', "the partition's checkpoint can not be read: see the runbook")
  return checkpoint
}

/** Fails closed where the log no longer has what the checkpoint needs. */
function checkPlace(saved: Checkpoint | undefined, committed: number | null, low: number, partitions: number): void {
  if (saved === undefined) {
    // Nothing but the topic itself can tell what came before; the journal tells whether something did (`readJournal`).
    if (committed !== null && low > committed) throw cutWithoutCheckpoint(low)
    return
  }
  if (saved.partitions !== partitions) {
    throw new TaskFailure('partitions', `the topic had ${saved.partitions} partitions and now has ${partitions}`)
  }
  // First, since kafkajs forgets the group's offset when the topic no longer has it.
  if (low > saved.offset) {
    throw new TaskFailure('gap', `the checkpoint is at ${saved.offset}, but the topic now begins at ${low}`)
  }
  if (committed === null || saved.offset > committed) {
    const found = committed === null ? 'no committed offset' : `the committed offset ${committed}`
    throw new TaskFailure('ahead', `the checkpoint is at ${saved.offset}, but the group has ${found}`)
  }
}

/** Where the committed slices end. */
interface End {
  readonly offset: number
  /** At least so many slices have a position of their own. */
  readonly firings: number
}

/** Folds [checkpoint, committed) once more, fires the same timers and computes the same features, slice by slice as the journal has them. */
async function replay(
  deps: TaskDeps,
  at: TopicPartition,
  opened: Opened,
  { offset: end, firings }: End,
  hasNoCheckpoint: boolean,
  turn: Turn,
): Promise<void> {
  const { log, rows, maxSliceEvents } = deps
  const start = opened.nextOffset
  const startPosition = positionOf(opened)
  if (end + firings <= startPosition) return
  const entries = await readJournal(deps, at, opened, { offset: end, firings }, hasNoCheckpoint, turn)
  let k = 0
  let ids: string[] = []
  let decider: Decider = deps
  const keep = async (folded: Folded) => {
    for (const { id } of folded.actions) ids.push(id)
    for (const chunks of folded.rows) writeSlice(rows, chunks)
    if (rows.full) await beating(turn, rows.whenDrained())
    await turn.heartbeat()
    if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
  const finish = async (entry: JournalEntry) => {
    if (entry.policy !== decider.policy) decider = await changePolicy(deps, at, opened, entry, turn)
    const position = { ...at, offset: entry.next_offset }
    const clock = { nowMs: entry.now, clockMs: entry.clock }
    const own = { ...deps, ...decider }
    if (entry.refolded.length > 0) await refoldAgain(own, opened.profiles, position, entry.refolded, turn)
    await keep(await fireTimers(own, opened.profiles, position, entry.fired, clock, turn, nothingFolded()))
    opened.profiles.firings = entry.firings
    opened.clockMs = entry.clock
    // Where the store already holds some rows of a later checkpoint, their part of the replay is skipped.
    if (rollDigest(opened.digest, ids) !== entry.digest && opened.profiles.newestPosition <= startPosition) {
      const range = `${entry.first_offset} to ${entry.next_offset - 1}`
      throw new TaskFailure('digest', `the replay of offsets ${range} decided otherwise than the first time`)
    }
    opened.digest = entry.digest
    ids = []
    k++
  }
  for await (const batch of log.read(at.topic, at.partition, start, end)) {
    let from = 0
    while (from < batch.count && batch.offset(from) < end) {
      while (batch.offset(from) >= entries[k]!.next_offset) await finish(entries[k]!)
      const entry = entries[k]!
      const to = firstAtOrPast(batch, from, Math.min(entry.next_offset, end), maxSliceEvents)
      if (entry.policy !== decider.policy) decider = await changePolicy(deps, at, opened, entry, turn)
      const folded = await foldRecords({ ...deps, ...decider }, opened.profiles, batch, from, to, entry.now, turn)
      await keep(folded)
      from = to
    }
  }
  while (k < entries.length) await finish(entries[k]!)
  opened.profiles.useRules(deps)
  opened.nextOffset = end
}

/** The rules were changed after a crash: what was decided by the earlier ones is decided again by these. */
async function changePolicy(
  deps: TaskDeps,
  at: TopicPartition,
  opened: Opened,
  { policy, first_offset: offset }: JournalEntry,
  turn: Turn,
): Promise<Decider> {
  const decider = policy === deps.policy ? deps : await patiently(turn, at, deps.logger, () => deps.earlier(policy))
  if (decider === undefined) {
    const hint = `the offsets from ${offset} on were decided by policy ${policy}, which is not to be had: see the runbook`
    throw new TaskFailure('policy', hint)
  }
  opened.profiles.useRules(decider)
  return decider
}

/** The longest that a transaction stays open, and some time for its markers. */
const transactionMs = 20_000
const retryMs = 250

/**
 * The entries from the checkpoint to the end. The end of the journal may be held back by an open transaction, of the same
 * partition of another topic, until that has ended or its time is up.
 */
async function readJournal(
  deps: TaskDeps,
  at: TopicPartition,
  opened: Opened,
  end: End,
  hasNoCheckpoint: boolean,
  turn: Turn,
): Promise<JournalEntry[]> {
  const patientUntil = performance.now() + transactionMs
  for (;;) {
    const entries = await readCommitted(deps, at, opened, end, hasNoCheckpoint)
    const { next_offset: next, firings } = entries.at(-1) ?? { ...opened.profiles, next_offset: opened.nextOffset }
    if (next === end.offset && firings >= end.firings) return entries
    if (performance.now() > patientUntil) throw missing(next, end.offset)
    await beating(turn, sleep(retryMs))
    if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
}

/** Those that can be read by now; they must follow on each other without a gap. */
async function readCommitted(
  { log, journal, journalTopic }: TaskDeps,
  { topic, partition }: TopicPartition,
  opened: Opened,
  end: End,
  hasNoCheckpoint: boolean,
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  const start = opened.nextOffset
  let next = start
  let { firings } = opened.profiles
  for await (const batch of log.read(journalTopic, partition, opened.journalOffset, Number.MAX_SAFE_INTEGER)) {
    for (const entry of journal.decode(batch, topic)) {
      if (hasNoCheckpoint && entry.first_offset < start) throw cutWithoutCheckpoint(start)
      const position = entry.next_offset + entry.firings
      if (position <= next + firings || entry.next_offset > end.offset) continue
      const fires = entry.fired.length + entry.refolded.length > 0 ? 1 : 0
      if (entry.first_offset !== next || entry.firings !== firings + fires) throw missing(next, end.offset)
      entries.push(entry)
      next = entry.next_offset
      firings = entry.firings
    }
  }
  return entries
}

const cutWithoutCheckpoint = (low: number) =>
  new TaskFailure('gap', `input was taken before ${low}, where the topic begins now, and there is no checkpoint of it`)

const missing = (from: number, end: number) =>
  new TaskFailure('journal', `the journal does not hold offsets ${from} to ${end - 1}: was its retention too short?`)

/** The first record at or past an offset, at most `most` records on. */
function firstAtOrPast(batch: RecordBatch, from: number, offset: number, most: number): number {
  const last = Math.min(from + most, batch.count)
  let to = from
  while (to < last && batch.offset(to) < offset) to++
  return to
}
