import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordBatch, RecordHeader } from '../events/log.ts'
import { rejected } from '../ingest/rejected.ts'
import { deadLetter, maxValueBytes } from './dead-letter.ts'

const why = rejected('truncated', 'the value ends early')

function letterOf(headers: RecordHeader[], value: Buffer | null = Buffer.from('v')) {
  const batch: RecordBatch = {
    topic: 't',
    partition: 1,
    startOffset: 7,
    count: 1,
    nextOffset: 8,
    highWatermark: 8,
    offset: () => 7,
    timestamp: () => 0,
    key: () => Buffer.from('k'),
    value: () => value,
    headers: () => headers,
  }
  return deadLetter('dead', batch, 0, why, 5)
}

test("it keeps the record's headers, whatever their names, and repeated ones", () => {
  const names = ['__proto__', 'constructor', 'toString', 'twice', 'twice']
  const { headers } = letterOf(names.map((name, i) => ({ name, value: Buffer.from(String(i)) })))
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('beckon.errors.'))
  assert.deepEqual(own, [
    ['__proto__', Buffer.from('0')],
    ['constructor', Buffer.from('1')],
    ['toString', Buffer.from('2')],
    ['twice', [Buffer.from('3'), Buffer.from('4')]],
  ])
})

test('earlier reasons are replaced, a null header is empty, and headers are bounded', () => {
  const { headers } = letterOf([
    { name: 'beckon.errors.reason', value: Buffer.from('json') },
    { name: 'none', value: null },
    { name: 'large', value: Buffer.alloc(900_000) },
  ])
  assert.equal(headers['beckon.errors.reason'], 'truncated')
  assert.deepEqual(headers['none'], Buffer.alloc(0))
  assert.equal(headers['large'], undefined)
})

test('a large value is cut and says how long it was, a tombstone stays one', () => {
  const large = letterOf([], Buffer.alloc(maxValueBytes + 1))
  assert.equal(large.value?.length, maxValueBytes)
  assert.equal(large.headers['beckon.errors.value_bytes'], String(maxValueBytes + 1))
  assert.equal(letterOf([], null).value, null)
})
