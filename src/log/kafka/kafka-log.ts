/** The log on Apache Kafka 4 and later, through kafkajs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'
import type { OutRecord, RecordBatch } from '../../events/log.ts'
import { BrokerClock } from '../broker-clock.ts'
import {
  type CommittedOffset,
  type ConsumeOptions,
  type Consumption,
  type Log,
  LogError,
  type NewTopic,
  type SliceWriter,
  type TopicState,
} from '../log.ts'
import { Appender } from './appender.ts'
import { askBrokerTime } from './broker-time.ts'
import { createClient, type KafkaOptions } from './client.ts'
import { registerCodecs } from './codecs.ts'
import { joinGroup } from './consumption.ts'
import { checkCrc32c } from './crc32c.ts'
import { toLogError } from './errors.ts'
import { PartitionReader } from './partition-reader.ts'
import { TopicLook } from './topics.ts'
import { openKafkaWriter } from './writer.ts'

const newTopicPatienceMs = 10_000
const lookMs = 4_000
const lookRetry = { initialRetryTime: 100, maxRetryTime: 500, retries: 1 }

/** Throws LogError `unavailable` or `refused`. */
export async function openKafkaLog(options: KafkaOptions): Promise<Log> {
  checkCrc32c()
  await registerCodecs()
  const readers = createClient(options, { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 })
  const admin = readers.admin()
  try {
    await admin.connect()
  } catch (error) {
    throw toLogError(error, 'connecting to the brokers', 'unavailable')
  }
  return new KafkaLog(options, readers, createClient(options, writerRetry), admin)
}

/** For connections and metadata. Short, since a writer that waits holds up its partition, and is opened again after pauses. */
const writerRetry = { initialRetryTime: 10, maxRetryTime: 500, retries: 8 }

class KafkaLog implements Log {
  readonly #options: KafkaOptions
  readonly #readers: Kafka
  readonly #admin: Admin
  readonly #writers: Kafka
  #appender: Promise<Appender> | undefined
  /** All topics that it was asked about. */
  readonly #topics = new Set<string>()
  #reader: Promise<PartitionReader> | undefined
  #look: TopicLook | undefined
  readonly #clock = new BrokerClock()
  #asking: Promise<void> | undefined
  #closed = false

