import { getHeapStatistics } from 'node:v8'
import { readCompleteKinds } from './complete-kinds.ts'
import type { Config } from './config/schema.ts'
import type { Engine } from './engine.ts'
import type { Registry } from './ingest/registry/registry.ts'
import { type Consumption, type Log, LogError } from './log/log.ts'
import { ClockWatch } from './ops/clock-watch.ts'
import { type OpsServer, type Probe, startOpsServer } from './ops/http.ts'
import type { Logger } from './ops/logger.ts'
import { countConditions, createMetrics, failures, forgetConditions, type Metrics, taskStates } from './ops/metrics.ts'
import { Outages } from './ops/outages.ts'
import { watchWork } from './ops/work.ts'
import { createParityReader } from './parity/clickhouse/reader.ts'
import { watchParity } from './parity/watch.ts'
import { countSplitCustomers } from './placement/clickhouse/count-split.ts'
import { watchPlacement } from './placement/watch.ts'
import { featureQueries } from './sql/features.ts'
import type { ClickHouseClient } from './store/clickhouse/client.ts'
import { checkMigrated } from './store/clickhouse/migrate.ts'
import { createProfileStore } from './store/clickhouse/profiles.ts'
import type { ProfileStore } from './store/profile-store.ts'
import { StoreError } from './store/store-error.ts'
import { failureOf, otherPartitions, TaskFailure } from './task/failure.ts'
import { answerMs, readiness } from './task/readiness.ts'
import { Task } from './task/task.ts'
import { TopicWatch } from './task/topic-watch.ts'
import { warmUp } from './task/warm-up.ts'
import { createTaskDeps } from './task-deps.ts'
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
  const metrics = createMetrics(
    engine.policy.names,
    config.topics.map(({ name }) => name),
    engine.features.features.map(({ name }) => name),
  )
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

/** What the service has opened itself. It is released in reverse order, when the service stops or its start fails. */
class Held {
  readonly #releases: ((deadlineMs: number) => Promise<void> | void)[] = []
  #released: Promise<void> | undefined

  add(release: (deadlineMs: number) => Promise<void> | void): void {
    this.#releases.push(release)
  }

  /** Calls each, once, even where others throw. @throws AggregateError of what they threw */
  release(deadlineMs: number): Promise<void> {
    this.#released ??= this.#releaseAll(deadlineMs)
    return this.#released
  }

  async #releaseAll(deadlineMs: number): Promise<void> {
    const faults: unknown[] = []
    for (const release of this.#releases.reverse()) {
      try {
        await release(deadlineMs)
      } catch (fault) {
        faults.push(fault)
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, 'the service did not end cleanly')
  }
}

interface Shell {
  readonly metrics: Metrics
  readonly ops: OpsServer
  readonly probes: Probes
  readonly held: Held
}

