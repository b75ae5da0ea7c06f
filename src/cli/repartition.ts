import { setTimeout as sleep } from 'node:timers/promises'
import { Command, InvalidArgumentError } from 'commander'
import type { Engine } from '../engine.ts'
import type { Log } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { Outages } from '../ops/outages.ts'
import { readableLine } from '../ops/readable.ts'
import { checkMigrated } from '../store/clickhouse/migrate.ts'
import { createProfileStore } from '../store/clickhouse/profiles.ts'
import type { TaskDeps } from '../task/deps.ts'
import { TaskFailure } from '../task/failure.ts'
import { createTaskDeps, metricsOf } from '../task-deps.ts'
import { KafkaProbe } from '../tools/doctor/kafka/probe.ts'
import { createProfileMover } from '../tools/repartition/clickhouse/mover.ts'
import { readSaved } from '../tools/repartition/drain.ts'
import type { Census } from '../tools/repartition/mover.ts'
import { type Plan, planRepartition, RepartitionFault, type Saved } from '../tools/repartition/plan.ts'
import { checkPlacement, countCustomers, repartition, type Watcher } from '../tools/repartition/repartition.ts'
import { addressesOf, troubleOf } from '../trouble.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectLog, connectRegistryOf, connectStore, largeTableMs } from './connect.ts'
import { CommandError } from './exit.ts'
import { kafkaOptions } from './kafka-options.ts'

interface Options {
  readonly config: string
  readonly to: number
  readonly dryRun?: true
  readonly json?: true
}

/** After this time the broker has forgotten a member that was killed. */
const leaveMs = 20_000
const lookMs = 500
const profileBytes = 256 * 1024 * 1024

export function repartitionCommand(): Command {
  return new Command('repartition')
    .description('move customers to where their keys lie among more partitions of the topics; the service is stopped')
    .addOption(configOption())
    .requiredOption('--to <n>', 'the number of partitions', parseCount)
    .option('--dry-run', 'only say what would be done')
    .option('--json', 'one JSON object')
    .action(async ({ config: file, to, dryRun, json }: Options) => {
      try {
        const done = await run(openEngine(file), to, dryRun ?? false, watcherOf(json ?? false))
        if (json) console.log(JSON.stringify({ dry_run: dryRun ?? false, ...done }))
      } catch (error) {
        if (error instanceof RepartitionFault) throw new CommandError(error.message)
        if (!(error instanceof TaskFailure)) throw error
        throw new CommandError(`a partition of before can't be brought to its end: ${error.message}; see the runbook`)
      }
    })
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a whole number from 1.')
}

function watcherOf(json: boolean): Watcher {
  if (json) return { step: () => undefined, progress: () => undefined }
  const clear = process.stderr.isTTY ? '\r\u001b[K' : ''
  return {
    step: (line) => {
      process.stderr.write(clear)
      console.log(line)
    },
    progress: (what, count) => {
      if (clear) process.stderr.write(`${clear}${what}: ${count.toLocaleString('en-US')}`)
    },
  }
}

async function run(engine: Engine, to: number, dryRun: boolean, watcher: Watcher): Promise<object> {
  const { config } = engine
  await checkMigrated(config.clickhouse)
  const log = await connectLog(config, createLogger('silent'))
  const clickhouse = connectStore(config, largeTableMs)
  try {
    const store = createProfileStore(clickhouse)
    let found = await look(engine, log, store, to)
    let plan = planRepartition(to, found)
    if (!dryRun) {
      await untilStopped(engine, watcher)
      found = await look(engine, log, store, to)
      plan = planRepartition(to, found)
    }
    const mover = createProfileMover(clickhouse)
    const census = await count(plan, found.saved, mover)
    tell(plan, census, watcher)
    if (!dryRun && plan.step !== 'done') {
      const ids = new Map(found.inputs.map(({ topic, id }) => [topic, id]))
      await withTasks(engine, log, plan, ids, (deps) => repartition(plan, deps, mover, watcher))
    }
    const { step, from, grow } = plan
    return { from, to, step, grow, ...census }
  } finally {
    await log.close()
    await clickhouse.close()
  }
}

