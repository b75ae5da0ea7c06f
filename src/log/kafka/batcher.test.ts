import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { OutRecord } from '../../events/log.ts'
import { partitionKey } from '../log.ts'
import { partitionOfKey } from '../murmur2.ts'
import { Batcher, byLeader, requestsOf } from './batcher.ts'

const record = fc
  .record({
    topic: fc.constantFrom('a', 'b'),
    partition: fc.option(fc.nat({ max: 6 }), { nil: undefined }),
    key: fc.option(fc.string({ maxLength: 8 })),
    size: fc.nat({ max: 900_000 }),
  })
  .map(({ topic, partition, key, size }): OutRecord => {
    const fields = { topic, key, value: Buffer.alloc(size), headers: {} }
    return partition === undefined ? fields : { ...fields, partition }
  })

test('whatever the records, each is in one batch of its partition, in order, and each batch is in one request', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), (records) => {
      const batches = new Batcher().split(records, () => 7)
      const wanted = new Map<string, OutRecord[]>()
      let keyless = 0
      for (const one of records) {
        const partition = one.partition ?? (one.key === null ? keyless++ % 7 : partitionOfKey(one.key, 7))
        const at = partitionKey({ topic: one.topic, partition })
        wanted.set(at, [...(wanted.get(at) ?? []), one])
      }
      const sent = new Map<string, OutRecord[]>()
      for (const [nodeId, own] of byLeader(batches, ({ partition }) => partition % 3)) {
        for (const request of requestsOf(own)) {
          assert.equal(new Set(request.map(partitionKey)).size, request.length, 'one batch of a partition in a request')
          assert.ok(request.length === 1 || request.reduce((sum, { bytes }) => sum + bytes, 0) <= 4_000_000)
          for (const batch of request) {
            assert.equal(batch.partition % 3, nodeId)
            assert.ok(batch.bytes <= 1_000_000)
            sent.set(partitionKey(batch), [...(sent.get(partitionKey(batch)) ?? []), ...batch.records])
          }
        }
      }
      assert.deepEqual(sent, wanted)
    }),
  )
})