async function startConsumption(engine: Engine, world: World, shell: Shell): Promise<Service> {
  const { metrics, ops, probes, held } = shell
  const { config } = engine
  const { log } = world
  const logger = new Outages(world.logger, addressesOf(config), troubleOf)
  const topics = config.topics.map(({ name }) => name)
  const store = createProfileStore(world.clickhouse)
  const counts = await checkTables(config, store, logger)
  const { partitions, failure } = await checkPartitions(log, topics, config.output.journal, counts)
  const outputs = [config.output.actions, config.output.dead_letters]
  for (const topic of outputs) await log.partitionCount(topic)
  const registry = world.registry && observed(world.registry, metrics, logger)
  const tasks = new Map<number, Task>()
  let consumption: Consumption | undefined
  let ended = false
  /** The failure that stopped all partitions. */
  let stopped: TaskFailure | undefined
  const stopAll = (reason: TaskFailure) => {
    if (stopped !== undefined) return
    stopped = reason
    logger.error('topics.changed', { reason: reason.reason, hint: reason.hint })
    for (const task of tasks.values()) void task.giveUp(reason)
    // A member that takes nothing is no use to the group, and kafkajs can't work with a topic that is gone.
    if (tasks.size > 0) void consumption?.stop()
  }
  const watch = new TopicWatch({
    log,
    inputs: topics,
    journal: config.output.journal,
    outputs,
    partitions,
    logger,
    onAnswer: () => logger.answered('kafka'),
    onChange: stopAll,
  })
  if (failure) stopAll(failure)
  await watch.look()

  const maxProfileBytes = config.memory.profiles_mb
    ? config.memory.profiles_mb * 1024 * 1024
    : getHeapStatistics().heap_size_limit / 2
  const parts = { log, clickhouse: world.clickhouse, store, registry, logger, metrics }
  const deps = await createTaskDeps(engine, parts, {
    partitions,
    topicId: (topic) => watch.idOf(topic),
    profileBytes: () => maxProfileBytes / Math.max(1, tasks.size),
    pause: (at) => consumption?.pause(at),
    seek: (at, offset) => consumption?.seek(at, offset),
  })
  const { rows } = deps
  held.add(() => rows.stop())
  // Given up beside the others: the log may not be closed before what they hold is.
  const leaving = new Set<Promise<void>>()
  held.add(async (deadlineMs) => {
    const drained = async () => {
      await consumption?.stop()
      await Promise.all([...leaving, ...[...tasks.values()].map((task) => task.close(true))])
      await rows.flush(deadlineMs)
    }
    // What is not saved by then is replayed by the next owner.
    await Promise.race([drained(), new Promise((resolve) => setTimeout(resolve, deadlineMs).unref())])
  })

  let fail: (error: unknown) => void
  const crashed = new Promise<never>((_, reject) => {
    fail = (error) => {
      ended = true
      reject(error)
    }
  })
  // It may reject before anybody listens.
  crashed.catch(() => undefined)

  const conditioned = [...engine.policy.onEvent, ...engine.policy.onTimer.flat()]
  const clock = new ClockWatch(metrics, logger)
  await log.askTime(config.kafka.group)
  // Before it joins the group, so that a machine with a wrong clock takes no partition from the others.
  clock.look(Date.now(), log.nowMs())
  probes.ready = starting('warming up')
  await warmUp(deps)
  forgetConditions(conditioned)
  probes.ready = starting('joining the consumer group')
  consumption = await log.consume({
    topics,
    groupId: config.kafka.group,
    async onRevoking() {
      await Promise.all([...tasks.values()].map((task) => task.save()))
    },
    onAssigned(owned) {
      const numbers = new Set(owned.map(({ partition }) => partition))
      for (const [partition, task] of tasks) {
        if (numbers.has(partition)) continue
        tasks.delete(partition)
        const left = task.close(false).finally(() => leaving.delete(left))
        leaving.add(left)
      }
      for (const partition of numbers) {
        if (tasks.has(partition)) continue
        const task = new Task(partition, deps)
        tasks.set(partition, task)
        if (partition >= partitions) stopAll(otherPartitions('the topics', partitions, `have a number ${partition}`))
        if (stopped === undefined) task.start()
        else void task.giveUp(stopped)
      }
      observePartitions(metrics, topics, tasks, consumption)
      logger.info('assigned', { count: owned.length })
      if (stopped !== undefined) setImmediate(() => void consumption?.stop())
      else void watch.look()
    },
    async onBatch(batch, turn) {
      await tasks.get(batch.partition)?.onBatch(batch, turn)
      logger.answered('kafka')
    },
    onFailure(error, at) {
      const failure = failureOf(error)
      const task = tasks.get(at.partition)
      if (failure !== undefined && task !== undefined) {
        void task.giveUp(failure)
        return
      }
      const passes = error instanceof LogError && error.retriable
      logger[passes ? 'warn' : 'error']('batch.failed', { ...at, error })
      if (!(error instanceof LogError)) return
      if (error.code === 'unknown_topic') void watch.look()
      if (error.code !== 'out_of_range' && error.code !== 'diverged') return
      // Where Kafka does not answer now, the next fetch reports it again.
      task?.onLogChanged(at.topic, error).catch((again) => logger.warn('dependency.wait', { ...at, error: again }))
    },
    onCrash: (error) => fail(error),
  })
  watch.start()
  held.add(() => watch.stop())

  const ticking = setInterval(() => {
    for (const task of tasks.values()) task.tick()
    observe(metrics, tasks, rows.pendingBytes)
    observePartitions(metrics, topics, tasks, consumption)
    metrics.kafkaUp.set(watch.silentMs === 0 ? 1 : 0)
    metrics.groupMember.set(consumption?.isMember() ? 1 : 0)
    countConditions(metrics, conditioned)
    try {
      clock.look(Date.now(), log.nowMs())
    } catch (error) {
      fail(error)
    }
  }, tickMs)
  held.add(() => clearInterval(ticking))

  held.add(watchWork({ metrics, logger }))
  const countSplit = async () => {
    const count = await countSplitCustomers(world.clickhouse)
    // While nothing is inserted, this may be the only sign that ClickHouse answers.
    logger.answered('clickhouse')
    return count
  }
  held.add(watchPlacement({ countSplit, metrics, logger }))
  const { parity } = config
  if (parity) {
    held.add(
      watchParity({
        everyMs: parity.every,
        sample: parity.sample,
        queries: featureQueries(config.features, engine.features, config.enrich.session.idle),
        reader: createParityReader(world.clickhouse, engine.policy.version, () =>
          readCompleteKinds(world.clickhouse, engine),
        ),
        metrics,
        logger,
      }),
    )
  }

  const unansweredMs = (partition: number) =>
    Math.max(...topics.map((topic) => consumption?.seen({ topic, partition })?.unansweredMs ?? 0))
  probes.ready = () =>
    readiness({
      isMember: consumption?.isMember() ?? false,
      failure: stopped,
      kafkaSilentMs: watch.silentMs,
      missing: watch.missing,
      tasks: tasks.values(),
      unansweredMs,
    })
  // An answer shows that the event loop runs. It must not fail while a dependency is down: a restart would not help.
  probes.health = () => ({ ok: !ended, detail: {} })
  logger.info('started', {
    count: partitions,
    version: engine.policy.version,
    address: `${config.ops.host}:${ops.port}`,
  })

  return {
    metrics,
    opsPort: ops.port,
    crashed,
    stop: (deadlineMs) => held.release(deadlineMs),
  }
}

