/**
 * A member of the consumer group. kafkajs joins, fetches and keeps the position. This file keeps the promises to the handlers:
 * no batch of a lost partition, no position moved by a handler of an older generation, and a back-off of one partition
 * instead of a restart of all.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, Cluster, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, Kafka } from 'kafkajs'
import {
  type ConsumeOptions,
  type Consumption,
  LogError,
  maxRevokingMs,
  partitionKey,
  type Seen,
  type TopicPartition,
  type Turn,
} from '../log.ts'
import { stickyAssigner } from './assigner.ts'
import type { KafkaOptions } from './client.ts'
import { openCluster } from './clusters.ts'
import { toLogError } from './errors.ts'
import { KnownLogs } from './known-logs.ts'
import { leanResult, useLeanFetch } from './lean-fetch.ts'
import { StockBatch } from './stock-batch.ts'
import { describeTopics } from './topics.ts'

/** A slice takes 1 s at most: far less than the session, which is shorter than the rebalance. */
const sessionTimeoutMs = 10_000
const heartbeatIntervalMs = 1_000
const rebalanceTimeoutMs = 15_000
/** A batch becomes a slice, and a transaction costs as much as some hundreds of events: so fetch a lot from a backlog. */
const defaultBytesPerPartition = 4 * 1024 * 1024
const defaultBytes = 24 * 1024 * 1024
/** How long a fetch waits for its first byte, and so how soon a resumed partition is fetched. */
const maxWaitMs = 100
/**
 * kafkajs fetches again when all handlers of a fetch are done; a handler that takes longer than this is set aside. It is
 * shorter than a backlog's slices, so that partitions that are done are fetched while others still fold. It is longer than
 * the slices of a quiet topic, since a partition that is set aside is left out of the fetch that waits for its next record.
 */
const patienceMs = 200
/** kafkajs needs a constant here; with more partitions, some wait for others. */
const maxConcurrentPartitions = 24
const firstBackOffMs = 100
const longestBackOffMs = 5_000
const newTopicMs = 10_000
/** For saving before the group is left: kafkajs sends heartbeats meanwhile. While it joins again nobody does. */
const maxLeavingMs = 8_000
/** For leaving the group, when all handlers have ended. */
const leaveMs = 5_000
/** kafkajs gives the two requests of a join 20 s and 15 s, and what comes before them its retries. */
const longestJoinMs = 45_000

export async function joinGroup(kafka: Kafka, settings: KafkaOptions, options: ConsumeOptions): Promise<Consumption> {
  const consumption = new KafkaConsumption(kafka, settings, options)
  await consumption.start()
  return consumption
}

class KafkaConsumption implements Consumption {
  readonly #options: ConsumeOptions
  readonly #kafka: Kafka
  readonly #consumer: Consumer
  #cluster: Cluster | undefined
  /** The topics as they were at the start: nothing is fetched from a topic that is created later under the same name. */
  readonly #logs = new KnownLogs()
  #generation = 0
  /** The member's id in the group, since the last join. */
  #memberId = ''
  /** Whether kafkajs is in the group: not while it joins, nor between a crash and its own restart. */
  #joined = false
  /** When the last join began. */
  #joiningSinceMs = Number.POSITIVE_INFINITY
  #stopping = false
  #crash: LogError | undefined
  #started = false
  #owned = new Map<string, TopicPartition>()
  readonly #paused = new Set<string>()
  readonly #backOffs = new Map<string, BackOff>()
  /** Handlers that kafkajs no longer waits for: other partitions and the heartbeats go on meanwhile. */
  readonly #setAside = new Map<string, Promise<void>>()
  /** All running handlers, those set aside included. */
  readonly #handlers = new Set<Promise<void>>()
  /** Of all owned partitions; answers are noted with lean records only. */
  readonly #answered = new Map<string, Answered>()
  /** Partitions whose last records an open transaction holds back; with lean records only. */
  readonly #heldBack = new Map<string, HeldBack>()
  /** By partition: offset of the last wrong checksum. */
  readonly #suspect = new Map<string, string>()
  /** With stock records only: control records that kafkajs skipped without telling us, as [from, to). */
  readonly #skipped = new Map<string, readonly [number, number]>()

