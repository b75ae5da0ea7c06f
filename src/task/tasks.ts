import type { RecordBatch } from '../events/log.ts'
import { type Consumption, LogError, type TopicPartition, type Turn } from '../log/log.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Outages } from '../ops/outages.ts'
import type { TaskDeps } from './deps.ts'
import { failureOf, type TaskFailure } from './failure.ts'
import { observePartitions, observeTasks } from './observe.ts'
import { otherPartitions } from './partitions.ts'
import { whileCurrent } from './patience.ts'
import { Task } from './task.ts'

interface Joining {
  readonly deps: TaskDeps
  /** Looks whether the topics have changed. */
  readonly look: () => Promise<void>
  /** Called when the consumption has stopped for good. */
  readonly onCrash: (error: unknown) => void
}

/** The partitions that this process owns, each with its task, and the consumption that feeds them. */
export class Tasks {
  readonly #topics: readonly string[]
  readonly #metrics: Metrics
  readonly #logger: Outages
  readonly #owned = new Map<number, Task>()
  /** Given up beside the others: the log may not be closed before what they hold is. */
  readonly #leaving = new Set<Promise<void>>()
  /** The batches that are being handled, by partition. */
  readonly #handled = new Map<number, Set<Promise<void>>>()
  /** Partitions whose task is being replaced: further batches wait for that. */
  readonly #replaced = new Map<number, Promise<void>>()
  #deps: TaskDeps | undefined
  #consumption: Consumption | undefined
  #isClosed = false
  #failure: TaskFailure | undefined

  /** @param topics the input topics */
  constructor(topics: readonly string[], metrics: Metrics, logger: Outages) {
    this.#topics = topics
    this.#metrics = metrics
    this.#logger = logger
  }

  get owned(): readonly Task[] {
    return [...this.#owned.values()]
  }

  get count(): number {
    return this.#owned.size
  }

  /** The failure that stopped all partitions. */
  get failure(): TaskFailure | undefined {
    return this.#failure
  }

  /** Whether this process is a member of the group. */
  get isMember(): boolean {
    return this.#consumption?.isMember() ?? false
  }

  /** How long a partition's fetch has had no answer. */
  unansweredMs(partition: number): number {
    return Math.max(...this.#topics.map((topic) => this.#consumption?.seen({ topic, partition })?.unansweredMs ?? 0))
  }

  /** Joins the group: from then on there is a task for each partition that is assigned. */
  async join({ deps, look, onCrash }: Joining): Promise<void> {
    this.#deps = deps
    this.#consumption = await deps.log.consume({
      topics: this.#topics,
      groupId: deps.groupId,
      onRevoking: () => this.#saveAll(),
      onAssigned: (at) => this.#assign(at, look),
      onBatch: (batch, turn) => this.#onBatch(batch, turn),
      onFailure: (error, at) => this.#onFailure(error, at, look),
      onCrash,
    })
  }

