/** What a diagnosis asks Kafka beyond the log's port. Writes nothing that any reader sees. */
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Broker, type Cluster, type Consumer, type PartitionMetadata } from 'kafkajs'
import { createClient, type KafkaOptions } from '../../../log/kafka/client.ts'
import { toLogError } from '../../../log/kafka/errors.ts'
import { LogError } from '../../../log/log.ts'
import type { Address } from '../tcp.ts'

/** Brief: a diagnosis says what is wrong now. */
const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 2 }
const readUncommitted = 0
const readCommitted = 1
const latest = -1
const earliest = -2
/** The coordinator of a transactional id, not of a group. */
const ofTransactions = 1
const txnOffsetCommit = 28
const transactionMs = 15_000

export interface AdvertisedBroker extends Address {
  readonly nodeId: number
}

export interface PartitionOffsets {
  readonly partition: number
  readonly low: number
  /** The offset after the last record that a reader of committed records gets. */
  readonly lastStable: number
  readonly high: number
}

/** Parts of kafkajs's objects that its types leave out. */
interface InnerCluster extends Cluster {
  readonly brokerPool: { readonly metadata: { readonly brokers: readonly AdvertisedBroker[] } }
  findGroupCoordinator(of: { groupId: string; coordinatorType?: number }): Promise<InnerBroker>
}

interface InnerBroker extends Broker {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>
  listOffsets(request: {
    replicaId: number
    isolationLevel: number
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[]
  }): Promise<{ responses: { partitions: { partition: number; offset: string }[] }[] }>
  initProducerId(id: { transactionalId: string; transactionTimeout: number }): Promise<Epoch>
  addPartitionsToTxn(request: InTransaction & { topics: { topic: string; partitions: number[] }[] }): Promise<unknown>
  addOffsetsToTxn(request: InTransaction & { groupId: string }): Promise<unknown>
  endTxn(request: InTransaction & { transactionResult: boolean }): Promise<unknown>
}

interface Epoch {
  readonly producerId: number
  readonly producerEpoch: number
}

interface InTransaction extends Epoch {
  readonly transactionalId: string
}

export class KafkaProbe {
  readonly #admin: Admin
  /** Never joins; it is only a way to get a cluster object. */
  readonly #owner: Consumer
  readonly #cluster: InnerCluster
  #adminConnected: Promise<void> | undefined

  private constructor(admin: Admin, owner: Consumer, cluster: InnerCluster) {
    this.#admin = admin
    this.#owner = owner
    this.#cluster = cluster
  }

  /** Only talks to the configured brokers, so advertised addresses that lead nowhere do not stop it from opening. */
  static async open(options: KafkaOptions): Promise<KafkaProbe> {
    const kafka = createClient(options, retry)
    let cluster: Cluster | undefined
    const owner = kafka.consumer({
      groupId: 'beckon-doctor',
      allowAutoTopicCreation: false,
      partitionAssigners: [
        (context) => {
          cluster = context.cluster
          return kafkajs.PartitionAssigners.roundRobin(context)
        },
      ],
    })
    if (cluster === undefined) throw new LogError('refused', 'this kafkajs gives no cluster to its assigners')
    const probe = new KafkaProbe(kafka.admin(), owner, cluster as InnerCluster)
    try {
      await probe.#cluster.connect()
      await probe.#cluster.refreshMetadata()
      return probe
    } catch (error) {
      await probe.close()
      throw toLogError(error, 'connecting to the brokers', 'unavailable')
    }
  }

  get brokers(): readonly AdvertisedBroker[] {
    return this.#cluster.brokerPool.metadata.brokers
  }

  /** Kafka does not tell its version, but each version supports requests that earlier ones did not. */
  async isAtLeast4(): Promise<boolean> {
    const [nodeId] = this.#cluster.getNodeIds()
    const broker = await this.#ask('asking for the version', () => this.#cluster.findBroker({ nodeId: String(nodeId) }))
    return ((broker as InnerBroker).versions[txnOffsetCommit]?.maxVersion ?? 0) >= 5
  }

