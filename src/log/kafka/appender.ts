/** Writes records outside of transactions: each exactly once, as long as this producer lives. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, Kafka } from 'kafkajs'
import type { OutRecord } from '../../events/log.ts'
import { LogError, partitionKey } from '../log.ts'
import { Batcher, type PartitionBatch, requestsOf } from './batcher.ts'
import { Brokers } from './brokers.ts'
import { errorType, toLogError } from './errors.ts'
import { answersByPartition } from './protocol/answers.ts'
import { errorOf, throwIfError } from './protocol/errors.ts'
import { initProducerId } from './protocol/init-producer-id.ts'
import { produce, replicasTimeoutMs } from './protocol/produce.ts'
import { send } from './protocol/send.ts'
import { Sequences } from './sequences.ts'

/** Longer than it takes a broker to restart or leaders to move. */
const patienceMs = 30_000
const firstPauseMs = 20
const longestPauseMs = 1_000
/** DUPLICATE_SEQUENCE_NUMBER: an earlier try has written it. */
const duplicate = 46
/** If the same producer sends the batch again, it is refused again. */
const lostTrack: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'])

/**
 * An idempotent producer. What is not acknowledged is sent again to the partition's present leader, with the same sequence
 * numbers, so that the brokers recognise what they have. One batch per partition is in flight at a time. After a throw it is
 * unknown what was written, and the appender must be thrown away.
 */
export class Appender {
  readonly #brokers: Brokers
  readonly #producer: { readonly producerId: number; readonly producerEpoch: number }
  readonly #batches = new Batcher()
  readonly #sequences = new Sequences()
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(brokers: Brokers, producer: { readonly producerId: number; readonly producerEpoch: number }) {
    this.#brokers = brokers
    this.#producer = producer
  }

  static async open(kafka: Kafka, topics: Iterable<string>): Promise<Appender> {
    const brokers = await Brokers.connect(kafka, topics)
    try {
      const { producerId, producerEpoch } = await brokers.untilReady(async () => {
        const answer = await brokers.sendToAny(initProducerId, { transactionalId: null, transactionTimeoutMs: 0 })
        throwIfError(initProducerId.name, answer.errorCode)
        return answer
      })
      return new Appender(brokers, { producerId, producerEpoch })
    } catch (error) {
      await brokers.close()
      throw error
    }
  }

  /** Calls run one after the other. @returns the offset of the first record in each partition, by `partitionKey` */
  append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>> {
    const done = this.#last.then(() => this.#append(records))
    this.#last = done.catch(() => undefined)
    return done
  }

  async #append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>> {
    await this.#brokers.knowTopics(new Set(records.map(({ topic }) => topic)))
    const queues = new Map<string, Numbered[]>()
    for (const batch of this.#batches.split(records, (topic) => this.#brokers.partitionCount(topic))) {
      const numbered = { ...batch, firstSequence: this.#sequences.reserve(batch, batch.records.length) }
      const key = partitionKey(batch)
      queues.set(key, [...(queues.get(key) ?? []), numbered])
    }
    const written = new Map<string, number>()
    let patientUntil = performance.now() + patienceMs
    for (let pauseMs = firstPauseMs; queues.size > 0; ) {
      if (this.#closed) throw new LogError('unavailable', 'the log is closed')
      const { acknowledged, failure } = await this.#attempt([...queues.values()].map(([head]) => head!))
      for (const [key, offset] of acknowledged) {
        if (!written.has(key) && offset < 0) throw new LogError('unavailable', 'written, and it is not told where')
        if (!written.has(key)) written.set(key, offset)
        const queue = queues.get(key)!
        queue.shift()
        if (queue.length === 0) queues.delete(key)
      }
      if (acknowledged.size > 0) {
        patientUntil = performance.now() + patienceMs
        pauseMs = firstPauseMs
      }
      if (failure === undefined) continue
      if (performance.now() > patientUntil) throw failure
      await sleep(pauseMs)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
      await this.#brokers.refresh().catch(() => undefined)
    }
    return written
  }

  /** Sends each batch once. Throws where another try can't help. */
  async #attempt(batches: readonly Numbered[]): Promise<Outcome> {
    const acknowledged = new Map<string, number>()
    const failures: unknown[] = []
    const byNode = new Map<number, Numbered[]>()
    for (const batch of batches) {
      try {
        const nodeId = this.#brokers.leaderOf(batch)
        byNode.set(nodeId, [...(byNode.get(nodeId) ?? []), batch])
      } catch (error) {
        failures.push(error)
      }
    }
    const sending = [...byNode].map(async ([nodeId, own]) => {
      const leader = await this.#brokers.node(nodeId)
      for (const request of requestsOf(own)) {
        for (const [key, { errorCode, baseOffset }] of await this.#send(leader, request)) {
          if (errorCode === 0 || errorCode === duplicate) acknowledged.set(key, baseOffset)
          else failures.push(errorOf(produce.name, errorCode))
        }
      }
    })
    for (const one of await Promise.allSettled(sending)) if (one.status === 'rejected') failures.push(one.reason)
    const told = failures.map((error) => ({
      passes: passes(error),
      error: toLogError(error, 'appending', 'unavailable'),
    }))
    const final = told.find(({ passes }) => !passes)
    if (final !== undefined) throw final.error
    return { acknowledged, failure: told[0]?.error }
  }

  async #send(leader: Broker, batches: readonly Numbered[]) {
    try {
      const asked = {
        ...this.#producer,
        transactionalId: null,
        timeMs: Date.now(),
        timeoutMs: replicasTimeoutMs,
        batches,
      }
      return answersByPartition(produce.name, batches, (await send(leader, produce, asked)).results)
    } catch (error) {
      // A late answer on that connection must not be taken for the answer to the next try.
      await leader.disconnect()
      throw error
    }
  }

  /** Appends that are still under way fail. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    await this.#brokers.close()
  }
}

interface Numbered extends PartitionBatch {
  readonly firstSequence: number
}

interface Outcome {
  /** The offset of the first record of each batch that is written, by `partitionKey`. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** Why a batch was not written, if any was not. */
  readonly failure: LogError | undefined
}

/** Whether the same may succeed a little later. A broker that has just started may not know all topics yet. */
function passes(error: unknown): boolean {
  const type = errorType(error)
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return true
  return toLogError(error, '', 'unavailable').code === 'unavailable' && !lostTrack.has(type)
}