  /**
   * Goes on with other deps. Each partition is saved and taken over anew, as if it came from another process: so a change of
   * rules has one way, whether or not the process starts for it. It waits until all are replaced; their batches wait too.
   */
  async useDeps(deps: TaskDeps): Promise<void> {
    this.#deps = deps
    await Promise.all([...this.#owned].map(([partition, task]) => this.#replace(partition, task)))
  }

  async #replace(partition: number, task: Task): Promise<void> {
    const replaced = this.#takeAnew(partition, task)
    this.#replaced.set(partition, replaced)
    try {
      await replaced
    } finally {
      this.#replaced.delete(partition)
    }
  }

  async #takeAnew(partition: number, task: Task): Promise<void> {
    await Promise.allSettled(this.#handled.get(partition) ?? [])
    if (task.state === 'failed') return
    try {
      await task.close(true)
    } finally {
      // By then the partition may be another process's, or have come back.
      if (!this.#isClosed && this.#owned.get(partition) === task) this.#begin(partition)
    }
  }

  /** Fails all partitions, and those that are assigned later. */
  giveUpAll(failure: TaskFailure): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#logger.error('topics.changed', { reason: failure.reason, hint: failure.hint })
    for (const task of this.#owned.values()) void task.giveUp(failure)
    // A member that takes nothing is no use to the group, and kafkajs can't work with a topic that is gone.
    if (this.#owned.size > 0) void this.#consumption?.stop()
  }

  /** Leaves the group, and closes all tasks with what they hold. @throws AggregateError where some can't, once all have ended */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#consumption?.stop()
    const ends = await Promise.allSettled([
      ...this.#leaving,
      ...this.#replaced.values(),
      ...this.owned.map((task) => task.close(true)),
    ])
    const faults = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    if (faults.length > 0) throw new AggregateError(faults, 'partitions did not close cleanly')
  }

  pause(at: TopicPartition): void {
    this.#consumption?.pause(at)
  }

  seek(at: TopicPartition, offset: number): void {
    this.#consumption?.seek(at, offset)
  }

  tick(): void {
    for (const [partition, task] of this.#owned) if (!this.#replaced.has(partition)) task.tick()
  }

  /** @param pendingBytes rows that are not stored yet */
  observe(pendingBytes: number): void {
    observeTasks(this.#metrics, this.owned, pendingBytes)
    this.#observePartitions()
    this.#metrics.groupMember.set(this.isMember ? 1 : 0)
  }

  async #saveAll(): Promise<void> {
    await Promise.all(this.owned.map((task) => task.save()))
  }

  #assign(at: readonly TopicPartition[], look: () => Promise<void>): void {
    const numbers = new Set(at.map(({ partition }) => partition))
    for (const [partition, task] of this.#owned) {
      if (numbers.has(partition)) task.stay()
      else this.#leave(partition, task)
    }
    for (const partition of numbers) if (!this.#owned.has(partition)) this.#begin(partition)
    this.#observePartitions()
    this.#logger.info('assigned', { count: at.length })
    // Not at once: `consume` may not have returned yet.
    if (this.#failure !== undefined) setImmediate(() => void this.#consumption?.stop())
    else void look()
  }

  #leave(partition: number, task: Task): void {
    this.#owned.delete(partition)
    const left = task.close(false).finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }

  #begin(partition: number): void {
    const deps = this.#deps!
    const { partitions } = deps
    const task = new Task(partition, deps)
    this.#owned.set(partition, task)
    if (partition >= partitions) {
      this.giveUpAll(otherPartitions('the topics', partitions, `have a number ${partition}`))
    }
    if (this.#failure === undefined) task.start()
    else void task.giveUp(this.#failure)
  }

  async #onBatch(batch: RecordBatch, turn: Turn): Promise<void> {
    const replaced = this.#replaced.get(batch.partition)
    if (replaced !== undefined) await whileCurrent(turn, replaced)
    const task = this.#owned.get(batch.partition)
    if (task !== undefined && turn.isCurrent()) await this.#handle(batch.partition, task.onBatch(batch, turn))
    this.#logger.answered('kafka')
  }

  async #handle(partition: number, work: Promise<void>): Promise<void> {
    const handled = this.#handled.get(partition) ?? new Set()
    this.#handled.set(partition, handled.add(work))
    try {
      await work
    } finally {
      handled.delete(work)
    }
  }

  #onFailure(error: unknown, at: TopicPartition, look: () => Promise<void>): void {
    const failure = failureOf(error)
    const task = this.#owned.get(at.partition)
    if (failure !== undefined && task !== undefined) {
      void task.giveUp(failure)
      return
    }
    const passes = error instanceof LogError && error.retriable
    this.#logger[passes ? 'warn' : 'error']('batch.failed', { ...at, error })
    if (!(error instanceof LogError)) return
    if (error.code === 'unknown_topic') void look()
    if (error.code !== 'out_of_range' && error.code !== 'diverged') return
    // Where Kafka does not answer now, the next fetch reports it again.
    task?.onLogChanged(at.topic, error).catch((again) => this.#logger.warn('dependency.wait', { ...at, error: again }))
  }

  #observePartitions(): void {
    observePartitions(this.#metrics, this.#topics, this.owned, this.#consumption)
  }
}
