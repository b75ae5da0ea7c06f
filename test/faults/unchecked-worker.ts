import kafkajs, { type Message, type Producer, type Transaction } from 'kafkajs'
import { kafkaOptions } from '../../src/cli/kafka-options.ts'
import { createClient } from '../../src/log/kafka/client.ts'
import { errorType, toLogError } from '../../src/log/kafka/errors.ts'
import { type LogErrorCode, partitionKey, type Slice, type SliceWriter } from '../../src/log/log.ts'
import { runWorkerWith } from './worker-with.ts'

/**
 * The negative control of several brokers: the service with kafkajs's own producer, which commits although a partition was
 * left out or written twice when a leader has moved. `unchecked-worker.js CONFIG`.
 */
const retry = { initialRetryTime: 10, maxRetryTime: 500, retries: 8 }
const transactionTimeout = 15_000
const largestBatch = 500

class StockWriter implements SliceWriter {
  readonly #producer: Producer
  #begun: Transaction | undefined

  constructor(producer: Producer) {
    this.#producer = producer
  }

  /** kafkajs asks for the id's new epoch with the first transaction. */
  async open(): Promise<this> {
    return this.#as('unavailable', async () => {
      await this.#producer.connect()
      this.#begun = await this.#producer.transaction()
      return this
    })
  }

  async commit({ records, groupId, topic, partition, nextOffset, metadata }: Slice): Promise<Map<string, number>> {
    const written = new Map<string, number>()
    const transaction = await this.#as('aborted', async () => {
      const begun = this.#begun ?? (await this.#producer.transaction())
      this.#begun = undefined
      const offset = { partition, offset: String(nextOffset), metadata }
      await untilFree(() =>
        begun.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: [offset] }] } as never),
      )
      for (let from = 0; from < records.length; from += largestBatch) {
        const topics = new Map<string, Message[]>()
        for (const { topic: to, ...message } of records.slice(from, from + largestBatch)) {
          topics.set(to, [...(topics.get(to) ?? []), message as Message])
        }
        const topicMessages = [...topics].map(([to, messages]) => ({ topic: to, messages }))
        for (const { topicName, partition, baseOffset } of await begun.sendBatch({ acks: -1, topicMessages })) {
          const key = partitionKey({ topic: topicName, partition })
          if (!written.has(key)) written.set(key, Number(baseOffset))
        }
      }
      return begun
    })
    await this.#as('unknown_outcome', () => transaction.commit())
    return written
  }

  async #as<T>(otherwise: LogErrorCode, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toLogError(error, 'a transaction of kafkajs', otherwise)
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined)
  }
}

/** The markers of the transaction before are being written, for some milliseconds. */
async function untilFree(ask: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (errorType(error) !== 'CONCURRENT_TRANSACTIONS' || tries === 1000) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

await runWorkerWith((_, transactionalId, config) => {
  const producer = createClient(kafkaOptions(config), retry).producer({
    idempotent: true,
    transactionalId,
    transactionTimeout,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  return new StockWriter(producer).open()
})