/**
 * The input topics share the profiles, so they must have the same number of partitions, and the journal at least as many.
 * @param counts the numbers of partitions that the stored profiles were made with
 * @returns the partitions of the input topics, and a failure where they can't go on from those profiles
 * @throws LogError `unknown_topic`, `refused`
 */
async function checkPartitions(
  log: Log,
  topics: readonly string[],
  journal: string,
  counts: readonly number[],
): Promise<{ readonly partitions: number; readonly failure?: TaskFailure }> {
  const found = await Promise.all(topics.map((topic) => log.partitionCount(topic)))
  const partitions = found[0]!
  const journaled = await log.partitionCount(journal)
  const list = topics.map((topic, i) => `${topic} has ${found[i]}`).join(', ')
  if (new Set(found).size > 1) {
    throw new LogError('refused', `the input topics must have the same number of partitions: ${list}`)
  }
  // Checked before the journal, since adding partitions to the journal would be the wrong fix.
  const before = counts.find((count) => found.some((now) => now !== count))
  if (before !== undefined) {
    const hint = `the profiles lie in ${before} partitions, and now ${list}: beckon repartition moves them`
    return { partitions, failure: new TaskFailure('partitions', hint) }
  }
  if (journaled < partitions) {
    const hint = `it has ${journaled}, the input topics have ${partitions}`
    throw new LogError('refused', `the journal ${journal} needs at least as many partitions as the input: ${hint}`)
  }
  return { partitions }
}

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

/** The registry, with its answers and failures in the metrics and the log. */
function observed(registry: Registry, { registryUp }: Metrics, logger: Outages): Registry {
  return {
    register: (subject, schema) => registry.register(subject, schema),
    isCompatible: (subject, schema) => registry.isCompatible(subject, schema),
    async schema(id, topic) {
      try {
        const schema = await registry.schema(id, topic)
        registryUp.set(1)
        logger.answered('registry')
        return schema
      } catch (error) {
        registryUp.set(0)
        throw error
      }
    },
  }
}

function observe(metrics: Metrics, tasks: ReadonlyMap<number, Task>, pendingBytes: number): void {
  let profiles = 0
  let timers = 0
  let unsavedMs = 0
  let busiestShare = 0
  for (const task of tasks.values()) {
    profiles += task.profilesInMemory
    timers += task.timersPending
    unsavedMs = Math.max(unsavedMs, task.unsavedMs)
    busiestShare = Math.max(busiestShare, task.busiestShare)
  }
  for (const reason of failures) {
    metrics.partitionFailed.set(
      { reason },
      [...tasks.values()].filter((task) => task.failure?.reason === reason).length,
    )
  }
  for (const state of taskStates) {
    metrics.partitions.set({ state }, [...tasks.values()].filter((task) => task.state === state).length)
  }
  metrics.profilesInMemory.set(profiles)
  metrics.busiestShare.set(busiestShare)
  metrics.timersPending.set(timers)
  metrics.checkpointAge.set(unsavedMs / 1000)
  metrics.pendingBytes.set(pendingBytes)
}

/** Only partitions that are owned and values that are known: other processes report the rest, and unknown is not 0. */
function observePartitions(
  metrics: Metrics,
  topics: readonly string[],
  tasks: ReadonlyMap<number, Task>,
  consumption: Consumption | undefined,
): void {
  const { heldBack, consumerLag, fetchAge } = metrics
  for (const gauge of [heldBack, consumerLag, fetchAge]) gauge.reset()
  for (const task of tasks.values()) {
    for (const topic of topics) {
      const { partition } = task.at
      const seen = consumption?.seen({ topic, partition })
      const nextOffset = task.nextOffset(topic)
      if (seen === undefined || task.state === 'failed') continue
      const labels = { topic, partition: String(partition) }
      heldBack.set(labels, seen.heldBackMs / 1000)
      if (nextOffset === undefined) continue
      fetchAge.set(labels, seen.unansweredMs / 1000)
      if (seen.unansweredMs < answerMs && seen.highWatermark !== undefined) {
        consumerLag.set(labels, Math.max(0, seen.highWatermark - nextOffset))
      }
    }
  }
}
