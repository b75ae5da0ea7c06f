import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordBatch } from '../../events/log.ts'
import { type Checkpoint, decodeCheckpoint } from '../../journal/checkpoint.ts'
import { emptyDigest } from '../../journal/journal.ts'
import { hasRecords } from '../../log/has-records.ts'
import { readCommitted } from '../../task/committed.ts'
import type { TaskDeps } from '../../task/deps.ts'
import { backoffMs, ownTurn } from '../../task/patience.ts'
import { Task } from '../../task/task.ts'
import { RepartitionFault, type Saved } from './plan.ts'
import { storeCheckpoints } from './store-checkpoints.ts'

const turn = ownTurn(() => true)
const pollMs = 50
const maxTries = 10

/**
 * Brings one of the old partitions to its end, as the service would. What is committed is in the profiles already. Records
 * after that are folded and decided if they are the partition's own (`task/homes.ts`), and committed; then all is saved.
 * @param deps for the old number of partitions
 * @param onTaken called with how many records were read
 * @returns its checkpoint
 * @throws TaskFailure, RepartitionFault, StoreError, LogError
 */
export async function drainPartition(
  deps: TaskDeps,
  partition: number,
  to: number,
  onTaken: (records: number) => void,
): Promise<Saved> {
  const before = await readSaved(deps, partition)
  if (before?.checkpoint.move === undefined) {
    await withTask(deps, partition, async () => undefined)
    await markOwn(deps, partition, to)
  }
  await withTask(deps, partition, async (task) => {
    for (const topic of deps.topics) await takeAll(deps, task, topic, onTaken)
  })
  return (await readSettled(deps, partition))!
}

export async function readSaved(deps: Pick<TaskDeps, 'store'>, partition: number): Promise<Saved | undefined> {
  const stored = await deps.store.readCheckpoint(partition)
  return stored && { partition, position: stored.version, checkpoint: decodeCheckpoint(stored.state) }
}

/** If a checkpoint was not stored, customers who move would lose what was committed after the one before. */
async function readSettled(deps: TaskDeps, partition: number): Promise<Saved | undefined> {
  const saved = await readSaved(deps, partition)
  const committed = await readCommitted(deps, partition)
  if (committed.position <= (saved?.position ?? 0)) return saved
  throw new RepartitionFault(`the profiles of partition ${partition} are not all stored yet: run it again`)
}

/** From the committed offsets on, only the partition's own records are taken, whoever goes on and whatever is replayed. */
async function markOwn(deps: TaskDeps, partition: number, to: number): Promise<void> {
  const { position, checkpoint } = (await readSettled(deps, partition)) ?? { position: 0, checkpoint: blank(deps) }
  const ownFrom: Record<string, number> = {}
  for (const topic of deps.topics) {
    ownFrom[topic] = checkpoint.offsets[topic] ?? (await deps.log.offsets(topic, partition)).low
  }
  await storeCheckpoints(deps.store, [
    { partition, position: position + 1, checkpoint: { ...checkpoint, move: { to, ownFrom } } },
  ])
}

/** The checkpoint of a partition in which nothing ever happened. */
const blank = ({ partitions }: TaskDeps): Checkpoint => ({
  offsets: {},
  clockMs: 0,
  digest: emptyDigest,
  journalOffset: 0,
  partitions,
})

async function withTask(deps: TaskDeps, partition: number, work: (task: Task) => Promise<void>): Promise<void> {
  const task = new Task(partition, deps)
  task.start()
  try {
    await untilRunning(task)
    await work(task)
  } finally {
    await task.close(task.state === 'running')
  }
}

async function untilRunning(task: Task): Promise<void> {
  while (task.state !== 'running') {
    if (task.failure) throw task.failure
    await sleep(pollMs)
  }
}

/** Takes all records that are there by now. */
async function takeAll(
  { log }: TaskDeps,
  task: Task,
  topic: string,
  onTaken: (records: number) => void,
): Promise<void> {
  const at = { topic, partition: task.at.partition }
  const { high } = await log.offsets(topic, at.partition)
  for (let tries = 0; ; ) {
    await untilRunning(task)
    const next = task.nextOffset(topic)!
    if (next >= high || !(await hasRecords(log, at, next, high))) return
    try {
      for await (const batch of log.read(topic, at.partition, next, high)) {
        await task.onBatch(batch, turn)
        onTaken(takenOf(batch, next))
        tries = 0
      }
    } catch (error) {
      if (task.failure) throw task.failure
      if (++tries === maxTries) throw error
      // Where the task met with it, that is closed; it may be the reading alone.
      if (task.state === 'closed') task.start()
      await sleep(backoffMs(tries))
    }
  }
}

const takenOf = ({ nextOffset, startOffset }: RecordBatch, next: number) => nextOffset - Math.max(startOffset, next)
