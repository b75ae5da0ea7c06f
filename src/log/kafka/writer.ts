/** Transactions: one producer per transactional id, one transaction per slice. */
import type { Broker, Kafka } from 'kafkajs'
import { LogError, partitionKey, type Slice, type SliceWriter, type TopicPartition } from '../log.ts'
import { Batcher, byLeader, type PartitionBatch, requestsOf } from './batcher.ts'
import { Brokers } from './brokers.ts'
import { toLogError } from './errors.ts'
import { addOffsetsToTxn } from './protocol/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './protocol/add-partitions-to-txn.ts'
import { answersByPartition } from './protocol/answers.ts'
import { endTxn } from './protocol/end-txn.ts'
import { BrokerError, throwIfError } from './protocol/errors.ts'
import type { FindCoordinatorAsked } from './protocol/find-coordinator.ts'
import { initProducerId } from './protocol/init-producer-id.ts'
import { produce, replicasTimeoutMs } from './protocol/produce.ts'
import type { InTransaction, PartitionResult } from './protocol/request.ts'
import { send } from './protocol/send.ts'
import { txnOffsetCommit } from './protocol/txn-offset-commit.ts'
import { Sequences } from './sequences.ts'

/** Longer than any slice. After it the coordinator aborts and fences us; the partition's next owner does so at once. */
const transactionTimeoutMs = 15_000

/** @param topics as `Brokers.connect` */
export async function openKafkaWriter(
  kafka: Kafka,
  transactionalId: string,
  topics: Iterable<string>,
): Promise<SliceWriter> {
  let brokers: Brokers | undefined
  try {
    const opened = await Brokers.connect(kafka, topics)
    brokers = opened
    const { producerId, producerEpoch } = await opened.untilReady(async () => {
      const asked = { transactionalId, transactionTimeoutMs }
      const answer = await opened.sendToCoordinator(coordinatorOf(transactionalId), initProducerId, asked)
      throwIfError(initProducerId.name, answer.errorCode)
      return answer
    })
    return new KafkaWriter(opened, { transactionalId, producerId, producerEpoch })
  } catch (error) {
    await brokers?.close()
    throw toLogError(error, 'opening a transactional producer', 'unavailable')
  }
}

/**
 * A transaction takes three round trips; the requests on a line go out together:
 *
 *     to its coordinator        AddPartitionsToTxn   AddOffsetsToTxn
 *     to leaders and the group  Produce …            TxnOffsetCommit
 *     to its coordinator        EndTxn
 *
 * EndTxn is sent only when everything is acknowledged: each answer must have exactly the partitions that were asked for. In all
 * other cases the writer is dead, and the next one's InitProducerId aborts what was begun. No Produce is sent twice: a record
 * may be in the log although its request failed. The other requests are safe to repeat.
 */
class KafkaWriter implements SliceWriter {
  readonly #brokers: Brokers
  readonly #own: InTransaction
  readonly #coordinator: FindCoordinatorAsked
  readonly #batches = new Batcher()
  readonly #sequences = new Sequences()
  #dead = false

  constructor(brokers: Brokers, own: InTransaction) {
    this.#brokers = brokers
    this.#own = own
    this.#coordinator = coordinatorOf(own.transactionalId)
  }

