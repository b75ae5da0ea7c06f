import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts'
import type { Log } from '../../src/log/log.ts'
import { connectClickHouse } from '../../src/store/clickhouse/client.ts'
import { accessTo } from '../../src/store/clickhouse/local-access.ts'
import { migrate } from '../../src/store/clickhouse/migrate.ts'
import { Random } from '../../src/tools/demo/random.ts'
import { killPart, startPart, startStack, stopStack } from '../../src/tools/stack/stack.ts'
import { type BrokersSeen, endInTurn, Leaders } from './brokers.ts'
import { type Change, changeTopic, clockShiftsMs, reasonMs, reasons, roll } from './changes.ts'
import {
  commandOf,
  group,
  type Mode,
  output,
  partitions,
  type Settings,
  settingsNames,
  topics,
  writeConfig,
} from './config.ts'
import { stillMs, whenDrained } from './drained.ts'
import { Feeder } from './feeder.ts'
import { compare, type Verdict } from './oracle.ts'
import { planBrokerEnds, planFaults, type SchedulePlan } from './schedule.ts'
import { generateStream } from './stream.ts'
import { type Seen, Worker, type WorkerStart } from './workers.ts'

export interface ChaosOptions extends SchedulePlan {
  /** Events a second. */
  readonly rate: number
  readonly mode: Mode
  /** What is changed under the workers. */
  readonly change: Change
  /** Of this run alone: the servers' data and the workers' logs. */
  readonly folder: string
  readonly say: (line: string) => void
}

export interface ChaosReport extends Verdict, Omit<Seen, 'failures' | 'exits' | 'stuck' | 'inTransaction'> {
  readonly seed: number
  readonly seconds: number
  readonly rate: number
  readonly brokers: number
  readonly change: Change
  readonly kills: number
  readonly freezes: number
  /** Of these, those in the midst of a transaction. */
  readonly frozen_in_transaction: number
  readonly drains: number
  readonly broker_ends: number
  /** Of these, by SIGKILL. */
  readonly broker_kills: number
  /** How often a partition had another leader than before. */
  readonly moved_leaders: number
  readonly clickhouse_outages: number
  /** From the last event to the last checkpoint; null where it was not reached. */
  readonly drain_seconds: number | null
  /** From a change of the topics until all partitions had stopped for the reason that is due; null where they did not. */
  readonly stop_seconds: number | null
  /** Partitions that stopped for good for any other reason, and processes that ended by themselves. */
  readonly failed: number
  readonly exited: number
  /** Processes that did not end when they were asked to. */
  readonly stuck: number
}

/** The longest that a fault waits for a worker that it can meet. */
const patienceMs = 20_000
/** The longest that the first assignment may take. */
const openMs = 300_000
const clockModule = new URL('shifted-clock.js', import.meta.url).href

/** What of a report must be 0. */
export function faultsOf(report: ChaosReport): Readonly<Record<string, number>> {
  const { duplicated, missing, unexpected, out_of_order, timers_wrong, profiles_different, events_different } = report
  const { input_lost, journal_wrong, dead_letters, failed, stuck, change, stop_seconds } = report
  const must = reasons[change] !== undefined
  const not_stopped = must && (stop_seconds === null || stop_seconds * 1000 > reasonMs) ? 1 : 0
  const not_drained = !must && report.drain_seconds === null ? 1 : 0
  return {
    ...{ duplicated, missing, unexpected, out_of_order, timers_wrong, profiles_different, events_different },
    ...{ input_lost, journal_wrong, dead_letters, failed, stuck, not_stopped, not_drained },
  }
}

/** One run: workers under faults, then the oracle. The servers are started and removed. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { folder, say } = options
  const dir = join(folder, 'stack')
  const ports = { kafka: 0, clickhouse: 0 }
  const { kafka, clickhouse: url } = await startStack({ dir, ports, brokers: options.brokers, onStep: say })
  const brokers = kafka.split(',')
  const store = { ...accessTo(url)!, database: 'faults' }
  await migrate({ clickhouse: store, dryRun: false, onStep: () => undefined })
  const clickhouse = connectClickHouse(store)
  const log = await openKafkaLog({ brokers, clientId: 'faults' })
  const seen: Seen = { fenced: 0, inTransaction: 0, replayed: 0, opened: 0, failures: [], exits: [], stuck: [] }
  const brokersSeen: BrokersSeen = { ends: 0, kills: 0, moved: 0 }
  const leaders = new Leaders(brokers, brokersSeen)
  const workers: Worker[] = []
  try {
    await log.createTopics([
      ...[...topics, output.actions, output.dead_letters].map((topic) => ({ topic, partitions })),
      // The oracle holds the workers' clocks against the brokers'.
      { topic: output.journal, partitions, config: { 'message.timestamp.type': 'LogAppendTime' } },
    ])
    const starts: Record<Settings, WorkerStart[]> = { usual: [], changed: [], settled: [] }
    for (let i = 0; i < options.workers; i++) {
      for (const settings of settingsNames) {
        const file = join(folder, `worker-${i}-${settings}.yaml`)
        const config = await writeConfig(file, { brokers, store }, settings)
        starts[settings].push({ command: commandOf(options.mode, config), ...clockOf(options.change, i) })
      }
      const random = new Random(options.seed + i)
      workers.push(new Worker(`worker ${i}`, starts.usual[i]!, join(folder, `worker-${i}.log`), seen, random))
    }
    const servers = { dir, brokers, log, clickhouse }
    return await run(options, { ...servers, leaders, brokersSeen, workers, starts, seen })
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
    await leaders.close()
    await log.close()
    await clickhouse.close()
    await stopStack({ dir, wipe: true })
  }
}

/** The change `clocks` gives each of the first workers a clock of its own. */
function clockOf(change: Change, worker: number): Partial<WorkerStart> {
  const shiftMs = change === 'clocks' ? clockShiftsMs[worker] : undefined
  if (shiftMs === undefined) return {}
  return { imports: [clockModule], env: { CLOCK_SHIFT_MS: String(shiftMs) } }
}

