import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { initProducerId } from './init-producer-id.ts'
import type { Answered, Request } from './request.ts'

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
  const theirs = requests[name].protocol({ version })
  describe(`${name} ${version}`, () => {
    test('is, byte by byte, the request that kafkajs makes', async () => {
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