  /** undefined if the topic does not exist, or this user may not describe it. */
  async partitions(topic: string): Promise<readonly PartitionMetadata[] | undefined> {
    try {
      const { topics } = await this.#asAdmin(`looking up ${topic}`, (admin) =>
        admin.fetchTopicMetadata({ topics: [topic] }),
      )
      return topics.find(({ name }) => name === topic)?.partitions
    } catch (error) {
      if (error instanceof LogError && error.code === 'unknown_topic') return undefined
      throw error
    }
  }

  /** Settings by name. Throws LogError `refused` if this user may not describe them. */
  async settings(topic: string): Promise<ReadonlyMap<string, string>> {
    const { resources } = await this.#asAdmin(`reading the settings of ${topic}`, (admin) =>
      admin.describeConfigs({
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
        includeSynonyms: false,
      }),
    )
    const entries = resources.flatMap(({ configEntries }) => configEntries)
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
  }

  async group(
    groupId: string,
  ): Promise<{ readonly state: string; readonly protocolType: string; readonly members: number }> {
    const { groups } = await this.#asAdmin(`describing the group ${groupId}`, (admin) =>
      admin.describeGroups([groupId]),
    )
    const { state = 'Dead', protocolType = '', members = [] } = groups[0] ?? {}
    return { state, protocolType, members: members.length }
  }

  /** The group's offset of each partition; partitions without one are missing. */
  async committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const [answer] = await this.#asAdmin('reading committed offsets', (admin) =>
      admin.fetchOffsets({ groupId, topics: [topic] }),
    )
    const known = answer?.partitions.filter(({ offset }) => Number(offset) >= 0) ?? []
    return new Map(known.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    return this.#ask(`reading the offsets of ${topic}`, async () => {
      await this.#cluster.addTargetTopic(topic)
      const all = this.#cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      const [low, lastStable, high] = await Promise.all([
        this.#listOffsets(topic, all, earliest, readCommitted),
        this.#listOffsets(topic, all, latest, readCommitted),
        this.#listOffsets(topic, all, latest, readUncommitted),
      ])
      return all
        .sort((a, b) => a - b)
        .map((partition) => ({
          partition,
          low: low.get(partition)!,
          lastStable: lastStable.get(partition)!,
          high: high.get(partition)!,
        }))
    })
  }

  async #listOffsets(topic: string, all: number[], timestamp: number, isolationLevel: number) {
    const offsets = new Map<number, number>()
    for (const [nodeId, partitions] of Object.entries(this.#cluster.findLeaderForPartitions(topic, all))) {
      const broker = (await this.#cluster.findBroker({ nodeId })) as InnerBroker
      const asked = [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }]
      const { responses } = await broker.listOffsets({ replicaId: -1, isolationLevel, topics: asked })
      for (const { partition, offset } of responses[0]!.partitions) offsets.set(partition, Number(offset))
    }
    return offsets
  }

  /**
   * Begins and aborts a transaction over the group's offsets and these topics. It needs all rights that a slice needs, and
   * only leaves a control record behind, which no reader gets. Throws LogError.
   */
  async tryTransaction(transactionalId: string, topics: readonly string[], groupId: string): Promise<void> {
    await this.#ask('a transaction', async () => {
      const coordinator = await this.#cluster.findGroupCoordinator({
        groupId: transactionalId,
        coordinatorType: ofTransactions,
      })
      const epoch = await patiently(() =>
        coordinator.initProducerId({ transactionalId, transactionTimeout: transactionMs }),
      )
      const id = { transactionalId, producerId: epoch.producerId, producerEpoch: epoch.producerEpoch }
      const partitions = topics.map((topic) => ({ topic, partitions: [0] }))
      await patiently(() => coordinator.addPartitionsToTxn({ ...id, topics: partitions }))
      try {
        await patiently(() => coordinator.addOffsetsToTxn({ ...id, groupId }))
      } finally {
        await patiently(() => coordinator.endTxn({ ...id, transactionResult: false }))
      }
    })
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#admin.disconnect(), this.#owner.disconnect(), this.#cluster.disconnect()])
  }

  async #asAdmin<T>(doing: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    this.#adminConnected ??= this.#admin.connect()
    return this.#ask(doing, async () => {
      await this.#adminConnected
      return question(this.#admin)
    })
  }

  async #ask<T>(doing: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      throw toLogError(error, doing, 'unavailable')
    }
  }
}

/** A coordinator that is loading, or writing an earlier transaction's markers, asks to wait; we do, for 3 s at most. */
async function patiently<T>(question: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await question()
    } catch (error) {
      const passes = error instanceof kafkajs.KafkaJSError && error.retriable
      if (!passes || tries === 30) throw error
      await sleep(100)
    }
  }
}
