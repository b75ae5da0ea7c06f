import type { Kafka } from 'kafkajs'
import type { BrokerClock } from '../broker-clock.ts'
import { LogError } from '../log.ts'
import { Brokers } from './brokers.ts'
import { toLogError } from './errors.ts'
import { addOffsetsToTxn } from './protocol/add-offsets-to-txn.ts'
import { describeTransactions } from './protocol/describe-transactions.ts'
import { endTxn } from './protocol/end-txn.ts'
import { BrokerError, throwIfError } from './protocol/errors.ts'
import type { FindCoordinatorAsked } from './protocol/find-coordinator.ts'
import { initProducerId } from './protocol/init-producer-id.ts'

/** Long enough for three requests; after that the coordinator ends the transaction. */
const transactionTimeoutMs = 10_000
/** Processes that ask at the same time abort each other's transactions. */
const attempts = 10
const aborted: ReadonlySet<string> = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_TXN_STATE'])

/**
 * Sets the clock by the brokers': begins an empty transaction, asks its coordinator when it began, and aborts it. No other
 * Kafka request tells a broker's time, unless topics are set up for that.
 * @param topics as `Brokers.connect`
 * @throws LogError
 */
export async function askBrokerTime(
  kafka: Kafka,
  groupId: string,
  topics: Iterable<string>,
  clock: BrokerClock,
): Promise<void> {
  const transactionalId = `${groupId}.clock`
  let brokers: Brokers | undefined
  try {
    brokers = await Brokers.connect(kafka, topics)
    for (let left = attempts; ; left--) {
      try {
        return await askOnce(brokers, transactionalId, groupId, clock)
      } catch (error) {
        if (!(error instanceof BrokerError) || !aborted.has(error.type) || left === 1) throw error
      }
    }
  } catch (error) {
    throw toLogError(error, "asking for the brokers' time", 'unavailable')
  } finally {
    await brokers?.close()
  }
}

async function askOnce(brokers: Brokers, transactionalId: string, groupId: string, clock: BrokerClock): Promise<void> {
  const coordinator: FindCoordinatorAsked = { of: 'transaction', id: transactionalId }
  const { producerId, producerEpoch } = await brokers.untilReady(async () => {
    const answer = await brokers.sendToCoordinator(coordinator, initProducerId, {
      transactionalId,
      transactionTimeoutMs,
    })
    throwIfError(initProducerId.name, answer.errorCode)
    return answer
  })
  const own = { transactionalId, producerId, producerEpoch }
  const tell = await brokers.untilReady(async () => {
    const asked = clock.ask()
    const answer = await brokers.sendToCoordinator(coordinator, addOffsetsToTxn, { ...own, groupId })
    throwIfError(addOffsetsToTxn.name, answer.errorCode)
    return asked()
  })
  const { errorCode, startMs } = await brokers.sendToCoordinator(coordinator, describeTransactions, transactionalId)
  throwIfError(describeTransactions.name, errorCode)
  if (startMs < 0) throw new LogError('unavailable', 'the transaction was ended meanwhile')
  tell(startMs)
  // The time is known by now. If this fails, the coordinator ends the transaction by itself.
  await brokers.sendToCoordinator(coordinator, endTxn, { ...own, isCommit: false }).catch(() => undefined)
}
