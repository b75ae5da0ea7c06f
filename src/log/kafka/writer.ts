/** Transactions: one producer by transactional id, one transaction by slice. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka, Message, Producer, RecordMetadata, TopicMessages, Transaction } from 'kafkajs'
import type { OutRecord } from '../../events/log.ts'
import { LogError, partitionKey, type Slice, type SliceWriter } from '../log.ts'
import { partitionOfKey } from '../murmur2.ts'
import { KnownCoordinators } from './coordinators.ts'
import { errorType, toLogError } from './errors.ts'

/** A producer puts all records of one request and partition into one batch; brokers take 1 MiB by default. */
const maxRequestBytes = 1_000_000
const maxRequestRecords = 1000
/** Around a record in its batch, at most: lengths, deltas and the batch's header. */
const recordOverheadBytes = 100

/** Longer than any slice, shorter than the rebalance. Past it the coordinator aborts, and fences us. */
const transactionTimeoutMs = 15_000
const coordinatorPatienceMs = 10_000
/** The last transaction's markers are being written: some milliseconds. */
const markersPending = 'CONCURRENT_TRANSACTIONS'
/** kafkajs retries these under names that the brokers' errors do not have (14, 15, 16), or not at all (51). */
const coordinatorBusy: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  markersPending,
])

/** `kafka` is this writer's alone. */
export async function openKafkaWriter(kafka: Kafka, transactionalId: string): Promise<SliceWriter> {
  const coordinators = new KnownCoordinators(kafka)
  const producer = kafka.producer({
    idempotent: true,
    transactionalId,
    transactionTimeout: transactionTimeoutMs,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    createPartitioner,
  })
  try {
    await producer.connect()
    // The first transaction() asks for the id's new epoch; it is then begun on our side only.
    const begun = await producer.transaction()
    coordinators.enabled = true
    return new KafkaWriter(producer, coordinators, begun)
  } catch (error) {
    await discard(producer)
    throw toLogError(error, 'opening a transactional producer', 'unavailable')
  }
}

class KafkaWriter implements SliceWriter {
  readonly #producer: Producer
  readonly #coordinators: KnownCoordinators
  #begun: Transaction | undefined
  #dead = false

  constructor(producer: Producer, coordinators: KnownCoordinators, begun: Transaction) {
    this.#producer = producer
    this.#coordinators = coordinators
    this.#begun = begun
  }

  async commit(slice: Slice): Promise<ReadonlyMap<string, number>> {
    if (this.#dead) throw new LogError('aborted', 'the writer is dead: open a new one')
    // Dead until the commit succeeds: a second call meanwhile, or after a throw, would share a broken transaction.
    this.#dead = true
    const written = new Map<string, number>()
    const transaction = await this.#prepare(slice, written)
    try {
      await transaction.commit()
    } catch (error) {
      throw toLogError(error, 'committing', 'unknown_outcome')
    }
    this.#dead = false
    return written
  }

  async #prepare(
    { records, groupId, topic, partition, nextOffset, metadata }: Slice,
    written: Map<string, number>,
  ): Promise<Transaction> {
    try {
      const requests = splitRequests(records)
      const transaction = this.#begun ?? (await this.#producer.transaction())
      this.#begun = undefined
      // The offset goes first: the id is busy until the last transaction's markers are written, and our own retry is quicker.
      const offset = { partition, offset: String(nextOffset), metadata }
      await this.#untilReady(() =>
        transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: [offset] }] }),
      )
      for (const topicMessages of requests) {
        noteWritten(written, await transaction.sendBatch({ acks: -1, topicMessages }))
      }
      return transaction
    } catch (error) {
      throw toLogError(error, 'writing a transaction', 'aborted')
    }
  }

  async #untilReady(attempt: () => Promise<void>): Promise<void> {
    const deadline = performance.now() + coordinatorPatienceMs
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
      try {
        return await attempt()
      } catch (error) {
        const type = errorType(error)
        if (!coordinatorBusy.has(type) || performance.now() > deadline) throw error
        if (type !== markersPending) this.#coordinators.forget()
        await sleep(pauseMs)
      }
    }
  }

  close(): Promise<void> {
    this.#dead = true
    return discard(this.#producer)
  }
}

