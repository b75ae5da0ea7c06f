import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClickHouseClient } from '@clickhouse/client'
import { parse } from 'yaml'
import { Random } from '../../src/demo/random.ts'
import type { OutRecord } from '../../src/events/log.ts'
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts'
import { type Log, partitionKey } from '../../src/log/log.ts'
import { freePort } from '../../src/stack/ports.ts'
import { killPart, startPart, startStack, stopStack } from '../../src/stack/stack.ts'
import { connectClickHouse } from '../../src/store/clickhouse/client.ts'
import { migrate } from '../../src/store/clickhouse/migrate.ts'
import { compare, type Verdict } from './oracle.ts'
import { planFaults, type SchedulePlan } from './schedule.ts'
import { generateStream } from './stream.ts'
import { type Seen, Worker } from './workers.ts'

export interface ChaosOptions extends SchedulePlan {
  /** Events a second. */
  readonly rate: number
  /** `worker` is the negative control: transactional ids of the worker, so that nobody is fenced. */
  readonly mode: 'partition' | 'worker'
  /** Of this run alone: the servers' data and the workers' logs. */
  readonly folder: string
  readonly say: (line: string) => void
}

export interface ChaosReport extends Verdict, Omit<Seen, 'failures' | 'exits' | 'stuck' | 'inTransaction'> {
  readonly seed: number
  readonly seconds: number
  readonly kills: number
  readonly freezes: number
  /** Of these, those in the midst of a transaction. */
  readonly frozen_in_transaction: number
  readonly drains: number
  readonly broker_outages: number
  readonly clickhouse_outages: number
  /** From the last event to the last checkpoint; null where it was not reached. */
  readonly drain_seconds: number | null
  /** Partitions that stopped for good, and processes that ended by themselves. */
  readonly failed: number
  readonly exited: number
  /** Processes that did not end when they were asked to. */
  readonly stuck: number
}

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))
const partitions = 6
/** Two, since they share the journal and the workers. */
const topics = ['faults.clicks', 'faults.taps']
const output = { actions: 'faults.actions', dead_letters: 'faults.dead_letters', journal: 'faults.journal' }
const group = 'faults'
const tickMs = 100
/** So many events at once before a freeze, as milliseconds of the even rate. */
const burstMs = 1_000
/** The longest that a fault waits for a worker that it can meet. */
const patienceMs = 20_000
/** The longest that a burst waits for the feeder. */
const burstPatienceMs = 3_000
/** Small, so that a worker with something to do is in a transaction most of the time. */
const sliceEvents = 50
/** Workers that make no progress for so long will make none; a rebalance takes less. */
const stillMs = 60_000

