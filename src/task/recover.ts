import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordBatch } from '../events/log.ts'
import { type Checkpoint, decodeCheckpoint } from '../journal/checkpoint.ts'
import { emptyDigest, type JournalEntry, rollDigest } from '../journal/journal.ts'
import type { TopicPartition, Turn } from '../log/log.ts'
import { ProfileCache } from '../profiles/cache.ts'
import { nextOffsetOf } from '../store/profile-version.ts'
import { writeSlice } from '../store/slice-rows.ts'
import { type Decider, type Opened, type TaskDeps, transactionalId } from './deps.ts'
import { Lost, TaskFailure } from './failure.ts'
import { foldRecords } from './fold.ts'
import { beating, patiently } from './patience.ts'

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
  const { log, groupId, store, features, logger, partitions } = deps
  const { topic, partition } = at
  await turn.heartbeat()
  if (!turn.isCurrent()) throw new Lost('the partition was lost before it was opened')
  const writer = await beating(turn, log.openWriter(transactionalId(groupId, at)))
  try {
    const stored = await patiently(turn, at, logger, () => store.readCheckpoint(topic, partition))
    const { offset: committed } = await beating(turn, log.committedOffset(groupId, topic, partition))
    const { low } = await beating(turn, log.offsets(topic, partition))
    const saved = stored && { offset: nextOffsetOf(stored.version), ...readCheckpoint(stored.state) }
    checkPlace(saved, committed, low, partitions)

    const start = saved?.offset ?? low
    const profiles = new ProfileCache(store, topic, partition, features, stored === undefined)
    const opened: Opened = {
      writer,
      profiles,
      nextOffset: start,
      digest: saved?.digest ?? emptyDigest,
      journalOffset: saved?.journalOffset ?? 0,
      checkpointOffset: start,
    }
    await replay(deps, at, opened, committed ?? start, stored === undefined, turn)
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
function checkPlace(
  saved: ({ offset: number } & Checkpoint) | undefined,
  committed: number | null,
  low: number,
  partitions: number,
): void {
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

/** Folds [checkpoint, committed) once more, slice by slice as the journal has them. */
async function replay(
  deps: TaskDeps,
  at: TopicPartition,
  opened: Opened,
  end: number,
  hasNoCheckpoint: boolean,
  turn: Turn,
): Promise<void> {
  const { log, rows, maxSliceEvents } = deps
  const start = opened.nextOffset
  if (start >= end) return
  const entries = await readJournal(deps, at, opened.journalOffset, start, end, hasNoCheckpoint, turn)
  let k = 0
  let ids: string[] = []
  const finish = (entry: JournalEntry) => {
    // Where the store already holds some rows of a later checkpoint, their part of the replay is skipped.
    if (rollDigest(opened.digest, ids) !== entry.digest && opened.profiles.newestOffset <= start) {
      const range = `${entry.first_offset} to ${entry.next_offset - 1}`
      throw new TaskFailure('digest', `the replay of offsets ${range} decided otherwise than the first time`)
    }
    opened.digest = entry.digest
    ids = []
    k++
  }
  let decider: Decider = deps
  for await (const batch of log.read(at.topic, at.partition, start, end)) {
    let from = 0
    while (from < batch.count && batch.offset(from) < end) {
      while (batch.offset(from) >= entries[k]!.next_offset) finish(entries[k]!)
      const entry = entries[k]!
      const to = firstAtOrPast(batch, from, Math.min(entry.next_offset, end), maxSliceEvents)
      if (entry.policy !== decider.policy) decider = await changePolicy(deps, at, opened, entry, turn)
      const folded = await foldRecords({ ...deps, ...decider }, opened.profiles, batch, from, to, entry.now, turn)
      for (const { id } of folded.actions) ids.push(id)
      for (const chunks of folded.rows) writeSlice(rows, chunks)
      if (rows.full) await beating(turn, rows.whenDrained())
      await turn.heartbeat()
      if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
      from = to
    }
  }
  while (k < entries.length) finish(entries[k]!)
  opened.profiles.useFeatures(deps.features)
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
  opened.profiles.useFeatures(decider.features)
  return decider
}

/** The longest that a transaction stays open, and some time for its markers. */
const transactionMs = 20_000
const retryMs = 250

/**
 * The entries of [start, end). The end of the journal may be held back by an open transaction, of the same partition of
 * another topic, until that has ended or its time is up.
 */
async function readJournal(
  deps: TaskDeps,
  at: TopicPartition,
  journalOffset: number,
  start: number,
  end: number,
  hasNoCheckpoint: boolean,
  turn: Turn,
): Promise<JournalEntry[]> {
  const patientUntil = performance.now() + transactionMs
  for (;;) {
    const entries = await readCommitted(deps, at, journalOffset, start, end, hasNoCheckpoint)
    const next = entries.at(-1)?.next_offset ?? start
    if (next === end) return entries
    if (performance.now() > patientUntil) throw missing(next, end)
    await beating(turn, sleep(retryMs))
    if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
}

/** Those that can be read by now; they must follow on each other without a gap. */
async function readCommitted(
  { log, journal, journalTopic }: TaskDeps,
  { topic, partition }: TopicPartition,
  journalOffset: number,
  start: number,
  end: number,
  hasNoCheckpoint: boolean,
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  let next = start
  for await (const batch of log.read(journalTopic, partition, journalOffset, Number.MAX_SAFE_INTEGER)) {
    for (const entry of journal.decode(batch, topic)) {
      if (hasNoCheckpoint && entry.first_offset < start) throw cutWithoutCheckpoint(start)
      if (entry.next_offset <= start || next >= end) continue
      if (entry.first_offset !== next) throw missing(next, end)
      entries.push(entry)
      next = entry.next_offset
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