/** Where the first record of each partition lies. */
function noteWritten(written: Map<string, number>, answers: readonly RecordMetadata[]): void {
  for (const { topicName, partition, baseOffset } of answers) {
    const key = partitionKey({ topic: topicName, partition })
    if (!written.has(key)) written.set(key, Number(baseOffset))
  }
}

/** A plain idempotent producer, for records that belong to no transaction. */
export async function openKafkaProducer(kafka: Kafka) {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner,
  })
  await producer.connect()
  return {
    async append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>> {
      const written = new Map<string, number>()
      for (const topicMessages of splitRequests(records)) {
        noteWritten(written, await producer.sendBatch({ acks: -1, topicMessages }))
      }
      return written
    },
    close: () => discard(producer),
  }
}

/** A broken producer may fail to say good-bye; it is thrown away either way. */
async function discard(producer: Producer): Promise<void> {
  await producer.disconnect().catch(() => undefined)
}

/** The default of kafkajs agrees with it, at many times the cost. */
function createPartitioner() {
  let next = 0
  return ({ partitionMetadata, message }: { partitionMetadata: readonly unknown[]; message: Message }): number => {
    if (message.partition !== undefined) return message.partition
    const count = partitionMetadata.length
    return message.key === null || message.key === undefined ? next++ % count : partitionOfKey(message.key, count)
  }
}

/** Requests that a broker takes, in order. Throws LogError `too_large` for a record that no request can hold. */
function splitRequests(records: readonly OutRecord[]): TopicMessages[][] {
  const requests: Map<string, Message[]>[] = []
  let bytes = Number.POSITIVE_INFINITY
  let count = 0
  for (const record of records) {
    const size = sizeOf(record)
    if (size > maxRequestBytes) {
      throw new LogError('too_large', `a record for ${record.topic} has ${size} bytes, more than ${maxRequestBytes}`)
    }
    if (bytes + size > maxRequestBytes || count === maxRequestRecords) {
      requests.push(new Map())
      bytes = 0
      count = 0
    }
    bytes += size
    count++
    const request = requests.at(-1)!
    const messages = request.get(record.topic)
    if (messages === undefined) request.set(record.topic, quicklyGrouped([toMessage(record)]))
    else messages.push(toMessage(record))
  }
  return requests.map((request) => [...request].map(([topic, messages]) => ({ topic, messages })))
}

type ByPartition = Readonly<Record<number, Message[]>>

/**
 * kafkajs groups the messages of a request by partition with `reduce`, whose step copies the partition's list for each message
 * that it adds: half a million copies for a thousand messages. These take what the step makes of each alone, and add that.
 */
function quicklyGrouped(messages: Message[]): Message[] {
  return Object.defineProperty(messages, 'reduce', {
    value: (step: (none: ByPartition, message: Message) => ByPartition) => {
      const groups: Record<string, Message[]> = {}
      for (const message of messages) {
        for (const [partition, own] of Object.entries(step({}, message))) {
          const group = groups[partition]
          if (group === undefined) groups[partition] = own
          else group.push(...own)
        }
      }
      return groups
    },
  })
}

function toMessage({ key, value, headers, partition }: OutRecord): Message {
  // The timestamp is the producer's: now. Brokers refuse a whole transaction for one that is an hour ahead.
  const message: Message = { key, value, headers: headers as NonNullable<Message['headers']> }
  if (partition !== undefined) message.partition = partition
  return message
}

function sizeOf({ key, value, headers }: OutRecord): number {
  let bytes = recordOverheadBytes + byteLength(key) + byteLength(value)
  for (const name in headers) {
    const values = headers[name]!
    for (const one of Array.isArray(values) ? values : [values]) {
      bytes += 10 + Buffer.byteLength(name) + byteLength(one as Buffer | string)
    }
  }
  return bytes
}

function byteLength(bytes: Buffer | string | null): number {
  return bytes === null ? 0 : Buffer.byteLength(bytes)
}