  constructor(options: KafkaOptions, readers: Kafka, writers: Kafka, admin: Admin) {
    this.#options = options
    this.#readers = readers
    this.#writers = writers
    this.#admin = admin
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    for (const topic of options.topics) await this.partitionCount(topic)
    return joinGroup(this.#readers, this.#options, options)
  }

  async openWriter(transactionalId: string): Promise<SliceWriter> {
    if (this.#closed) throw new LogError('unavailable', 'the log is closed')
    return openKafkaWriter(this.#writers, transactionalId, this.#topics)
  }

  async append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>> {
    if (this.#closed) throw new LogError('unavailable', 'the log is closed')
    this.#appender ??= Appender.open(this.#writers, new Set(records.map(({ topic }) => topic)))
    const appender = this.#appender
    try {
      return await (await appender).append(records)
    } catch (error) {
      if (this.#appender === appender) this.#appender = undefined
      await appender.then((opened) => opened.close()).catch(() => undefined)
      throw toLogError(error, 'appending', 'unavailable')
    }
  }

  async *read(topic: string, partition: number, fromOffset: number, untilOffset: number): AsyncIterable<RecordBatch> {
    const { low, high } = await this.offsets(topic, partition)
    const reader = await this.#openReader()
    yield* reader.read(topic, partition, Math.max(fromOffset, low), Math.min(untilOffset, high))
  }

  async committedOffsets(groupId: string, topics: readonly string[], partition: number): Promise<CommittedOffset[]> {
    const doing = 'reading committed offsets'
    const ask = (admin: Admin) => admin.fetchOffsets({ groupId, topics: [...topics] })
    const answers = await this.#ask(doing, () => ask(this.#admin)).catch((error) => {
      if (!(error instanceof LogError) || error.code !== 'unknown_topic') throw error
      return this.#withNewAdmin(doing, ask)
    })
    return topics.map((topic) => {
      const answer = answers.find((entry) => entry.topic === topic)
      const found = answer?.partitions.find((entry) => entry.partition === partition)
      if (found === undefined) throw unknownTopic(topic)
      const offset = Number(found.offset)
      return { offset: offset < 0 ? null : offset, metadata: found.metadata ?? '' }
    })
  }

  async topics(names: readonly string[]): Promise<TopicState[]> {
    if (this.#closed) throw new LogError('unavailable', 'the log is closed')
    // Silent: the caller logs an outage once, but the client would for each connection.
    const { onLog: _, ...silent } = this.#options
    this.#look ??= new TopicLook(createClient(silent, lookRetry))
    return this.#look.topics(names, lookMs)
  }

  async endOfEpoch(topic: string, partition: number, epoch: number): Promise<number> {
    return (await this.#openReader()).endOfEpoch(topic, partition, epoch)
  }

  async partitionCount(topic: string): Promise<number> {
    const { topics } = await this.#ask(`looking up ${topic}`, () => this.#admin.fetchTopicMetadata({ topics: [topic] }))
    const found = topics.find(({ name }) => name === topic)
    if (found === undefined) throw unknownTopic(topic)
    this.#topics.add(topic)
    return found.partitions.length
  }

  async offsets(topic: string, partition: number): Promise<{ low: number; high: number }> {
    return (await this.#openReader()).offsets(topic, partition)
  }

  nowMs(): number | undefined {
    return this.#clock.nowMs()
  }

  askTime(groupId: string): Promise<void> {
    // Concurrent callers share one answer.
    this.#asking ??= askBrokerTime(this.#writers, groupId, this.#topics, this.#clock).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    const request = topics.map(({ topic, partitions, replicas, config = {} }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replicas ?? -1,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    }))
    await this.#withNewAdmin('creating topics', (admin) =>
      admin.createTopics({ topics: request, waitForLeaders: false }),
    )
    for (const { topic, partitions } of topics) await this.#untilLed(topic, partitions)
  }

  async addPartitions(topic: string, partitions: number): Promise<void> {
    const before = await this.partitionCount(topic)
    if (before > partitions) throw new LogError('refused', `${topic} has ${before} partitions`)
    if (before === partitions) return
    const topicPartitions = [{ topic, count: partitions }]
    await this.#withNewAdmin(`adding partitions to ${topic}`, (admin) => admin.createPartitions({ topicPartitions }))
    await this.#untilLed(topic, partitions)
  }

  /**
   * With an admin of its own: kafkajs first looks for all topics whose offsets an admin was ever asked for, and does nothing if
   * one of them is gone.
   */
  async #withNewAdmin<T>(doing: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#readers.admin()
    return this.#ask(doing, async () => {
      try {
        await admin.connect()
        return await work(admin)
      } finally {
        await admin.disconnect()
      }
    })
  }

  /** The brokers learn of partitions one after the other; kafkajs's own wait gives up at the first that does not know one. */
  async #untilLed(topic: string, partitions: number): Promise<void> {
    const deadline = performance.now() + newTopicPatienceMs
    while (!(await this.#hasLeaders(topic, partitions))) {
      if (performance.now() > deadline) throw new LogError('unavailable', `partitions of ${topic} have no leaders yet`)
      await sleep(50)
    }
    // A leader is the last to learn that it leads, and refuses transactions until then. This asks until each has answered.
    const reader = await this.#openReader()
    await reader.refresh(topic)
    for (let partition = 0; partition < partitions; partition++) await reader.offsets(topic, partition)
  }

  #openReader(): Promise<PartitionReader> {
    if (this.#closed) throw new LogError('unavailable', 'the log is closed')
    this.#reader ??= PartitionReader.open(this.#readers, this.#options).catch((error) => {
      this.#reader = undefined
      throw toLogError(error, 'connecting to the brokers', 'unavailable')
    })
    return this.#reader
  }

  async #hasLeaders(topic: string, least: number): Promise<boolean> {
    try {
      const { topics } = await this.#ask(`looking up ${topic}`, () =>
        this.#admin.fetchTopicMetadata({ topics: [topic] }),
      )
      return topics.every(
        ({ partitions }) => partitions.length >= least && partitions.every(({ leader }) => leader >= 0),
      )
    } catch (error) {
      if (error instanceof LogError && error.code === 'unknown_topic') return false
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#reader?.then((reader) => reader.close()).catch(() => undefined)
    await this.#appender?.then((appender) => appender.close()).catch(() => undefined)
    await this.#look?.close()
    await this.#admin.disconnect()
  }

  async #ask<T>(doing: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      throw toLogError(error, doing, 'unavailable')
    }
  }
}

function unknownTopic(topic: string): LogError {
  return new LogError('unknown_topic', `topic or partition of ${topic} does not exist, or may not be described`)
}
