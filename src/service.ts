import { getHeapStatistics } from 'node:v8'
import type { Config } from './config/schema.ts'
import type { Engine } from './engine.ts'
import type { Registry } from './ingest/registry/registry.ts'
import { LiveRules } from './live-rules.ts'
import type { Log } from './log/log.ts'
import { ClockWatch } from './ops/clock-watch.ts'
import { Crash } from './ops/crash.ts'
import { Held } from './ops/held.ts'
import { type OpsServer, type Probe, startOpsServer } from './ops/http.ts'
import type { Logger } from './ops/logger.ts'
import type { Metrics } from './ops/metrics.ts'
import { observed } from './ops/observed-registry.ts'
import { Outages } from './ops/outages.ts'
import { Ruled } from './ruled.ts'
import { startSchedules } from './schedules.ts'
import type { ClickHouseClient } from './store/clickhouse/client.ts'
import { checkMigrated } from './store/clickhouse/migrate.ts'
import { createProfileStore } from './store/clickhouse/profiles.ts'
import type { ProfileStore } from './store/profile-store.ts'
import type { RowWriter } from './store/row-writer.ts'
import { StoreError } from './store/store-error.ts'
import { lookUpPartitions } from './task/partitions.ts'
import { readiness } from './task/readiness.ts'
import { Tasks } from './task/tasks.ts'
import { TopicWatch } from './task/topic-watch.ts'
import { warmUp } from './task/warm-up.ts'
import { createTaskDeps, metricsOf } from './task-deps.ts'
import { addressesOf, troubleOf } from './trouble.ts'

/** What the service talks to. `beckon run` connects to it; tests may pass the in-memory log. */
export interface World {
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  /** Present where a topic needs it. */
  readonly registry: Registry | undefined
  readonly logger: Logger
}