interface Running {
  readonly dir: string
  readonly brokers: readonly string[]
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  readonly leaders: Leaders
  readonly brokersSeen: BrokersSeen
  readonly workers: readonly Worker[]
  /** How each worker starts. */
  readonly starts: Readonly<Record<Settings, readonly WorkerStart[]>>
  readonly seen: Seen
}

async function run(options: ChaosOptions, running: Running): Promise<ChaosReport> {
  const { seed, seconds, rate, change, say } = options
  const { brokers, log, clickhouse, workers, seen, brokersSeen } = running
  const stream = generateStream(seed, rate * seconds, topics, { startMs: Date.now(), spanMs: seconds * 1000 })
  const feeder = new Feeder(log, stream, rate)
  const feeding = feeder.run()
  for (const worker of workers) worker.start()
  await untilOpen(seen)
  say('all partitions are open')

  const counts = await meetFaults(options, running, feeder)
  const caughtUp = () => whenDrained({ log, clickhouse, group, topics, partitions, opened: () => seen.opened })
  const topicChange = change === 'grow' || change === 'recreate' ? change : undefined
  // The change is to meet workers that are well: each has opened what it owns, and saved it.
  if (topicChange) await feeder.hold(caughtUp)
  const stopped = topicChange && (await changeTopic(topicChange, { log, feeder, seen, brokers }))
  feeder.stop()
  await feeding
  const fedMs = Date.now()
  say(`fed ${feeder.count} events; ${seen.fenced} fenced; draining`)
  const drained = !stopped && (await caughtUp())
  const drainSeconds = drained ? (Date.now() - fedMs) / 1000 : null
  if (!drained && !stopped) say(`not drained, and no progress for ${stillMs / 1000} s`)
  await Promise.all(workers.map((worker) => worker.stop()))
  const { failures, exits, stuck, inTransaction, ...rest } = seen
  for (const line of [...failures.map(({ worker, text }) => `${worker}: ${text}`), ...exits, ...stuck]) say(line)
  const unnamed = failures.filter(({ reason }) => !reasons[change]?.includes(reason))
  return {
    seed,
    seconds,
    rate,
    brokers: options.brokers,
    change,
    kills: counts.kill,
    freezes: counts.freeze,
    frozen_in_transaction: inTransaction,
    drains: counts.drain,
    broker_ends: brokersSeen.ends,
    broker_kills: brokersSeen.kills,
    moved_leaders: brokersSeen.moved,
    clickhouse_outages: counts.clickhouse,
    drain_seconds: drainSeconds,
    stop_seconds: stopped?.seconds ?? null,
    failed: unnamed.length,
    exited: exits.length,
    stuck: stuck.length,
    ...rest,
    ...(await compare({ log, clickhouse, topics, partitions, output, fed: feeder.count, stopped, say })),
  }
}

/** The first assignment: what comes before it meets nobody. */
async function untilOpen(seen: Seen): Promise<void> {
  for (const deadlineMs = Date.now() + openMs; seen.opened < partitions; await sleep(100)) {
    if (Date.now() > deadlineMs) throw new Error(`not all partitions were opened within ${openMs / 1000} s`)
  }
}

/** All that is planned, until the last of it is over. @returns how many of each there were */
async function meetFaults(
  options: ChaosOptions,
  { dir, leaders, brokersSeen, workers, starts }: Running,
  feeder: Feeder,
): Promise<{ kill: number; freeze: number; drain: number; clickhouse: number }> {
  const { seed, seconds, say } = options
  const counts = { kill: 0, freeze: 0, drain: 0, clickhouse: 0 }
  const random = new Random(seed)
  const startMs = Date.now()
  const ongoing: Promise<unknown>[] = [endInTurn(dir, planBrokerEnds(options), leaders, brokersSeen, say)]
  if (options.change === 'settings') ongoing.push(changeSettings(workers, starts, seconds, say))
  for (const fault of planFaults(options)) {
    await sleep(Math.max(0, startMs + fault.atMs - Date.now()))
    if (fault.what === 'broker') {
      brokersSeen.ends++
      brokersSeen.kills++
      ongoing.push(takeAway(dir, 'kafka', fault.forMs, say))
    } else if (fault.what === 'clickhouse') {
      counts.clickhouse++
      ongoing.push(takeAway(dir, 'clickhouse', fault.forMs, say))
    } else {
      // A freeze is to hit one that has something to do, in the midst of it.
      let worker = await availableWorker(workers, fault.worker, fault.what === 'freeze')
      if (fault.what === 'freeze') await feeder.burst(5 + random.below(30))
      // A rolling restart may have taken it meanwhile.
      if (!worker.available) worker = await availableWorker(workers, fault.worker, false)
      ongoing.push(worker[fault.what](fault.forMs))
      say(`${((Date.now() - startMs) / 1000).toFixed(1)} s: ${fault.what} ${worker.name}`)
      counts[fault.what]++
    }
  }
  await Promise.all(ongoing)
  return counts
}

/** Twice: after a third of the time, and after two. */
async function changeSettings(
  workers: readonly Worker[],
  { changed, settled }: Running['starts'],
  seconds: number,
  say: (line: string) => void,
): Promise<void> {
  const startMs = Date.now()
  for (const [i, starts] of [changed, settled].entries()) {
    await sleep(Math.max(0, startMs + ((i + 1) * seconds * 1000) / 3 - Date.now()))
    await roll(workers, starts, say)
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
