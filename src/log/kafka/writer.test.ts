import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs, { type Kafka } from 'kafkajs'
import { openKafkaWriter } from './writer.ts'

const { KafkaJSProtocolError, KafkaJSNumberOfRetriesExceeded, KafkaJSConnectionError } = kafkajs

function protocolError(type: string, retriable = false) {
  return new KafkaJSProtocolError({ type, code: 0, retriable, message: type } as never)
}

type Step = 'transaction' | 'sendOffsets' | 'sendBatch' | 'commit'

/** A client whose calls are noted, and fail with the errors given for them, one after the other. */
function fakeClient(failures: Partial<Record<Step, unknown[]>>) {
  const calls: string[] = []
  const step = async (name: Step) => {
    calls.push(name)
    const failure = failures[name]?.shift()
    if (failure !== undefined) throw failure
  }
  const transaction = {
    sendOffsets: () => step('sendOffsets'),
    sendBatch: async () => {
      await step('sendBatch')
      return []
    },
    commit: () => step('commit'),
  }
  const producer = {
    connect: async () => undefined,
    disconnect: async () => void calls.push('disconnect'),
    transaction: async () => {
      await step('transaction')
      return transaction
    },
  }
  return { calls, kafka: { producer: () => producer } as unknown as Kafka }
}

const slice = {
  records: [{ topic: 'out', key: 'k', value: Buffer.from('v'), headers: {} }],
  groupId: 'g',
  topic: 'in',
  partition: 0,
  nextOffset: 5,
  metadata: '',
}
const lostConnection = () => new KafkaJSConnectionError('Closed connection')

describe('a commit that fails', () => {
  const cases: { name: string; failures: Partial<Record<Step, unknown[]>>; code: string }[] = [
    {
      name: 'before it is asked for, by a lost connection: it did not happen',
      failures: { sendBatch: [lostConnection()] },
      code: 'aborted',
    },
    {
      name: 'after it was asked for, by a lost connection: it may have happened',
      failures: { commit: [lostConnection()] },
      code: 'unknown_outcome',
    },
    {
      name: 'by an error of the coordinator after it was asked for: it may have happened',
      failures: { commit: [protocolError('NOT_COORDINATOR_FOR_GROUP', true)] },
      code: 'unknown_outcome',
    },
    {
      name: 'since another owner has the id',
      failures: { commit: [protocolError('INVALID_PRODUCER_EPOCH')] },
      code: 'fenced',
    },
    {
      name: 'since another owner has the id, as kafkajs says after its retries',
      failures: {
        sendBatch: [
          new KafkaJSNumberOfRetriesExceeded(protocolError('INVALID_PRODUCER_EPOCH'), { retryCount: 8, retryTime: 1 }),
        ],
      },
      code: 'fenced',
    },
    {
      name: 'for rights',
      failures: { sendBatch: [protocolError('TOPIC_AUTHORIZATION_FAILED')] },
      code: 'refused',
    },
    { name: 'for size', failures: { sendBatch: [protocolError('MESSAGE_TOO_LARGE')] }, code: 'too_large' },
    {
      name: 'for the topic',
      failures: { sendBatch: [protocolError('UNKNOWN_TOPIC_OR_PARTITION')] },
      code: 'unknown_topic',
    },
  ]
  for (const { name, failures, code } of cases) {
    test(name, async () => {
      const { kafka, calls } = fakeClient(failures)
      const writer = await openKafkaWriter(kafka, 'id')
      await assert.rejects(writer.commit(slice), { name: 'LogError', code })
      const made = calls.length
      await assert.rejects(writer.commit(slice), { code: 'aborted' })
      assert.equal(calls.length, made, 'a dead writer sends nothing more')
    })
  }
})

test('a coordinator that is busy is asked again within the same transaction', async () => {
  const busy = [
    'CONCURRENT_TRANSACTIONS',
    'GROUP_LOAD_IN_PROGRESS',
    'GROUP_COORDINATOR_NOT_AVAILABLE',
    'NOT_COORDINATOR_FOR_GROUP',
  ]
  const { kafka, calls } = fakeClient({ sendOffsets: busy.map((type) => protocolError(type)) })
  const writer = await openKafkaWriter(kafka, 'id')
  await writer.commit(slice)
  await writer.commit({ ...slice, records: [] })
  assert.deepEqual(calls, [
    'transaction',
    ...Array.from({ length: 5 }, () => 'sendOffsets'),
    'sendBatch',
    'commit',
    'transaction',
    'sendOffsets',
    'commit',
  ])
})

test('a writer that can’t be opened lets go of its connection', async () => {
  const { kafka, calls } = fakeClient({ transaction: [lostConnection()] })
  await assert.rejects(openKafkaWriter(kafka, 'id'), { code: 'unavailable', retriable: true })
  assert.deepEqual(calls, ['transaction', 'disconnect'])
})
