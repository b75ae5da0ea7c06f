import { commitMetadata, committedEpoch, committedPosition } from '../../journal/commit-metadata.ts'
import { readCommitted, transactionalId } from '../../task/committed.ts'
import type { TaskDeps } from '../../task/deps.ts'
import { moveCheckpoints } from './checkpoints.ts'
import { drainPartition, readSaved } from './drain.ts'
import type { Census, Numbers, ProfileMover } from './mover.ts'
import { type Plan, RepartitionFault, type Saved } from './plan.ts'
import { storeCheckpoints } from './store-checkpoints.ts'

/**
 * Moves customers to where their keys belong among more partitions. The service is stopped. It refuses to start until all is
 * done, since first the topics' number of partitions differs from the checkpoints', and later the offsets' position does.
 *
 *     grow ─► drain each partition of before ─► fix the position ─► copy ─► check ─► checkpoints of all ─► clear ─► commit
 *
 * - **grow**: the topics come first; from here on, records may be placed by either number.
 * - **drain**: what is in the old partitions is folded there; in each partition, only what is at home.
 * - **copy**: profiles with their timers and contacts go to their new homes, as of a position above all earlier ones. The
 *   originals are not changed.
 * - **checkpoints**: one insert for all partitions. From here on the new number counts, and the rest can only be finished.
 * - **clear**: the originals are marked as gone.
 * - **commit**: the group's offsets get the position of the checkpoints.
 *
 * It may be killed at any point and run again: topics, checkpoints and committed offsets show what is done.
 */

/** Is told what is done. */
export interface Watcher {
  readonly step: (line: string) => void
  /** Within a step. */
  readonly progress: (what: string, count: number) => void
}

/** The census over all partitions together. */
export async function countCustomers(mover: ProfileMover, numbers: Numbers): Promise<Census> {
  const total = { customers: 0, moving: 0, strays: 0 }
  for (let partition = 0; partition < numbers.from; partition++) {
    const { customers, moving, strays } = await mover.census(partition, numbers)
    total.customers += customers
    total.moving += moving
    total.strays += strays
  }
  return total
}

/** The share of customers that may be in a partition other than their home; more can't be an accident. */
const maxStrayShare = 0.01

/** @throws RepartitionFault if keys are placed by another rule than the one we move customers by */
export function checkPlacement({ customers, strays }: Census): void {
  if (strays <= maxStrayShare * (customers + strays)) return
  const count = `${strays} of ${customers + strays} profiles do not lie in the partition that the customer's id hashes to`
  throw new RepartitionFault(
    `${count}: the producers use another partitioner than Java's murmur2, or another key than the customer's id`,
  )
}

/**
 * @param before what tasks share, for the old number of partitions
 * @throws RepartitionFault, TaskFailure, StoreError, LogError
 */
export async function repartition(plan: Plan, before: TaskDeps, mover: ProfileMover, watcher: Watcher): Promise<void> {
  const { from, to, grow, step } = plan
  const { log, topics } = before
  if (step === 'move') {
    for (const topic of grow) {
      await log.addPartitions(topic, to)
      watcher.step(`${topic} has ${to} partitions`)
    }
    const saved = await drainAll(before, plan, watcher)
    const numbers = { from, to, position: saved[0]!.checkpoint.move!.position! }
    for (let partition = 0; partition < from; partition++) {
      await mover.copy(partition, numbers, (count) => watcher.progress(`profiles of partition ${partition}`, count))
      watcher.step(`profiles of partition ${partition} are copied to their new homes`)
    }
    await checkCopies(mover, numbers)
    watcher.step('the copies are what the profiles were, each once and at home')
    await storeCheckpoints(before.store, await moveCheckpoints(before, saved, numbers))
    watcher.step(`the checkpoints are of ${to} partitions`)
  }
  await finish(before, plan, mover)
  watcher.step(`${topics.join(', ')} can be taken by ${to} partitions: start the service`)
}

/** @returns the old partitions' checkpoints, with the position; after this nothing is read any more */
async function drainAll(before: TaskDeps, { from, to }: Plan, watcher: Watcher): Promise<Saved[]> {
  const partitions = Array.from({ length: from }, (_, partition) => partition)
  const found = await Promise.all(partitions.map((partition) => readSaved(before, partition)))
  if (found.every((one) => one?.checkpoint.move?.position !== undefined)) return found as Saved[]
  const drained: Saved[] = []
  for (const partition of partitions) {
    let records = 0
    const saved = await drainPartition(before, partition, to, (taken) => {
      records += taken
      watcher.progress(`records of partition ${partition}`, records)
    })
    drained.push(saved)
    watcher.step(`partition ${partition} is taken to its end, ${records} records`)
  }
  // Above the positions at which these checkpoints are stored.
  const position = Math.max(...drained.map((one) => one.position)) + 2
  const fixed = drained.map(({ partition, position: at, checkpoint }) => {
    return { partition, position: at + 1, checkpoint: { ...checkpoint, move: { ...checkpoint.move!, position } } }
  })
  await storeCheckpoints(before.store, fixed)
  return fixed
}

async function checkCopies(mover: ProfileMover, numbers: Numbers): Promise<void> {
  const total = async (partitions: number, of: (partition: number) => Promise<{ count: number; hash: bigint }>) => {
    let [count, hash] = [0, 0n]
    for (let partition = 0; partition < partitions; partition++) {
      const one = await of(partition)
      count += one.count
      hash = BigInt.asUintN(64, hash + one.hash)
    }
    return { count, hash }
  }
  const old = await total(numbers.from, (partition) => mover.sumBefore(partition, numbers))
  const copied = await total(numbers.to, (partition) => mover.sumAfter(partition, numbers))
  if (old.count === copied.count && old.hash === copied.hash) return
  const counts = `there were ${old.count} profiles, and there would be ${copied.count}`
  throw new RepartitionFault(`the copies are not what the profiles were (${counts}): nothing was changed; run it again`)
}

/** The rest, once the checkpoints of the new number are stored. */
async function finish(before: TaskDeps, { from, to }: Plan, mover: ProfileMover): Promise<void> {
  const saved = (await Promise.all(
    Array.from({ length: to }, (_, partition) => readSaved(before, partition)),
  )) as Saved[]
  const { position } = saved[0]!.checkpoint.moved!
  for (let partition = 0; partition < from; partition++) await mover.clear(partition, { from, to, position })
  // A partition that has moved on was finished before.
  for (const one of saved) if (one.position === position) await commitOffsets(before, one)
}

/** The group goes on from the checkpoint. */
async function commitOffsets(before: TaskDeps, { partition, position, checkpoint: { offsets } }: Saved): Promise<void> {
  const { log, groupId } = before
  const { byTopic } = await readCommitted(before, partition)
  const writer = await log.openWriter(transactionalId(groupId, partition))
  try {
    for (const [topic, { offset, metadata }] of byTopic) {
      const nextOffset = offsets[topic]
      if (nextOffset === undefined || committedPosition(metadata) >= position) continue
      const epoch = offset === nextOffset ? committedEpoch(metadata) : -1
      const own = commitMetadata(Date.now(), position, epoch)
      await writer.commit({ records: [], groupId, topic, partition, nextOffset, metadata: own })
    }
  } finally {
    await writer.close()
  }
}
