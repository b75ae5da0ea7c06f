/**
 * Asks a partition for its bounds and reads a range of it, without joining a group. kafkajs has no call for the range,
 * its cluster object has; its call for the bounds gives up when the leader has just moved, or has just been chosen.
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

/** What kafkajs's own types leave out. */
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

  /** Where what the leader of that epoch wrote ends now. Throws LogError `unknown_topic` where there is no such partition. */
  endOfEpoch(topic: string, partition: number, epoch: number): Promise<number> {
    return this.#patiently(`looking up ${topic}`, async () => {
      const leader = await this.#findLeader(topic, partition)
      const { errorCode, endOffset } = await send(leader, endOfEpoch, { topic, partition, epoch })
      throwIfError(endOfEpoch.name, errorCode)
      return Math.max(0, endOffset)
    })
  }

  /** Asks anew which partitions the topic has. Throws LogError. */
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
      // Another one of that name, maybe: it is looked for once more.
      this.#logs.forget(topic)
      throw new LogError('unavailable', result.message)
    })
  }

  /** Asks again, of the leader as it is by then, for some seconds: a partition's leader moves. */
  async #patiently<T>(doing: string, question: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#inTurn(question)
      } catch (error) {
        const failure = toLogError(error, doing, 'unavailable')
        const again = failure.code === 'checksum' || failure.code === 'unknown_topic'
        const passes = failure.code === 'unavailable' || (again && tries === 1)
        if (!passes || tries === maxTries || this.#closed) throw failure
        // kafkajs looks for all topics that it was ever asked for, and answers nothing where one of them is gone.
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
   * One after the other. Of two refreshes at once kafkajs forgets the connections of one, and of two first fetches at
   * once each connects: a forgotten connection stays open for ever, and so does the process.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => {
      if (this.#closed) throw new LogError('unavailable', 'the log is closed')
      return work()
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  /** A reading that still goes on fails: it would connect again, and nobody would close that. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    await this.#owner.disconnect()
  }
}

function unknownPartition(topic: string, partition: number): LogError {
  return new LogError('unknown_topic', `${topic} has no partition ${partition}, or it may not be described`)
}
