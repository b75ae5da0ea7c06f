import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordBatch, RecordHeader } from '../events/log.ts'
import { recordBytes } from '../events/record-bytes.ts'
import { rejected } from '../ingest/rejected.ts'
import { deadLetter, headOnly, whole } from './dead-letter.ts'

const why = rejected('truncated', 'the value ends early')

function letterOf(
  headers: RecordHeader[],
  value: Buffer | null = Buffer.from('v'),
  key = Buffer.from('k'),
  keeps = whole,
) {
  const batch: RecordBatch = {
    topic: 't',
    partition: 1,
    startOffset: 7,
    count: 1,
    nextOffset: 8,
    highWatermark: 8,
    offset: () => 7,
    timestamp: () => 0,
    key: () => key,
    value: () => value,
    headers: () => headers,
  }
  return deadLetter('dead', batch, 0, why, 5, keeps)
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
  assert.equal(headers['beckon.errors.header_bytes'], String(900_013 + 12), 'with their names')
  const many = Array.from({ length: 100_000 }, () => ({ name: 'x', value: null }))
  const letter = letterOf(many)
  assert.equal(letter.headers['beckon.errors.header_bytes'], '900000')
  assert(recordBytes(letter) < 30_000, 'headers without a value are bounded too')
})

test('a large key is cut and says how long it was', () => {
  const { key, headers } = letterOf([], null, Buffer.alloc(2_000_000))
  assert.equal(key?.length, whole.key)
  assert.equal(headers['beckon.errors.key_bytes'], '2000000')
})

test('if little is kept, it is the beginning of the value, the key, and the place', () => {
  const headers = [{ name: 'trace', value: Buffer.from('t') }]
  const letter = letterOf(headers, Buffer.alloc(1_000, 'v'), Buffer.from('ann'), headOnly)
  assert.deepEqual([String(letter.key), String(letter.value)], ['ann', 'v'.repeat(headOnly.value)])
  const { 'beckon.errors.value_bytes': value, 'beckon.errors.header_bytes': cut, trace } = letter.headers
  assert.deepEqual([value, cut, trace], ['1000', '14', undefined])
  assert.equal(letter.headers['beckon.errors.offset'], '7')
})

test('a large value is cut and says how long it was, a tombstone stays one', () => {
  const large = letterOf([], Buffer.alloc(whole.value + 1))
  assert.equal(large.value?.length, whole.value)
  assert.equal(large.headers['beckon.errors.value_bytes'], String(whole.value + 1))
  assert.equal(letterOf([], null).value, null)
})
