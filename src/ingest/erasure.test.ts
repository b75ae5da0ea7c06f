import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordBatch } from '../events/log.ts'
import { compileDecoder } from './decode.ts'
import { Erasure, erasureOf } from './erasure.ts'
import { compileIngest } from './ingest.ts'
import { Rejected } from './rejected.ts'

test('a key names the customer to erase, under the same rules as an event’s customer', () => {
  const cases: readonly (readonly [key: Buffer | string | null, expected: string])[] = [
    ['c-1', 'c-1'],
    ['名', '名'],
    [null, 'no_user'],
    ['', 'no_user'],
    ['null', 'no_user'],
    ['x'.repeat(256), 'x'.repeat(256)],
    ['x'.repeat(257), 'id_length'],
    [Buffer.from([0x75, 0xff]), 'utf8'],
    ['a\u0000b', 'utf8'],
  ]
  for (const [key, expected] of cases) {
    const found = erasureOf(key === null ? null : Buffer.from(key))
    assert.equal(found instanceof Rejected ? found.reason : found.customer, expected)
  }
  assert.deepEqual(erasureOf(Buffer.from('--c-1--'), 2, 5), new Erasure('c-1'))
})

test('a record without a value is skipped, a dead letter, or an erasure, as its topic says', () => {
  const decoder = compileDecoder({ format: 'json' })
  assert.ok(!(decoder instanceof Rejected))
  const topics = new Map(
    (['skip', 'dead_letter', 'erase'] as const).map((tombstones) => [
      tombstones as string,
      { decoder, keyIsCustomer: true, tombstones },
    ]),
  )
  const decode = compileIngest({ topics, correctClockSkew: false, futureMs: 0, refusesNegativeQuantity: false })
  const of = (topic: string, value: string | null) => {
    const batch = { topic, partition: 0, key: () => Buffer.from('c-1'), value: () => value && Buffer.from(value) }
    return decode({ ...batch, offset: () => 0 } as unknown as RecordBatch, 0, 0)
  }
  assert.equal(of('skip', null), undefined)
  assert.equal((of('dead_letter', null) as Rejected).reason, 'tombstone')
  assert.deepEqual(of('erase', null), new Erasure('c-1'))
  assert.equal((of('erase', '') as Rejected).reason, 'json', 'an empty value is a fault of the producer')
})