/** One run: workers under faults, then the oracle. The servers are started and removed. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { folder, say } = options
  const dir = join(folder, 'stack')
  const { kafka, clickhouse: url } = await startStack({ dir, ports: { kafka: 0, clickhouse: 0 }, onStep: say })
  const store = { url, database: 'faults', username: 'default', password: '' }
  await migrate({ clickhouse: store, dryRun: false, onStep: () => undefined })
  const clickhouse = connectClickHouse(store)
  const log = await openKafkaLog({ brokers: [kafka], clientId: 'faults' })
  const seen: Seen = { fenced: 0, inTransaction: 0, replayed: 0, opened: 0, failures: [], exits: [], stuck: [] }
  const workers: Worker[] = []
  try {
    await log.createTopics([...topics, ...Object.values(output)].map((name) => ({ topic: name, partitions })))
    for (let i = 0; i < options.workers; i++) {
      const config = await writeConfig(folder, i, kafka, store)
      const command =
        options.mode === 'partition'
          ? [path('bin/beckon.js'), 'run', '-c', config]
          : [path('dist/test/faults/one-id-worker.js'), config]
      workers.push(
        new Worker(`worker ${i}`, command, join(folder, `worker-${i}.log`), seen, new Random(options.seed + i)),
      )
    }
    return await run(options, dir, log, clickhouse, workers, seen)
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
    await log.close()
    await clickhouse.close()
    await stopStack({ dir, wipe: true })
  }
}

async function run(
  options: ChaosOptions,
  dir: string,
  log: Log,
  clickhouse: ClickHouseClient,
  workers: readonly Worker[],
  seen: Seen,
): Promise<ChaosReport> {
  const { seed, seconds, rate, say } = options
  const feeder = new Feeder(
    log,
    generateStream(seed, rate * seconds, topics, { startMs: Date.now(), spanMs: seconds * 1000 }),
    rate,
  )
  const feeding = feeder.run()
  for (const worker of workers) worker.start()
  // The first assignment: what comes before it meets nobody.
  while (seen.opened < partitions) await sleep(100)
  say('all partitions are open')

  const counts = { kill: 0, freeze: 0, drain: 0, kafka: 0, clickhouse: 0 }
  const random = new Random(seed)
  const startMs = Date.now()
  const ongoing: Promise<unknown>[] = []
  for (const fault of planFaults(options)) {
    await sleep(Math.max(0, startMs + fault.atMs - Date.now()))
    if (fault.what === 'kafka' || fault.what === 'clickhouse') {
      ongoing.push(takeAway(dir, fault.what, fault.forMs, say))
    } else {
      // A freeze is to hit one that has something to do, in the midst of it.
      const worker = await availableWorker(workers, fault.worker, fault.what === 'freeze')
      if (fault.what === 'freeze') await feeder.burst(5 + random.below(30))
      ongoing.push(worker[fault.what](fault.forMs))
      say(`${((Date.now() - startMs) / 1000).toFixed(1)} s: ${fault.what} ${worker.name}`)
    }
    counts[fault.what]++
  }
  await Promise.all(ongoing)
  feeder.stop()
  await feeding
  const fedMs = Date.now()
  say(`fed ${feeder.count} events; ${seen.fenced} fenced; draining`)
  const drained = await whenDrained(log, clickhouse)
  const drainSeconds = drained ? (Date.now() - fedMs) / 1000 : null
  if (!drained) say(`not drained, and no progress for ${stillMs / 1000} s`)
  await Promise.all(workers.map((worker) => worker.stop()))
  const { failures, exits, stuck, inTransaction, ...rest } = seen
  for (const line of [...failures, ...exits, ...stuck]) say(line)
  return {
    seed,
    seconds,
    kills: counts.kill,
    freezes: counts.freeze,
    frozen_in_transaction: inTransaction,
    drains: counts.drain,
    broker_outages: counts.kafka,
    clickhouse_outages: counts.clickhouse,
    drain_seconds: drainSeconds,
    failed: failures.length,
    exited: exits.length,
    stuck: stuck.length,
    ...rest,
    ...(await compare({ log, clickhouse, topics, actionsTopic: output.actions, journalTopic: output.journal, say })),
  }
}

/** Sends the stream at an even rate, until it is stopped; where the broker is away, it waits. */
class Feeder {
  count = 0
  readonly #log: Log
  readonly #stream: ReturnType<typeof generateStream>
  readonly #rate: number
  #waiting: (() => void)[] = []
  #stopped = false

  constructor(log: Log, stream: ReturnType<typeof generateStream>, rate: number) {
    this.#log = log
    this.#stream = stream
    this.#rate = rate
  }

  stop(): void {
    this.#stopped = true
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const records: OutRecord[] = []
      const most = (this.#rate * (this.#waiting.length > 0 ? burstMs : tickMs)) / 1000
      while (records.length < most) {
        const { value: event } = this.#stream.next()
        if (!event) break
        records.push({ topic: event.topic, key: event.customer, value: event.value, headers: {} })
      }
      // What a try has sent before it failed is there twice then: the oracle reads what there is.
      while (
        !(await this.#log.append(records).then(
          () => true,
          () => false,
        ))
      )
        await sleep(tickMs)
      this.count += records.length
      for (const resolve of this.#waiting.splice(0)) resolve()
      await sleep(tickMs)
    }
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Makes the next events many, and resolves so many milliseconds after they are in the log. */
  async burst(laterMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      setTimeout(resolve, burstPatienceMs)
    })
    await sleep(laterMs)
  }
}