export interface Service {
  readonly metrics: Metrics
  readonly opsPort: number
  /** Rejects when the process must end: consumption has stopped for good, or this machine's clock is wrong (ClockError). */
  readonly crashed: Promise<never>
  /** Finishes the running slices, saves and leaves the group, within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>
}

const tickMs = 250
/** How long a failed start may take to leave the group. */
const giveUpMs = 5_000

/** What the probes answer; it changes as the service comes up. */
interface Probes {
  health: () => Probe
  ready: () => Probe
}

const starting = (step: string) => (): Probe => ({
  ok: false,
  detail: { reasons: [{ reason: `it starts: ${step}`, hint: 'see the log' }], partitions: [] },
})

/**
 * Starts to consume all topics. The probes answer from the first moment on. The caller closes what `World` holds.
 */
export async function startService(engine: Engine, world: World): Promise<Service> {
  const { config } = engine
  const metrics = metricsOf(engine)
  const probes: Probes = { health: () => ({ ok: true, detail: {} }), ready: starting('looking up topics and tables') }
  const ops = await startOpsServer(
    config.ops,
    metrics.registry,
    () => probes.health(),
    () => probes.ready(),
  )
  const held = new Held()
  held.add(() => ops.stop())
  try {
    return await startConsumption(engine, world, { metrics, ops, probes, held })
  } catch (error) {
    await held.release(giveUpMs).catch((closing) => world.logger.warn('start.release', { error: closing }))
    throw error
  }
}

interface Shell {
  readonly metrics: Metrics
  readonly ops: OpsServer
  readonly probes: Probes
  readonly held: Held
}

/** Everything in the order in which it starts; what needs it has its release in `held`. */
async function startConsumption(file: Engine, world: World, shell: Shell): Promise<Service> {
  const { metrics, ops, probes, held } = shell
  const { config } = file
  const { log, clickhouse } = world
  const logger = new Outages(world.logger, addressesOf(config), troubleOf)
  const topics = config.topics.map(({ name }) => name)
  const { actions, dead_letters: deadLetters, journal, rules } = config.output
  const store = createProfileStore(clickhouse)
  const counts = await checkTables(config, store, logger)
  const { partitions, failure } = await lookUpPartitions(log, topics, journal, counts)
  const outputs = [actions, deadLetters]
  for (const topic of outputs) await log.partitionCount(topic)

  const tasks = new Tasks(topics, metrics, logger)
  const watch = new TopicWatch({
    log,
    inputs: topics,
    journal,
    outputs,
    rules,
    partitions,
    logger,
    onAnswer: () => logger.answered('kafka'),
    onChange: (change) => tasks.giveUpAll(change),
  })
  if (failure) tasks.giveUpAll(failure)
  await watch.look()
  const live = await LiveRules.open(file, { log, logger, metrics, isThere: () => watch.hasRules })

  const registry = world.registry && observed(world.registry, metrics, logger)
  const maxProfileBytes = profileBytesOf(config)
  const parts = { log, clickhouse, store, registry, logger, metrics }
  const { deps, under } = await createTaskDeps(live.engine, parts, {
    partitions,
    topicId: (topic) => watch.idOf(topic),
    profileBytes: () => maxProfileBytes / Math.max(1, tasks.count),
    pause: (at) => tasks.pause(at),
    seek: (at, offset) => tasks.seek(at, offset),
  })
  const { rows } = deps
  held.add(() => rows.stop())
  held.add((deadlineMs) => drain(tasks, rows, deadlineMs))

  const clock = new ClockWatch(metrics, logger)
  await log.askTime(config.kafka.group)
  // Before it joins the group, so that a machine with a wrong clock takes no partition from the others.
  clock.look(Date.now(), log.nowMs())
  probes.ready = starting('warming up')
  await warmUp(deps)
  const ruled = new Ruled(live.engine, clickhouse, metrics, logger)
  probes.ready = starting('joining the consumer group')
  const crash = new Crash()
  await tasks.join({ deps, look: () => watch.look(), onCrash: (error) => crash.happen(error) })
  watch.start()
  held.add(() => watch.stop())

  const ticking = setInterval(() => {
    tasks.tick()
    tasks.observe(rows.pendingBytes)
    metrics.kafkaUp.set(watch.silentMs === 0 ? 1 : 0)
    ruled.countConditions()
    try {
      clock.look(Date.now(), log.nowMs())
    } catch (error) {
      crash.happen(error)
    }
  }, tickMs)
  held.add(() => clearInterval(ticking))
  startSchedules(clickhouse, metrics, logger, held)
  held.add(() => ruled.end())
  held.add(
    live.follow({
      prepare: under,
      adopt: (engine, ruledDeps) => ruled.goOver(engine, () => tasks.useDeps(ruledDeps)),
    }),
  )

  probes.ready = () => {
    const { ok, detail } = readiness({
      isMember: tasks.isMember,
      failure: tasks.failure,
      kafkaSilentMs: watch.silentMs,
      missing: watch.missing,
      tasks: tasks.owned,
      unansweredMs: (partition) => tasks.unansweredMs(partition),
    })
    return { ok, detail: { ...live.detail, ...detail } }
  }
  // An answer shows that the event loop runs. It must not fail while a dependency is down: a restart would not help.
  probes.health = () => ({ ok: !crash.hasHappened, detail: {} })
  const { version } = live.engine.policy
  logger.info('started', { count: partitions, version, address: `${config.ops.host}:${ops.port}` })
  return { metrics, opsPort: ops.port, crashed: crash.happened, stop: (deadlineMs) => held.release(deadlineMs) }
}

/** What is not saved within the deadline is replayed by the next owner. */
async function drain(tasks: Tasks, rows: RowWriter, deadlineMs: number): Promise<void> {
  const drained = async () => {
    try {
      await tasks.close()
    } finally {
      await rows.flush(deadlineMs)
    }
  }
  await Promise.race([drained(), new Promise((resolve) => setTimeout(resolve, deadlineMs).unref())])
}

const profileBytesOf = ({ memory: { profiles_mb: mb } }: Config) =>
  mb ? mb * 1024 * 1024 : getHeapStatistics().heap_size_limit / 2

/**
 * Fails the start where the tables do not fit this version. It does not where the server is down: the tasks wait for it.
 * @returns the numbers of partitions that the checkpoints were written for
 * @throws MigrationError, StoreError
 */
async function checkTables({ clickhouse }: Config, store: ProfileStore, logger: Logger): Promise<number[]> {
  try {
    await checkMigrated(clickhouse)
    return await store.readPartitionCounts()
  } catch (error) {
    if (!(error instanceof StoreError) || !error.retriable) throw error
    logger.warn('dependency.wait', { error, hint: 'ClickHouse does not answer: the tasks wait for it' })
    return []
  }
}
