import type { RecordBatch } from '../events/log.ts'
import { type Consumption, LogError, type TopicPartition, type Turn } from '../log/log.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Outages } from '../ops/outages.ts'
import type { TaskDeps } from './deps.ts'
import { failureOf, type TaskFailure } from './failure.ts'
import { observePartitions, observeTasks } from './observe.ts'
import { otherPartitions } from './partitions.ts'
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
  #consumption: Consumption | undefined
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
    this.#consumption = await deps.log.consume({
      topics: this.#topics,
      groupId: deps.groupId,
      onRevoking: () => this.#saveAll(),
      onAssigned: (at) => this.#assign(at, deps, look),
      onBatch: (batch, turn) => this.#onBatch(batch, turn),
      onFailure: (error, at) => this.#onFailure(error, at, look),
      onCrash,
    })
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
    await this.#consumption?.stop()
    const ends = await Promise.allSettled([...this.#leaving, ...this.owned.map((task) => task.close(true))])
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
    for (const task of this.#owned.values()) task.tick()
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

  #assign(at: readonly TopicPartition[], deps: TaskDeps, look: () => Promise<void>): void {
    const numbers = new Set(at.map(({ partition }) => partition))
    for (const [partition, task] of this.#owned) {
      if (numbers.has(partition)) task.stay()
      else this.#leave(partition, task)
    }
    for (const partition of numbers) if (!this.#owned.has(partition)) this.#begin(partition, deps)
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

  #begin(partition: number, deps: TaskDeps): void {
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
    await this.#owned.get(batch.partition)?.onBatch(batch, turn)
    this.#logger.answered('kafka')
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
