import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import type { Log } from '../../src/log/log.ts'
import { partitions, topics } from './config.ts'
import type { Feeder } from './feeder.ts'
import { type Input, readInput } from './input.ts'
import type { Seen, Worker, WorkerStart } from './workers.ts'

const { Kafka, logLevel } = kafkajs

/**
 * What is changed under the running workers beside the faults: their settings, by a rolling restart, and later back; or from
 * the start the clocks of two of them; or, when the faults are over, the number of partitions of a topic, or a topic that is
 * deleted and created anew.
 */
export const changes = ['none', 'settings', 'clocks', 'grow', 'recreate'] as const
export type Change = (typeof changes)[number]

/** How far the clocks of the first workers are ahead. */
export const clockShiftsMs = [50 * 60_000, -10 * 60_000]

/** What must be the reason for which all partitions stop, for the changes that can't be lived with. */
export const reasons: Partial<Record<Change, readonly string[]>> = {
  grow: ['partitions'],
  recreate: ['ahead', 'deleted', 'diverged'],
}

/** The longest that a changed topic may take until all partitions have stopped. */
export const reasonMs = 30_000
/** The longest that the wait goes on, to tell how long it was. */
const patienceMs = 60_000
/** For how long the feeder goes on after that: nothing of it may be acted on. */
const goneOnMs = 5_000
/** The longest that a restarted worker is waited for until it owns something. */
const ownMs = 30_000

/** Restarts one worker after the other, with what each starts with from now on. */
export async function roll(workers: readonly Worker[], starts: readonly WorkerStart[], say: (line: string) => void) {
  for (const [i, worker] of workers.entries()) {
    worker.use(starts[i]!)
    while (!worker.available) await sleep(50)
    say(`${worker.name} is restarted with other settings`)
    await worker.drain(0)
    for (const untilMs = Date.now() + ownMs; !worker.owning && Date.now() < untilMs; ) await sleep(50)
  }
}

export interface Stop {
  /** Until all partitions had stopped for the reason that is due; null where they did not. */
  readonly seconds: number | null
  /** What the topic held that was deleted. */
  readonly input: Input | undefined
}

/** Changes a topic, and waits until all partitions have stopped. */
export async function changeTopic(
  change: 'grow' | 'recreate',
  { log, feeder, seen, brokers }: { log: Log; feeder: Feeder; seen: Seen; brokers: readonly string[] },
): Promise<Stop> {
  const admin = new Kafka({ brokers: [...brokers], clientId: 'changes', logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const fromMs = Date.now()
  const input = change === 'grow' ? await grow(admin) : await feeder.hold(() => recreate(admin, log))
  await admin.disconnect()
  const changedMs = Date.now()
  const stopped = () => {
    const due = seen.failures.filter(({ reason, atMs }) => atMs >= fromMs && reasons[change]!.includes(reason))
    return (
      new Set(due.map(({ partition }) => partition).filter((partition) => partition < partitions)).size === partitions
    )
  }
  while (!stopped() && Date.now() < changedMs + patienceMs) await sleep(100)
  const seconds = stopped() ? (Date.now() - changedMs) / 1000 : null
  await sleep(goneOnMs)
  return { seconds, input }
}

async function grow(admin: Admin): Promise<undefined> {
  await admin.createPartitions({ topicPartitions: [{ topic: topics[0]!, count: partitions + 1 }] })
}

async function recreate(admin: Admin, log: Log): Promise<Input> {
  const topic = topics[0]!
  const input = await readInput(log, [topic], partitions)
  await admin.deleteTopics({ topics: [topic] })
  for (let made = false; !made; await sleep(100)) {
    // It takes a moment until the name is free again.
    made = await log.createTopics([{ topic, partitions }]).then(
      () =>
        log.offsets(topic, 0).then(
          ({ high }) => high === 0,
          () => false,
        ),
      () => false,
    )
  }
  return input
}
