import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { murmur2, partitionOfKey } from './murmur2.ts'

test('the hash is the same as the Java client’s', () => {
  // From UtilsTest.testMurmur2 of Apache Kafka.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ]
  for (const [key, hash] of known) assert.equal(murmur2(Buffer.from(key)), hash, key)
  assert.equal(murmur2(Buffer.from('abc')), 479470107)
})

test('a key goes to the partition that kafkajs sends it to', () => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 99 }), (bytes, count) => {
      const key = Buffer.from(bytes)
      const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
        partitionErrorCode: 0,
        partitionId,
        leader: 0,
        replicas: [],
        isr: [],
      }))
      assert.equal(
        partitionOfKey(key, count),
        partitioner({ topic: 't', partitionMetadata, message: { key, value: null } }),
      )
    }),
  )
  assert.equal(partitionOfKey('customer-é', 12), partitionOfKey(Buffer.from('customer-é'), 12))
})