  constructor(kafka: Kafka, settings: KafkaOptions, options: ConsumeOptions) {
    this.#options = options
    this.#kafka = kafka
    const assigner = stickyAssigner(() => [...new Set([...this.#owned.values()].map(({ partition }) => partition))])
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      partitionAssigners: [
        (context) => {
          this.#cluster = context.cluster
          if (settings.records !== 'stock') {
            useLeanFetch(context.cluster, (key, stable, high) => this.#noteBounds(key, stable, high), this.#logs)
          }
          this.#drainBeforeJoining(context.cluster)
          this.#joinAgainWhereGivenUp(context.cluster)
          return assigner(context)
        },
      ],
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: maxWaitMs,
      minBytes: 1,
      maxBytesPerPartition: settings.maxBytesPerPartition ?? defaultBytesPerPartition,
      maxBytes: settings.maxBytes ?? defaultBytes,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
      readUncommitted: false,
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 2_000,
        retries: 5,
        restartOnFailure: async () => !this.#stopping,
      },
    })
  }

  async start(): Promise<void> {
    const { GROUP_JOIN, CRASH, STOP, END_BATCH_PROCESS } = this.#consumer.events
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#onJoined(payload))
    this.#consumer.on(STOP, () => {
      this.#joined = false
    })
    this.#consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart && !this.#stopping) this.#onCrash(toLogError(payload.error, 'consuming', 'unavailable'))
    })
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return
      const key = partitionKey(payload)
      const from = Number(payload.firstOffset ?? payload.lastOffset)
      const earlier = this.#skipped.get(key)
      this.#skipped.set(key, [earlier?.[1] === from ? earlier[0] : from, Number(payload.lastOffset) + 1])
    })
    try {
      await this.#consumer.connect()
      await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true })
      await this.#learnTopics()
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: maxConcurrentPartitions,
        eachBatch: (payload) => this.#onFetched(payload),
      })
    } catch (error) {
      await this.#disconnect()
      throw toLogError(error, 'joining the group', 'unavailable')
    }
    // run() resolves even when joining has failed: kafkajs reports that by its event only.
    if (this.#crash !== undefined) {
      await this.#disconnect()
      throw this.#crash
    }
    this.#started = true
  }

  /** Waits until a broker knows all topics: the brokers learn of a new topic one after the other. */
  async #learnTopics(): Promise<void> {
    const { topics } = this.#options
    const deadline = performance.now() + newTopicMs
    while (this.#cluster !== undefined && !topics.every((topic) => this.#logs.has(topic))) {
      if (performance.now() > deadline) throw new LogError('unknown_topic', 'a broker does not know the topics yet')
      this.#logs.add(await describeTopics(this.#cluster, topics))
      await sleep(50)
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const { timer } of this.#backOffs.values()) clearTimeout(timer)
    await Promise.allSettled(this.#handlers)
    await this.#revoke(maxLeavingMs)
    const isJoining = !this.#joined && this.#crash === undefined
    // If it is no longer a member, there is nothing to leave; if no broker answers, the session times out.
    const left = isJoining ? this.#leaveWhileJoining().catch(() => undefined) : undefined
    await Promise.race([Promise.all([left, this.#disconnect()]), sleep(leaveMs, undefined, { ref: false })])
  }

  pause(at: TopicPartition): void {
    // Else it would be paused when it comes back, for whoever takes it then.
    if (!this.#owned.has(partitionKey(at))) return
    this.#paused.add(partitionKey(at))
    this.#applyPause(at)
  }

  seek(at: TopicPartition, offset: number): void {
    if (this.#joined) this.#consumer.seek({ ...at, offset: String(offset) })
  }

  seen(at: TopicPartition): Seen | undefined {
    const key = partitionKey(at)
    const answered = this.#answered.get(key)
    if (answered === undefined) return undefined
    const held = this.#heldBack.get(key)
    return {
      highWatermark: answered.highWatermark,
      unansweredMs: this.#isHeld(key) ? 0 : performance.now() - answered.sinceMs,
      heldBackMs: held === undefined ? 0 : held.seenMs - held.sinceMs,
    }
  }

  isMember(): boolean {
    return this.#joined && !this.#stopping
  }

  /** Runs with every response. Where everything in the partition can be read, nothing is held back. */
  #noteBounds(key: string, lastStableOffset: number, highWatermark: number): void {
    if (highWatermark < 0) return // The response had an error.
    const nowMs = performance.now()
    const answered = this.#answered.get(key)
    if (answered !== undefined) {
      answered.highWatermark = highWatermark
      answered.sinceMs = nowMs
    }
    if (lastStableOffset >= highWatermark) {
      this.#heldBack.delete(key)
      return
    }
    const held = this.#heldBack.get(key)
    if (held?.lastStableOffset === lastStableOffset) held.seenMs = nowMs
    else this.#heldBack.set(key, { lastStableOffset, sinceMs: nowMs, seenMs: nowMs })
  }

  owns(key: string, generation: number): boolean {
    return generation === this.#generation && this.#owned.has(key) && this.#joined && !this.#stopping
  }

  /** kafkajs calls it before the generation's first fetch, in the same turn of the event loop. */
  #onJoined({ memberId, memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    this.#memberId = memberId
    this.#giveUpJoining()
    const partitions = Object.entries(memberAssignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    )
    partitions.sort((a, b) => a.partition - b.partition || (a.topic < b.topic ? -1 : 1))
    this.#generation++
    this.#joined = true
    this.#owned = new Map(partitions.map((at) => [partitionKey(at), at]))
    this.#skipped.clear()
    this.#suspect.clear()
    this.#heldBack.clear()
    for (const key of this.#answered.keys()) if (!this.#owned.has(key)) this.#answered.delete(key)
    for (const key of this.#owned.keys()) {
      if (this.#answered.has(key)) continue
      this.#answered.set(key, { highWatermark: undefined, sinceMs: performance.now() })
    }
    for (const key of this.#paused) if (!this.#owned.has(key)) this.#paused.delete(key)
    for (const [key, { timer }] of this.#backOffs) {
      if (this.#owned.has(key)) continue
      clearTimeout(timer)
      this.#backOffs.delete(key)
    }
    // If kafkajs has restarted, it has forgotten them.
    for (const at of partitions) this.#applyPause(at)
    try {
      this.#options.onAssigned(partitions, this)
    } catch (error) {
      this.#onCrash(toLogError(error, 'onAssigned', 'refused'))
    }
  }

  /** kafkajs begins a join by finding the coordinator; the handlers that it waits for have ended by then. */
  #drainBeforeJoining(cluster: Cluster): void {
    const find = cluster.findGroupCoordinator.bind(cluster)
    cluster.findGroupCoordinator = async (asked) => {
      this.#joined = false
      this.#joiningSinceMs = performance.now()
      await Promise.allSettled(this.#setAside.values())
      await this.#revoke(maxRevokingMs)
      this.#giveUpJoining()
      return find(asked)
    }
  }

  /**
   * If the group no longer knows the member, and joining again fails too, kafkajs goes back to fetching without a member id,
   * and sends no more heartbeats, so it would never find out. It asks for the nodes before each fetch; this error makes it
   * join once more.
   */
  #joinAgainWhereGivenUp(cluster: Cluster): void {
    const nodeIds = cluster.getNodeIds.bind(cluster)
    cluster.getNodeIds = () => {
      if (this.#joined || performance.now() - this.#joiningSinceMs < longestJoinMs) return nodeIds()
      throw Object.assign(new Error('a join was given up'), { type: 'UNKNOWN_MEMBER_ID' })
    }
  }

  /** Waits for `onRevoking`. If saving takes longer or fails, the next owner has more to replay. */
  async #revoke(withinMs: number): Promise<void> {
    if (this.#owned.size === 0) return
    const saved = this.#options.onRevoking?.().catch(() => undefined)
    await Promise.race([saved, sleep(withinMs, undefined, { ref: false })])
  }

  /** kafkajs does not end a join when it is stopped: it would stay a member for ever, out of our reach. An error ends it. */
  #giveUpJoining(): void {
    if (this.#stopping) throw new LogError('unavailable', 'the consumption was stopped while it joined')
  }

  /**
   * The group answers a join only when all members have sent theirs, or after 15 s and more where one does not. Until then it
   * answers nothing else on the same connection. On another connection, leaving works at once, and ends the join with an error.
   */
  async #leaveWhileJoining(): Promise<void> {
    const { owner, cluster } = openCluster(this.#kafka)
    const group = { groupId: this.#options.groupId }
    try {
      await owner.connect()
      const coordinator = (await cluster.findGroupCoordinator(group)) as Broker & Coordinator
      await coordinator.leaveGroup({ ...group, memberId: this.#memberId })
    } finally {
      await owner.disconnect()
    }
  }

  async #onFetched(payload: EachBatchPayload): Promise<void> {
    const at = { topic: payload.batch.topic, partition: payload.batch.partition }
    const key = partitionKey(at)
    const turn = new KafkaTurn(this, payload, key, this.#generation)
    // kafkajs goes on with the batches it has, even if the partition was lost, paused or sought meanwhile.
    if (!turn.isCurrent() || this.#isHeld(key) || payload.isStale()) return
    const handling = this.#handle(payload, turn, at).finally(() => this.#handlers.delete(handling))
    this.#handlers.add(handling)
    if (await endsWithin(handling, patienceMs)) {
      // kafkajs's own error, since it decides by that whether to join again.
      if (turn.failure !== undefined) throw turn.failure
      return
    }
    const rest = handling.finally(() => {
      this.#setAside.delete(key)
      this.#applyPause(at)
    })
    this.#setAside.set(key, rest)
    this.#applyPause(at)
  }

  async #handle(payload: EachBatchPayload, turn: KafkaTurn, at: TopicPartition): Promise<void> {
    const { batch } = payload
    const key = partitionKey(at)
    try {
      const view = leanResult(batch) ?? new StockBatch(batch, this.#startOffset(key, payload))
      if (view instanceof LogError) {
        if (view.code === 'checksum' && this.#isFirst(key, batch.firstOffset())) return this.#backOff(at)
        throw view
      }
      await this.#options.onBatch(view, turn)
    } catch (error) {
      this.#backOff(at)
      this.#options.onFailure(error, at)
      return
    }
    if (!turn.isCurrent()) return
    this.#backOffs.delete(key)
    payload.resolveOffset(batch.lastOffset())
  }

  /** A wrong checksum may come from the network: the same records are fetched once more before it counts. */
  #isFirst(key: string, offset: string | null): boolean {
    if (offset === null || this.#suspect.get(key) === offset) return false
    this.#suspect.set(key, offset)
    return true
  }

  #startOffset(key: string, { batch }: EachBatchPayload): number {
    const fetched = Number((batch as { readonly fetchedOffset?: string }).fetchedOffset ?? batch.firstOffset())
    const skipped = this.#skipped.get(key)
    return skipped?.[1] === fetched ? skipped[0] : fetched
  }

  #backOff(at: TopicPartition): void {
    const key = partitionKey(at)
    const waitMs = Math.min((this.#backOffs.get(key)?.waitMs ?? firstBackOffMs / 2) * 2, longestBackOffMs)
    const timer = setTimeout(() => {
      this.#backOffs.set(key, { waitMs, timer: undefined })
      this.#applyPause(at)
    }, waitMs)
    this.#backOffs.set(key, { waitMs, timer })
    this.#applyPause(at)
  }

  #isHeld(key: string): boolean {
    return this.#paused.has(key) || this.#setAside.has(key) || this.#backOffs.get(key)?.timer !== undefined
  }

  #applyPause(at: TopicPartition): void {
    if (!this.#joined) return
    const which = [{ topic: at.topic, partitions: [at.partition] }]
    const key = partitionKey(at)
    if (this.#isHeld(key)) this.#consumer.pause(which)
    else {
      this.#consumer.resume(which)
      const answered = this.#answered.get(key)
      if (answered !== undefined) answered.sinceMs = performance.now()
    }
  }

  #onCrash(error: LogError): void {
    this.#crash = error
    this.#joined = false
    if (!this.#started) return
    void this.stop().then(() => this.#options.onCrash(error))
  }

  /** kafkajs waits for the handlers and leaves the group; where the brokers are gone, the session times out instead. */
  async #disconnect(): Promise<void> {
    await this.#consumer.disconnect().catch(() => undefined)
  }
}

/** A method of brokers that kafkajs's types leave out. */
interface Coordinator {
  leaveGroup(member: { readonly groupId: string; readonly memberId: string }): Promise<void>
}

/** Records from `lastStableOffset` on can't be read, since a transaction that began there is open. */
interface HeldBack {
  readonly lastStableOffset: number
  readonly sinceMs: number
  /** When a broker last said so: time in which the partition is not fetched does not count. */
  seenMs: number
}

interface Answered {
  highWatermark: number | undefined
  /** Since when the next answer is due. */
  sinceMs: number
}

interface BackOff {
  readonly waitMs: number
  /** Set while the partition waits; undefined after that, until one of its batches succeeds. */
  readonly timer: NodeJS.Timeout | undefined
}

class KafkaTurn implements Turn {
  readonly #consumption: KafkaConsumption
  readonly #payload: EachBatchPayload
  readonly #key: string
  readonly #generation: number
  /** Why the last heartbeat failed. */
  failure: unknown

  constructor(consumption: KafkaConsumption, payload: EachBatchPayload, key: string, generation: number) {
    this.#consumption = consumption
    this.#payload = payload
    this.#key = key
    this.#generation = generation
  }

  async heartbeat(): Promise<void> {
    if (this.failure !== undefined) return
    try {
      await this.#payload.heartbeat()
    } catch (error) {
      this.failure = error
    }
  }

  isCurrent(): boolean {
    return this.failure === undefined && this.#consumption.owns(this.#key, this.#generation)
  }
}

/** Whether the work has ended within that time. Throws its error. */
async function endsWithin(work: Promise<void>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, waitMs, false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
