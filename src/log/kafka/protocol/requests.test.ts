import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { addOffsetsToTxn } from './add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './add-partitions-to-txn.ts'
import { endTxn } from './end-txn.ts'
import { findCoordinator } from './find-coordinator.ts'
import { initProducerId } from './init-producer-id.ts'
import { produce } from './produce.ts'
import type { Answered, Request } from './request.ts'
import { txnOffsetCommit } from './txn-offset-commit.ts'

// kafkajs's own requests are the oracle.
const { requests } = createRequire(import.meta.url)('kafkajs/src/protocol/requests')
const Encoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder')

interface Case<Asked, Answer extends Answered> {
  readonly request: Request<Asked, Answer>
  readonly asked: readonly (readonly [ours: Asked, theirs: object])[]
  readonly answers: readonly (readonly [bytes: Buffer, ours: Answer])[]
}

function testRequest<Asked, Answer extends Answered>({ request, asked, answers }: Case<Asked, Answer>): void {
  const { name, version } = request
  // kafkajs has an older name for it.
  const theirs = requests[name === 'FindCoordinator' ? 'GroupCoordinator' : name].protocol({ version })
  describe(`${name} ${version}`, () => {
    test('is byte by byte the request that kafkajs makes', async () => {
      for (const [ours, args] of asked) {
        const { apiKey, apiVersion, encode } = theirs(args).request
        assert.deepEqual([request.api, version], [apiKey, apiVersion])
        assert.deepEqual(request.encode(ours), (await encode()).buffer)
      }
    })
    test('reads the answer, and not one that ends too early', () => {
      for (const [bytes, ours] of answers) {
        assert.deepEqual(request.decode(bytes), ours)
        assert.throws(() => request.decode(bytes.subarray(0, -1)), RangeError)
      }
    })
  })
}

testRequest({
  request: initProducerId,
  asked: [
    [
      { transactionalId: 'g.in.4', transactionTimeoutMs: 15_000 },
      { transactionalId: 'g.in.4', transactionTimeout: 15_000 },
    ],
    [{ transactionalId: null, transactionTimeoutMs: 1 }, { transactionTimeout: 1 }],
  ],
  answers: [
    [
      new Encoder()
        .writeInt32(7)
        .writeInt16(0)
        .writeInt64(2 ** 40 + 1)
        .writeInt16(3).buffer,
      { throttleMs: 7, errorCode: 0, producerId: 2 ** 40 + 1, producerEpoch: 3 },
    ],
  ],
})

const own = { transactionalId: 'g.in.4', producerId: 2 ** 40 + 1, producerEpoch: 3 }
const theirOwn = { ...own, producerId: String(own.producerId) }
const partitions = [
  { topic: 'out', partition: 0 },
  { topic: 'journal', partition: 4 },
  { topic: 'out', partition: 5 },
]
const theirPartitions = [
  { topic: 'out', partitions: [0, 5] },
  { topic: 'journal', partitions: [4] },
]
/** An answer with partitions, in another order than they were asked for. */
const partitionResults = new Encoder()
  .writeInt32(7)
  .writeArray([
    new Encoder().writeString('journal').writeArray([new Encoder().writeInt32(4).writeInt16(51)]),
    new Encoder()
      .writeString('out')
      .writeArray([new Encoder().writeInt32(5).writeInt16(0), new Encoder().writeInt32(0).writeInt16(-1)]),
  ]).buffer
const results = [
  { topic: 'journal', partition: 4, errorCode: 51 },
  { topic: 'out', partition: 5, errorCode: 0 },
  { topic: 'out', partition: 0, errorCode: -1 },
]

testRequest({
  request: addPartitionsToTxn,
  asked: [
    [
      { ...own, partitions },
      { ...theirOwn, topics: theirPartitions },
    ],
  ],
  answers: [[partitionResults, { throttleMs: 7, results }]],
})

