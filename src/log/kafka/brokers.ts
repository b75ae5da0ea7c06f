/**
 * Sends our own requests over kafkajs's connections to the brokers, to the leaders that its metadata has, but without its
 * retries: a request is sent once, and only a caller that knows this is safe sends it again.
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
/** The last transaction's markers are still being written, which takes some milliseconds. */
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
  /** The nodes of coordinators, as last found. */
  readonly #coordinators = new Map<string, number>()
  readonly #used = new Set<Promise<unknown>>()
  #closed = false

  private constructor(owner: Consumer, cluster: Cluster) {
    this.#owner = owner
    this.#cluster = cluster
  }

  /**
   * @param topics some of those that will be written to: without any, kafkajs asks for all topics of the cluster, and fails
   * where a single partition among these has no leader
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

  /** To be called before asking about partitions of these topics. What is known then may be up to a minute old. */
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

  /** Asks for the present leaders. */
  refresh(): Promise<void> {
    return this.#use(() => this.#cluster.refreshMetadata())
  }

  /** Throws BrokerError where the topic is not known. */
  partitionCount(topic: string): number {
    const { length } = this.#cluster.findTopicPartitionMetadata(topic)
    if (length === 0) throw new BrokerError('Metadata', 'UNKNOWN_TOPIC_OR_PARTITION')
    return length
  }

  /** The node that leads the partition, as far as is known. Throws BrokerError where there is no leader or no partition. */
  leaderOf({ topic, partition }: TopicPartition): number {
    const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
    if (found === undefined) throw new BrokerError('Metadata', 'UNKNOWN_TOPIC_OR_PARTITION')
    if (!(found.leader >= 0)) throw new BrokerError('Metadata', 'LEADER_NOT_AVAILABLE')
    return found.leader
  }

  /** The broker object of a node, connected. */
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
   * Asks again, for up to `busyPatienceMs`, while a coordinator is busy or moves. Only for requests that are safe to repeat.
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

  /** Nothing may connect after `close`, since nobody would close that connection; `close` waits for work under way. */
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

  /** Errors while closing broken connections are ignored: they are thrown away anyway. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#used)
    await this.#owner.disconnect().catch(() => undefined)
  }
}
