import { type Checkpoint, decodeCheckpoint } from '../journal/checkpoint.ts'
import { committedEpoch, committedPosition } from '../journal/commit-metadata.ts'
import { emptyDigest } from '../journal/journal.ts'
import type { Turn } from '../log/log.ts'
import { ProfileCache } from '../profiles/cache.ts'
import { closeWriter } from './commit.ts'
import { type Committed, readCommitted, transactionalId } from './committed.ts'
import { featuresOf, type TaskDeps } from './deps.ts'
import { Lost, TaskFailure } from './failure.ts'
import { Homes } from './homes.ts'
import { createdAnew, cutWithoutCheckpoint, diverged, tooShort } from './log-changes.ts'
import type { Opened } from './opened.ts'
import { checkPartitions } from './partitions.ts'
import { beating, patiently } from './patience.ts'
import { replayJournal } from './replay-journal.ts'

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
    await replayJournal(deps, partition, opened, committed, turn)
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
    // What came before can only be read from the topic itself; the journal tells whether there was any (`committed-entries.ts`).
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