testRequest({
  request: addOffsetsToTxn,
  asked: [
    [
      { ...own, groupId: 'gröup' },
      { ...theirOwn, groupId: 'gröup' },
    ],
  ],
  answers: [[new Encoder().writeInt32(0).writeInt16(16).buffer, { throttleMs: 0, errorCode: 16 }]],
})

testRequest({
  request: endTxn,
  asked: [
    [
      { ...own, isCommit: true },
      { ...theirOwn, transactionResult: true },
    ],
    [
      { ...own, isCommit: false },
      { ...theirOwn, transactionResult: false },
    ],
  ],
  answers: [[new Encoder().writeInt32(0).writeInt16(0).buffer, { throttleMs: 0, errorCode: 0 }]],
})

testRequest({
  request: txnOffsetCommit,
  asked: [
    [
      { ...own, groupId: 'g', offsets: [{ topic: 'in', partition: 4, offset: 2 ** 33 + 5, metadata: '{"é":1}' }] },
      {
        ...theirOwn,
        groupId: 'g',
        topics: [{ topic: 'in', partitions: [{ partition: 4, offset: String(2 ** 33 + 5), metadata: '{"é":1}' }] }],
      },
    ],
  ],
  answers: [[partitionResults, { throttleMs: 7, results }]],
})

testRequest({
  request: findCoordinator,
  asked: [
    [
      { of: 'transaction', id: 'g.in.4' },
      { groupId: 'g.in.4', coordinatorType: 1 },
    ],
    [
      { of: 'group', id: 'g' },
      { groupId: 'g', coordinatorType: 0 },
    ],
  ],
  answers: [
    [
      new Encoder().writeInt32(0).writeInt16(0).writeString(null).writeInt32(2).writeString('h').writeInt32(9092)
        .buffer,
      { throttleMs: 0, errorCode: 0, nodeId: 2 },
    ],
    [
      new Encoder().writeInt32(0).writeInt16(15).writeString('no').writeInt32(-1).writeString('').writeInt32(-1).buffer,
      { throttleMs: 0, errorCode: 15, nodeId: -1 },
    ],
  ],
})

const timeMs = 1_790_000_000_000
const records = [
  { topic: '', key: 'ann', value: Buffer.from('one'), headers: { ce_id: 'é1', twice: ['a', 'b'] } },
  { topic: '', key: null, value: null, headers: {} },
]
const messages = records.map((record) => ({ ...record, timestamp: timeMs }))
const produced = { acks: -1, timeout: 9_000, compression: 0 }
const offsets = (errorCode: number, offset: number) =>
  new Encoder().writeInt32(4).writeInt16(errorCode).writeInt64(offset).writeInt64(-1).writeInt64(0)

testRequest({
  request: produce,
  asked: (['g.in.4', null] as const).map((transactionalId) => [
    {
      ...own,
      transactionalId,
      timeMs,
      timeoutMs: 9_000,
      batches: [
        { topic: 'out', partition: 0, firstSequence: 70, records },
        { topic: 'journal', partition: 4, firstSequence: 0, records: records.slice(0, 1) },
        { topic: 'out', partition: 4, firstSequence: 2 ** 31 - 1, records },
      ],
    },
    {
      ...theirOwn,
      ...produced,
      transactionalId,
      topicData: [
        {
          topic: 'out',
          partitions: [
            { partition: 0, firstSequence: 70, messages },
            { partition: 4, firstSequence: 2 ** 31 - 1, messages },
          ],
        },
        { topic: 'journal', partitions: [{ partition: 4, firstSequence: 0, messages: messages.slice(0, 1) }] },
      ],
    },
  ]),
  answers: [
    [
      new Encoder()
        .writeArray([
          new Encoder().writeString('out').writeArray([offsets(0, 2 ** 33)]),
          new Encoder().writeString('journal').writeArray([offsets(6, -1)]),
        ])
        .writeInt32(7).buffer,
      {
        throttleMs: 7,
        results: [
          { topic: 'out', partition: 4, errorCode: 0, baseOffset: 2 ** 33 },
          { topic: 'journal', partition: 4, errorCode: 6, baseOffset: -1 },
        ],
      },
    ],
  ],
})