  async commit(slice: Slice): Promise<ReadonlyMap<string, number>> {
    if (this.#dead) throw new LogError('aborted', 'the writer is dead: open a new one')
    // Dead until the commit succeeds: a second call in the meantime, or after a throw, would share a broken transaction.
    this.#dead = true
    const written = await this.#write(slice).catch((error: unknown) => {
      // The metadata had the topic a moment ago, but a broker that has just started may not know it yet. If it is really gone,
      // the next writer finds that out.
      const isBehind =
        error instanceof BrokerError && error.request !== 'Metadata' && error.type === 'UNKNOWN_TOPIC_OR_PARTITION'
      if (isBehind) throw new LogError('aborted', 'a broker does not know of a topic yet', error)
      throw toLogError(error, 'writing a transaction', 'aborted')
    })
    await this.#end().catch((error: unknown) => {
      throw toLogError(error, 'committing', 'unknown_outcome')
    })
    this.#dead = false
    return written
  }

  async #write({ records, ...offset }: Slice): Promise<ReadonlyMap<string, number>> {
    await this.#brokers.knowTopics(new Set(records.map(({ topic }) => topic)))
    const batches = this.#batches.split(records, (topic) => this.#brokers.partitionCount(topic))
    const leaders = await this.#leadersOf(batches)
    await settled([this.#addPartitions(batches), this.#addOffsets(offset.groupId)])
    const written = new Map<string, number>()
    await settled([this.#commitOffset(offset), ...leaders.map(([broker, own]) => this.#produce(broker, own, written))])
    return written
  }

  /** The batches for each leader, which stays the same for the whole transaction. Throws where a partition has no leader. */
  async #leadersOf(batches: readonly PartitionBatch[]): Promise<[Broker, PartitionBatch[]][]> {
    const group = () => byLeader(batches, (at) => this.#brokers.leaderOf(at))
    let byNode: ReadonlyMap<number, PartitionBatch[]>
    try {
      byNode = group()
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      await this.#brokers.refresh()
      byNode = group()
    }
    const leaders: [Broker, PartitionBatch[]][] = []
    for (const [nodeId, own] of byNode) leaders.push([await this.#brokers.node(nodeId), own])
    return leaders
  }

  async #addPartitions(batches: readonly PartitionBatch[]): Promise<void> {
    const partitions = [...new Map(batches.map((batch) => [partitionKey(batch), batch])).values()]
    if (partitions.length === 0) return
    await this.#brokers.untilReady(async () => {
      const asked = { ...this.#own, partitions }
      const { results } = await this.#brokers.sendToCoordinator(this.#coordinator, addPartitionsToTxn, asked)
      checkResults(addPartitionsToTxn.name, partitions, results)
    })
  }

  async #addOffsets(groupId: string): Promise<void> {
    await this.#brokers.untilReady(async () => {
      const asked = { ...this.#own, groupId }
      const { errorCode } = await this.#brokers.sendToCoordinator(this.#coordinator, addOffsetsToTxn, asked)
      throwIfError(addOffsetsToTxn.name, errorCode)
    })
  }

  async #commitOffset({ groupId, topic, partition, nextOffset: offset, metadata }: Place): Promise<void> {
    const offsets = [{ topic, partition, offset, metadata }]
    await this.#brokers.untilReady(async () => {
      const asked = { ...this.#own, groupId, offsets }
      const { results } = await this.#brokers.sendToCoordinator({ of: 'group', id: groupId }, txnOffsetCommit, asked)
      checkResults(txnOffsetCommit.name, offsets, results)
    })
  }

  async #produce(leader: Broker, batches: readonly PartitionBatch[], written: Map<string, number>): Promise<void> {
    for (const request of requestsOf(batches)) {
      const numbered = request.map(({ topic, partition, records }) => {
        const at = { topic, partition }
        return { ...at, records, firstSequence: this.#sequences.reserve(at, records.length) }
      })
      const asked = { ...this.#own, timeMs: Date.now(), timeoutMs: replicasTimeoutMs, batches: numbered }
      const { results } = await send(leader, produce, asked)
      checkResults(produce.name, numbered, results)
      for (const result of results) {
        const key = partitionKey(result)
        if (!written.has(key)) written.set(key, result.baseOffset)
      }
    }
  }

  async #end(): Promise<void> {
    const { errorCode } = await this.#brokers.sendToCoordinator(this.#coordinator, endTxn, {
      ...this.#own,
      isCommit: true,
    })
    throwIfError(endTxn.name, errorCode)
  }

  async close(): Promise<void> {
    this.#dead = true
    await this.#brokers.close()
  }
}

const coordinatorOf = (id: string): FindCoordinatorAsked => ({ of: 'transaction', id })

type Place = Omit<Slice, 'records'>

/** Throws WrongAnswer, or BrokerError for the first error. */
function checkResults(request: string, asked: readonly TopicPartition[], results: readonly PartitionResult[]): void {
  for (const { errorCode } of answersByPartition(request, asked, results).values()) throwIfError(request, errorCode)
}

/** Waits until all have ended, so that nothing is still under way when one has failed. */
async function settled(all: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(all)) if (one.status === 'rejected') throw one.reason
}