/** What the service's tasks share, for tasks of the old partitions. What they wait for is reported on stderr. */
async function withTasks(
  engine: Engine,
  log: Log,
  { from }: Plan,
  ids: ReadonlyMap<string, string>,
  work: (deps: TaskDeps) => Promise<void>,
): Promise<void> {
  const { config } = engine
  const clickhouse = connectStore(config)
  const lines = createLogger('warn', { write: (line) => void process.stderr.write(readableLine(line)) })
  const logger = new Outages(lines, addressesOf(config), troubleOf)
  const metrics = metricsOf(engine)
  const store = createProfileStore(clickhouse)
  const parts = { log, clickhouse, store, registry: connectRegistryOf(config), logger, metrics }
  const { deps } = await createTaskDeps(engine, parts, {
    partitions: from,
    topicId: (topic) => ids.get(topic),
    profileBytes: () => profileBytes,
    pause: () => undefined,
    seek: () => undefined,
  })
  try {
    await work(deps)
  } finally {
    await deps.rows.stop()
    await clickhouse.close()
  }
}

/** @throws CommandError if the service is running */
async function untilStopped({ config }: Engine, watcher: Watcher): Promise<void> {
  const probe = await KafkaProbe.open(kafkaOptions(config))
  const { group } = config.kafka
  try {
    const deadline = performance.now() + leaveMs
    for (let looks = 0; ; looks++) {
      const { members } = await probe.group(group)
      if (members === 0) return
      if (performance.now() > deadline) {
        throw new CommandError(`the group ${group} has ${members} members: stop all processes of the service first`)
      }
      if (looks === 0) watcher.step(`waiting for ${members} members to leave the group ${group}`)
      await sleep(lookMs)
    }
  } finally {
    await probe.close()
  }
}

async function look({ config }: Engine, log: Log, store: ReturnType<typeof createProfileStore>, to: number) {
  const names = config.topics.map(({ name }) => name)
  const { journal: journalName } = config.output
  for (const name of [...names, journalName]) await log.partitionCount(name)
  const states = await log.topics([...names, journalName])
  const journal = states.find(({ topic }) => topic === journalName)
  const inputs = states.filter(({ topic }) => names.includes(topic))
  if (journal === undefined || inputs.length < names.length) throw new CommandError('a topic is not there any more')
  const saved: Saved[] = []
  const most = Math.max(to, ...inputs.map(({ partitions }) => partitions))
  for (let partition = 0; partition < most; partition++) {
    const one = await readSaved({ store }, partition)
    if (one) saved.push(one)
  }
  return { inputs, journal, saved }
}

async function count(
  { step, from, to }: Plan,
  saved: readonly Saved[],
  mover: ReturnType<typeof createProfileMover>,
): Promise<Census | undefined> {
  if (step !== 'move') return undefined
  const position = saved[0]?.checkpoint.move?.position ?? Number.MAX_SAFE_INTEGER
  const census = await countCustomers(mover, { from, to, position })
  checkPlacement(census)
  return census
}

function tell({ step, from, to, grow }: Plan, census: Census | undefined, { step: say }: Watcher): void {
  if (step === 'done') say(`the profiles lie in ${to} partitions`)
  if (step === 'finish')
    say(`customers have moved from ${from} to ${to} partitions; what was left of it is finished now`)
  if (census === undefined) return
  const n = (count: number) => count.toLocaleString('en-US')
  say(`from ${from} to ${to} partitions: ${n(census.moving)} of ${n(census.customers)} customers move`)
  for (const topic of grow) say(`${topic} is given ${to} partitions`)
  if (census.strays > 0) say(`${n(census.strays)} profiles do not lie where the customer's id hashes to: they stay`)
}
