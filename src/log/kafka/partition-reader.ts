/**
 * Asks a partition for its bounds and reads a range of it, without joining a group. kafkajs has no call to read a range, but its
 * cluster object does. Its call for the bounds gives up when the leader has just moved or was just elected.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, Cluster, Consumer, Kafka } from 'kafkajs'
import type { RecordBatch } from '../../events/log.ts'
import { LogError } from '../log.ts'
import type { KafkaOptions } from './client.ts'
import { openCluster } from './clusters.ts'
import { toLogError } from './errors.ts'
import type { KnownLogs } from './known-logs.ts'
import { leanResult, useLeanFetch } from './lean-fetch.ts'
import { endOfEpoch } from './protocol/end-of-epoch.ts'
import { throwIfError } from './protocol/errors.ts'
import { send } from './protocol/send.ts'
import { describeTopics } from './topics.ts'

const readCommitted = 1
const maxTries = 8

/** A field that kafkajs's types leave out. */
interface Targets {
  readonly targetTopics: Set<string>
}

export class PartitionReader {
  readonly #owner: Consumer
  readonly #cluster: Cluster & Targets
  readonly #logs: KnownLogs
  readonly #maxBytes: number
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(owner: Consumer, cluster: Cluster & Targets, logs: KnownLogs, maxBytes: number) {
    this.#owner = owner
    this.#cluster = cluster
    this.#logs = logs
    this.#maxBytes = maxBytes
  }

  static async open(kafka: Kafka, settings: KafkaOptions): Promise<PartitionReader> {
    const { owner, cluster } = openCluster(kafka)
    const logs = useLeanFetch(cluster)
    await owner.connect()
    return new PartitionReader(owner, cluster as Cluster & Targets, logs, settings.maxBytesPerPartition ?? 1024 * 1024)
  }

  async *read(topic: string, partition: number, fromOffset: number, untilOffset: number): AsyncIterable<RecordBatch> {
    for (let next = fromOffset; next < untilOffset; ) {
      const batch = await this.#fetch(topic, partition, next, untilOffset)
      yield batch
      next = batch.nextOffset
    }
  }

  /** Throws LogError `unknown_topic` where there is no such partition. */
  offsets(topic: string, partition: number): Promise<{ low: number; high: number }> {
    const ask = async (fromBeginning: boolean): Promise<number> => {
      const [found] = await this.#cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning }])
      const offset = found?.partitions.find((entry) => entry.partition === partition)?.offset
      if (offset === undefined) throw unknownPartition(topic, partition)
      return Number(offset)
    }
    return this.#patiently(`looking up ${topic}`, async () => {
      await this.#findLeader(topic, partition)
      return { low: await ask(true), high: await ask(false) }
    })
  }

  /** As `Log.endOfEpoch`. Throws LogError `unknown_topic` where there is no such partition. */
  endOfEpoch(topic: string, partition: number, epoch: number): Promise<number> {
    return this.#patiently(`looking up ${topic}`, async () => {
      const leader = await this.#findLeader(topic, partition)
      const { errorCode, endOffset } = await send(leader, endOfEpoch, { topic, partition, epoch })
      throwIfError(endOfEpoch.name, errorCode)
      return Math.max(0, endOffset)
    })
  }

  /** Asks again which partitions the topic has. Throws LogError. */
  refresh(topic: string): Promise<void> {
    return this.#patiently(`looking up ${topic}`, async () => {
      await this.#cluster.addTargetTopic(topic)
      await this.#cluster.refreshMetadata()
    })
  }

  #fetch(topic: string, partition: number, from: number, untilOffset: number): Promise<RecordBatch> {
    const range = { partition, fetchOffset: String(from), untilOffset, maxBytes: this.#maxBytes }
    const request = {
      isolationLevel: readCommitted,
      maxWaitTime: 100,
      minBytes: 1,
      maxBytes: this.#maxBytes,
      topics: [{ topic, partitions: [range] }],
    }
    return this.#patiently(`reading ${topic}`, async () => {
      const leader = await this.#findLeader(topic, partition)
      if (!this.#logs.has(topic)) this.#logs.add(await describeTopics(this.#cluster, [topic]))
      const { responses } = await leader.fetch(request)
      const part = responses[0]?.partitions[0]
      if (part === undefined || part.messages.length === 0)
        throw new LogError('unavailable', `nothing came of ${topic}`)
      const result = leanResult(part)
      if (result === undefined) throw new LogError('refused', 'this kafkajs does not ask our reader')
      if (!(result instanceof LogError)) return result
      if (result.code !== 'unknown_topic') throw result
      // It may have been created anew under the same name, so look it up once more.
      this.#logs.forget(topic)
      throw new LogError('unavailable', result.message)
    })
  }

  /** Repeats the question for some seconds, each time to the present leader, since a partition's leader may move. */
  async #patiently<T>(doing: string, question: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#inTurn(question)
      } catch (error) {
        const failure = toLogError(error, doing, 'unavailable')
        const again = failure.code === 'checksum' || failure.code === 'unknown_topic'
        const passes = failure.code === 'unavailable' || (again && tries === 1)
        if (!passes || tries === maxTries || this.#closed) throw failure
        // kafkajs looks for all topics that it was ever asked for, and answers nothing if one of them is gone.
        if (failure.code === 'unknown_topic') this.#cluster.targetTopics.clear()
        await sleep(100 * tries)
        await this.#inTurn(() => this.#cluster.refreshMetadata()).catch(() => undefined)
      }
    }
  }

  async #findLeader(topic: string, partition: number): Promise<Broker> {
    await this.#cluster.addTargetTopic(topic)
    await this.#cluster.refreshMetadataIfNecessary()
    const [nodeId] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]))
    if (nodeId === undefined) throw unknownPartition(topic, partition)
    return this.#cluster.findBroker({ nodeId })
  }

  /**
   * Runs work one piece after the other. In two concurrent refreshes kafkajs forgets the connections of one, and in two
   * concurrent first fetches each connects. A forgotten connection stays open for ever and keeps the process alive.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => {
      if (this.#closed) throw new LogError('unavailable', 'the log is closed')
      return work()
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  /** Reads that are still under way fail: they would connect again, and nobody would close that connection. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    await this.#owner.disconnect()
  }
}

function unknownPartition(topic: string, partition: number): LogError {
  return new LogError('unknown_topic', `${topic} has no partition ${partition}, or it may not be described`)
}
