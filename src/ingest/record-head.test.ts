import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import { Event } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { compileDecoder, type DecoderOptions } from './decode.ts'
import { compileIngest } from './ingest.ts'
import type { FieldMapping } from './mapping.ts'
import { Rejected } from './rejected.ts'

const atMs = Date.UTC(2026, 2, 1)

interface Sent {
  readonly value: object
  readonly key?: Buffer | string | null
  readonly timestampMs?: number
}

/** What the first stage makes of records that come one after the other, in JSON and in Avro, selectively and as a whole. */
function everyWay(mapping: FieldMapping, sent: readonly Sent[]): unknown[] {
  const fields = ['what', 'uid', 'at'].map((name) => ({ name, type: ['null', 'string'], default: null }))
  const schema = { type: 'record', name: 'R', fields } as const
  const type = avro.Type.forSchema(schema as unknown as avro.Schema, { wrapUnions: false })
  const whole: FieldMapping = { ...mapping, title: { evaluate: () => 'x' } }
  const avroOptions = { format: 'avro', schema: JSON.stringify(schema) } as const
  const ways: readonly (readonly [options: DecoderOptions, encode: (value: object) => Buffer])[] = [
    [{ format: 'json', mapping }, (value) => Buffer.from(JSON.stringify(value))],
    [{ ...avroOptions, mapping }, (value) => type.toBuffer(value)],
    [{ ...avroOptions, mapping: whole }, (value) => type.toBuffer(value)],
  ]
  const [first, ...others] = ways.map(([options, encode]) => {
    const decoder = compileDecoder(options)
    assert.ok(!(decoder instanceof Rejected), (decoder as Rejected).detail)
    const topics = new Map([['t', { decoder, keyIsCustomer: false, tombstones: 'skip' as const }]])
    const ingest = compileIngest({ topics, correctClockSkew: true, futureMs: 0, refusesNegativeQuantity: false })
    const batch: Partial<RecordBatch> = {
      topic: 't',
      partition: 0,
      offset: (i) => i,
      timestamp: (i) => sent[i]!.timestampMs ?? -1,
      key: (i) => (sent[i]!.key == null ? null : Buffer.from(sent[i]!.key!)),
      value: (i) => encode(sent[i]!.value),
    }
    return sent.map((_, i) => {
      const outcome = ingest(batch as RecordBatch, i, atMs + 10)
      if (outcome instanceof Event) return [outcome.customer, outcome.type, outcome.timeMs]
      assert.ok(outcome instanceof Rejected)
      return `${outcome.reason}: ${outcome.detail}`
    })
  })
  for (const other of others) assert.deepEqual(other, first)
  return first!
}

test('the customer comes from the key of each record, and the time from its timestamp', () => {
  const mapping: FieldMapping = { customer: '$key', type: 'what', time: '$timestamp' }
  const value = { what: 'view' }
  const framed = Buffer.from([0, 0, 0, 0, 7, 2, 97])
  assert.deepEqual(
    everyWay(mapping, [
      { value, key: 'ann', timestampMs: atMs },
      { value, key: 'zoë', timestampMs: atMs + 1 },
      { value, key: null, timestampMs: atMs },
      { value, key: '', timestampMs: atMs },
      { value, key: 'null', timestampMs: atMs },
      { value, key: Buffer.from([0xff, 0xfe]), timestampMs: atMs },
      { value, key: framed, timestampMs: atMs },
      { value, key: 'k'.repeat(300), timestampMs: atMs },
      { value, key: 'bob', timestampMs: -1 },
      { value, key: 'bob', timestampMs: atMs + 11 },
      { value, key: 'bob', timestampMs: atMs },
    ]),
    [
      ['ann', 'view', atMs],
      ['zoë', 'view', atMs + 1],
      ...Array<string>(3).fill(
        'no_user: neither a customer nor an anonymous id that stands for someone: customer, from $key',
      ),
      ...Array<string>(2).fill("utf8: the record's key is not text: customer, from $key"),
      'id_length: an id is longer than the limit: customer, from $key',
      'bad_time: there is no event time that can be read and lies between 2000 and 2100: time, from $timestamp',
      'future: the event time is ahead of the clock: time, from $timestamp',
      ['bob', 'view', atMs],
    ],
  )
})

test('key and timestamp work in a list of paths, where the unit is for the other paths', () => {
  const seconds = { from: ['at', '$timestamp'], unit: 's' } as const
  const mapping: FieldMapping = { customer: ['uid', '$key'], type: ['$key', 'what'], time: seconds }
  const broken = Buffer.from([0xff])
  assert.deepEqual(
    everyWay(mapping, [
      { value: { uid: 'u', what: 'view', at: String(atMs / 1000) }, key: 'k', timestampMs: atMs + 5 },
      { value: { what: 'view' }, key: 'k', timestampMs: atMs + 5 },
      { value: { uid: 'u', what: 'view' }, key: null, timestampMs: atMs + 5 },
      { value: { uid: 'u', what: 'view' }, key: broken, timestampMs: atMs + 5 },
    ]),
    [
      ['u', 'k', atMs],
      ['k', 'k', atMs + 5],
      ['u', 'view', atMs + 5],
      "utf8: the record's key is not text: type, from $key",
    ],
  )
  // Where the path before it says who it is, the key is not looked at.
  const first: FieldMapping = { customer: ['uid', '$key'], type: 'what', time: '$timestamp' }
  assert.deepEqual(everyWay(first, [{ value: { uid: 'u', what: 'v' }, key: broken, timestampMs: atMs }]), [
    ['u', 'v', atMs],
  ])
})

test('rows of a file have neither, so there they are plain fields', () => {
  const time = { from: '$timestamp', unit: 's' } as const
  const mapping: FieldMapping = { customer: '$key', type: 'what', time }
  const decoder = compileDecoder({ format: 'json', mapping, isOfFile: true })
  assert.ok(!(decoder instanceof Rejected) && decoder.head === undefined)
  for (const timestamp of [atMs, String(atMs), new Date(atMs).toISOString()]) {
    const event = decoder.decode(Buffer.from(JSON.stringify({ $key: 'ann', $timestamp: timestamp, what: 'view' })), 0)
    assert.ok(event instanceof Event)
    assert.deepEqual([event.customer, event.type, event.timeMs], ['ann', 'view', atMs])
    assert.deepEqual(event.properties.names, [])
  }
})

test('a mapping that uses neither asks for nothing', () => {
  const decoder = compileDecoder({ format: 'json', mapping: { customer: 'uid', type: 'what', time: 'at' } })
  assert.ok(!(decoder instanceof Rejected) && decoder.head === undefined)
})
