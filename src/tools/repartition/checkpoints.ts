import { type Checkpoint, idsOf } from '../../journal/checkpoint.ts'
import { emptyDigest } from '../../journal/journal.ts'
import type { TaskDeps } from '../../task/deps.ts'
import type { Numbers } from './mover.ts'
import type { Saved } from './plan.ts'

/**
 * The first checkpoints of all new partitions, all at one position.
 * @param saved the checkpoints of the old partitions, which are drained
 * @throws LogError
 */
export async function moveCheckpoints(
  { log, topics, topicId, journalTopic }: TaskDeps,
  saved: readonly Saved[],
  { from, to, position }: Numbers,
): Promise<Saved[]> {
  // Timers that have fired are marked in the profiles, so a clock that is behind fires nothing twice.
  const clockMs = Math.min(...saved.map(({ checkpoint }) => checkpoint.clockMs))
  const after: Saved[] = []
  for (let partition = 0; partition < to; partition++) {
    const lows: Record<string, number> = {}
    for (const topic of topics) lows[topic] = (await log.offsets(topic, partition)).low
    const ids = idsOf(topics, topicId)
    const { high: journalOffset } = await log.offsets(journalTopic, partition)
    const own = { clockMs, digest: emptyDigest, journalOffset, partitions: to }
    const before = saved[partition]?.checkpoint
    const places = before ? placesAfter(before, lows) : { offsets: lows, takenBefore: {} }
    const moved = { from, position, takenBefore: places.takenBefore }
    const checkpoint: Checkpoint = { ...own, offsets: places.offsets, ids: { ...before?.ids, ...ids }, moved }
    after.push({ partition, position, checkpoint })
  }
  return after
}

/** Back to where the partition began to take only its own records: the others still have to be read. */
function placesAfter({ offsets, move }: Checkpoint, lows: Readonly<Record<string, number>>) {
  const takenBefore: Record<string, number> = {}
  const after: Record<string, number> = { ...lows, ...offsets }
  for (const [topic, first] of Object.entries(move!.ownFrom)) {
    const end = offsets[topic]
    if (end === undefined) continue
    after[topic] = first
    if (end > first) takenBefore[topic] = end
  }
  return { offsets: after, takenBefore }
}