async function takeAway(dir: string, part: 'kafka' | 'clickhouse', forMs: number, say: (line: string) => void) {
  say(`${part} is killed, for ${(forMs / 1000).toFixed(1)} s`)
  await killPart({ dir, part })
  await sleep(forMs)
  await startPart({ dir, part })
  say(`${part} is back`)
}

/** The one that is meant, or the next that runs; where it shall own something and none does, any that runs in the end. */
async function availableWorker(workers: readonly Worker[], wanted: number, owning: boolean): Promise<Worker> {
  const patientUntil = Date.now() + patienceMs
  for (;;) {
    for (let i = 0; i < workers.length; i++) {
      const worker = workers[(wanted + i) % workers.length]!
      if (worker.available && (worker.owning || !owning || Date.now() > patientUntil)) return worker
    }
    await sleep(20)
  }
}

/** Waits until nothing is left, as long as there is progress; false where it ends before. */
async function whenDrained(log: Log, clickhouse: ClickHouseClient): Promise<boolean> {
  let least = Number.POSITIVE_INFINITY
  for (let lastMs = Date.now(); Date.now() - lastMs < stillMs; await sleep(500)) {
    // A server that does not answer yet is asked again.
    const left = await countLeft(log, clickhouse).catch(() => least)
    if (left === 0) return true
    if (left < least) lastMs = Date.now()
    least = Math.min(least, left)
  }
  return false
}

/** By how many offsets the group's commits and the checkpoints are behind the ends of the input. */
async function countLeft(log: Log, clickhouse: ClickHouseClient): Promise<number> {
  const checkpoints = await checkpointOffsets(clickhouse)
  let left = 0
  for (const topic of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const { high } = await log.offsets(topic, partition)
      const [committed] = await log.committedOffsets(group, [topic], partition)
      left += high - (committed?.offset ?? 0) + high - (checkpoints.get(partitionKey({ topic, partition })) ?? 0)
    }
  }
  return left
}

async function checkpointOffsets(clickhouse: ClickHouseClient): Promise<Map<string, number>> {
  const result = await clickhouse.query({
    query: `SELECT partition, JSONExtract(argMax(state, version), 'offsets', 'Map(String, UInt64)')
            FROM profiles WHERE customer = '' GROUP BY partition`,
    format: 'JSONCompactEachRow',
  })
  const rows = await result.json<[number, Record<string, string>]>()
  return new Map(
    rows.flatMap(([partition, offsets]) =>
      Object.entries(offsets).map(([topic, offset]) => [partitionKey({ topic, partition }), Number(offset)] as const),
    ),
  )
}

/** What the customer is asked when the cart is left: decided when a timer fires. */
const timed = {
  name: 'come_back',
  on: { absent: 'purchase', after: 'add_to_cart', for: '4s' },
  when: 'carts_1h > 0',
  contact: { cooldown: '20s' },
}

/** A worker's configuration: the clicks of the benchmark and a timer, with an ops port of its own. */
async function writeConfig(folder: string, worker: number, kafka: string, store: object): Promise<string> {
  const { topics: declared, features, actions, arbitration } = parse(readFileSync(path('bench/clicks.yaml'), 'utf8'))
  const config = {
    kafka: { brokers: [kafka], group },
    clickhouse: store,
    topics: topics.map((name) => ({
      ...declared[0],
      name,
      schema: path('bench/clicks.avsc'),
      key: 'customer',
      tombstones: 'erase',
    })),
    output: { ...output, format: 'json' },
    slice: { max_events: sliceEvents },
    // A topic that is behind is read within a moment of the other's time, and a customer has thousands of events in it.
    dedupe: { max_ids: 100_000 },
    ops: { port: await freePort() },
    features,
    actions: [...actions, timed],
    arbitration,
  }
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `worker-${worker}.yaml`)
  writeFileSync(file, JSON.stringify(config)) // JSON is YAML.
  return file
}
