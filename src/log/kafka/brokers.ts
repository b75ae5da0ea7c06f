/**
 * Where our own requests go: kafkajs's connections to the brokers, and its metadata of leaders. None of its retries: a
 * request is sent once, and sent again only by who knows that it may be.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, Cluster, Consumer, Kafka } from 'kafkajs'
import { LogError, type TopicPartition } from '../log.ts'
import { openCluster } from './clusters.ts'
import { BrokerError, throwIfError } from './protocol/errors.ts'
import { type FindCoordinatorAsked, findCoordinator } from './protocol/find-coordinator.ts'
import type { Answered, Request } from './protocol/request.ts'
import { send } from './protocol/send.ts'

const busyPatienceMs = 10_000
/** The last transaction's markers are being written: some milliseconds. */
const markersPending = 'CONCURRENT_TRANSACTIONS'
const moving: ReadonlySet<string> = new Set([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])

export class Brokers {
  readonly #owner: Consumer
  readonly #cluster: Cluster
  readonly #topics = new Set<string>()
  /** The nodes of coordinators, as they were found last. */
  readonly #coordinators = new Map<string, number>()
  readonly #used = new Set<Promise<unknown>>()
  #closed = false

  private constructor(owner: Consumer, cluster: Cluster) {
    this.#owner = owner
    this.#cluster = cluster
  }

  /**
   * @param topics some that will be written to: without any, kafkajs asks for all that the cluster has, and fails where
   * a single partition among those has no leader
   */
  static async connect(kafka: Kafka, topics: Iterable<string>): Promise<Brokers> {
    const { owner, cluster } = openCluster(kafka)
    const brokers = new Brokers(owner, cluster)
    try {
      await owner.connect()
      await brokers.knowTopics(topics)
    } catch (error) {
      await brokers.close()
      throw error
    }
    return brokers
  }

  /** To be asked before the partitions of these topics are. What is known then is up to a minute old. */
  knowTopics(topics: Iterable<string>): Promise<void> {
    return this.#use(async () => {
      const missing = [...topics].filter((topic) => !this.#topics.has(topic))
      if (missing.length > 0) {
        await this.#cluster.addMultipleTargetTopics(missing)
        for (const topic of missing) this.#topics.add(topic)
      }
      await this.#cluster.refreshMetadataIfNecessary()
    })
  }

  /** Asks which leaders there are now. */
  refresh(): Promise<void> {
    return this.#use(() => this.#cluster.refreshMetadata())
  }

  /** Throws BrokerError where the topic is not known. */
  partitionCount(topic: string): number {
    const { length } = this.#cluster.findTopicPartitionMetadata(topic)
    if (length === 0) throw new BrokerError('Metadata', 'UNKNOWN_TOPIC_OR_PARTITION')
    return length
  }

  /** The node that leads the partition, as far as is known. Throws BrokerError where none does, or there is no partition. */
  leaderOf({ topic, partition }: TopicPartition): number {
    const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
    if (found === undefined) throw new BrokerError('Metadata', 'UNKNOWN_TOPIC_OR_PARTITION')
    if (!(found.leader >= 0)) throw new BrokerError('Metadata', 'LEADER_NOT_AVAILABLE')
    return found.leader
  }

  /** Connected when it resolves. */
  node(nodeId: number): Promise<Broker> {
    return this.#use(() => this.#cluster.findBroker({ nodeId: String(nodeId) }))
  }

  async sendToAny<Asked, Answer extends Answered>(request: Request<Asked, Answer>, asked: Asked): Promise<Answer> {
    return send(await this.#anyNode(), request, asked)
  }

  async sendToCoordinator<Asked, Answer extends Answered>(
    of: FindCoordinatorAsked,
    request: Request<Asked, Answer>,
    asked: Asked,
  ): Promise<Answer> {
    return send(await this.node(await this.#coordinator(of)), request, asked)
  }

  /**
   * Asks again, for some seconds, while a coordinator is busy or moves. Only for what may be asked twice: what the coordinator
   * does once however often it is asked.
   */
  async untilReady<T>(ask: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + busyPatienceMs
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
      try {
        return await ask()
      } catch (error) {
        const type = error instanceof BrokerError ? error.type : ''
        if ((type !== markersPending && !moving.has(type)) || performance.now() > deadline) throw error
        if (type !== markersPending) this.#coordinators.clear()
        await sleep(pauseMs)
      }
    }
  }

  async #coordinator(asked: FindCoordinatorAsked): Promise<number> {
    const key = `${asked.of}/${asked.id}`
    const known = this.#coordinators.get(key)
    if (known !== undefined) return known
    const { errorCode, nodeId } = await this.sendToAny(findCoordinator, asked)
    throwIfError(findCoordinator.name, errorCode)
    this.#coordinators.set(key, nodeId)
    return nodeId
  }

  async #anyNode(): Promise<Broker> {
    const nodeIds = this.#cluster.getNodeIds()
    const first = Math.floor(Math.random() * nodeIds.length)
    for (let i = 0; i < nodeIds.length; i++) {
      const nodeId = nodeIds[(first + i) % nodeIds.length]!
      const broker = await this.node(nodeId).catch(() => undefined)
      if (broker !== undefined) return broker
    }
    throw new LogError('unavailable', 'no broker answers')
  }

  /** Nothing may connect once it is closed, since nobody would close that; what does so now is waited for. */
  async #use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new LogError('unavailable', 'the connections are closed')
    const done = work()
    this.#used.add(done)
    try {
      return await done
    } finally {
      this.#used.delete(done)
    }
  }

  /** Connections that are broken may fail to say good-bye; they are thrown away either way. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#used)
    await this.#owner.disconnect().catch(() => undefined)
  }
}
