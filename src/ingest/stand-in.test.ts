import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, Properties } from '../events/event.ts'
import { RowDecoder } from '../tools/replay/row-decoder.ts'
import { compileDecoder, type DecoderOptions } from './decode.ts'
import { Rejected } from './rejected.ts'
import { isNothing, isStandIn } from './stand-in.ts'

const nobodies = [
  ...['', ' ', ' \u3000', 'null', 'NULL', ' null ', 'undefined', 'nil', 'None', 'NaN', 'false', 'n/a', '(none)'],
  ...['(not set)', '[object Object]', '0', '-', '--', '00000000-0000-0000-0000-000000000000'],
]
const somebodies = [
  'u1',
  'nullah',
  'none of yours',
  '0815',
  '-1',
  '00000000-0000-0000-0000-000000000001',
  'ü',
  'false1',
]

test('a placeholder id is told from one that only looks like it', () => {
  for (const id of nobodies) assert.equal(isStandIn(id), true, JSON.stringify(id))
  for (const id of somebodies) assert.equal(isStandIn(id), false, JSON.stringify(id))
})

const call = { userId: 'u', anonymousId: 'a1', messageId: 'm1', event: 'x', timestamp: 1_740_823_200_000 }

function decode(options: DecoderOptions, bytes: Buffer): Event | Rejected {
  const decoder = compileDecoder(options)
  assert.ok(!(decoder instanceof Rejected))
  return decoder.decode(bytes, 0) as Event | Rejected
}
const inJson = (fields: object) => decode({ format: 'json' }, Buffer.from(JSON.stringify({ ...call, ...fields })))

const schema = JSON.stringify({
  type: 'record',
  name: 'E',
  fields: ['userId', 'anonymousId', 'messageId', 'event', 'timestamp', 'properties', 'traits'].map((name) => ({
    name,
    type: 'string',
  })),
})
function inAvro(fields: Readonly<Record<string, string>>): Event | Rejected {
  const values = { ...call, timestamp: '2025-03-01T10:00:00Z', properties: '', traits: '', ...fields }
  const texts = Object.values(values).map((text) => Buffer.from(text))
  return decode({ format: 'avro', schema }, Buffer.concat(texts.flatMap((text) => [varint(text.length), text])))
}
/** Of lengths below 8,192. */
const varint = (length: number) => Buffer.from(length < 64 ? [length * 2] : [((length * 2) & 127) | 128, length >> 6])

test('instead of a placeholder the anonymous id counts, in JSON, in Avro, with a mapping and in a row of fields', () => {
  const mapping = { customer: ['user', 'mail'], anonymousId: 'visitor', type: 'type', time: 'at' }
  for (const id of nobodies) {
    const outcomes = [
      inJson({ userId: id }),
      inAvro({ userId: id }),
      decode(
        { format: 'json', mapping },
        Buffer.from(JSON.stringify({ user: id, mail: id, visitor: 'a1', type: 'x', at: 1_740_823_200_000 })),
      ),
      decode(
        { format: 'json', mapping },
        Buffer.from(JSON.stringify({ user: id, mail: 'a1', visitor: id, type: 'x', at: 1_740_823_200_000 })),
      ),
    ]
    for (const event of outcomes) assert.equal(event instanceof Event && event.customer, 'a1', JSON.stringify(id))
    const nobody = inJson({ userId: id, anonymousId: id })
    assert.equal(nobody instanceof Event && nobody.customer, '')
    const row = new RowDecoder(mapping, 64_000)
    const fields = new Properties(['user', 'visitor', 'type', 'at'], [id, 'a1', 'x', '2025-03-01'])
    row.begin([{ kind: 'fields', line: 1, fields }])
    const event = row.decode(null, 0)
    assert.equal(event instanceof Event && event.customer, 'a1')
  }
  for (const id of [0, false, [], null]) {
    const event = inJson({ userId: id })
    assert.equal(event instanceof Event && event.customer, 'a1', JSON.stringify(id))
  }
})

test('events whose ids are placeholders are not duplicates of each other', () => {
  for (const id of nobodies) {
    const event = inJson({ messageId: id })
    assert.equal(event instanceof Event && event.id, '', JSON.stringify(id))
  }
})

test('nothing in place of an object is accepted, however it is spelt; anything else there is a fault', () => {
  const nothings = [[], null, false, '', ' ', 'null', 'undefined', '[]', 'None']
  for (const nothing of nothings) {
    assert.equal(isNothing(nothing), true)
    for (const fields of [
      { properties: nothing },
      { traits: nothing },
      { context: nothing },
      { context: { page: nothing, traits: nothing } },
      { properties: nothing, value: nothing, sentAt: nothing },
    ]) {
      const event = inJson(fields)
      assert.ok(event instanceof Event, JSON.stringify(fields))
      assert.deepEqual([event.properties.names, event.traits.names, event.sentAtMs], [[], [], 0])
      assert.ok(Number.isNaN(event.value))
    }
  }
  for (const text of nothings.filter((nothing) => typeof nothing === 'string')) {
    const event = inAvro({ properties: text, traits: text })
    assert.ok(event instanceof Event)
    assert.deepEqual([event.properties.names, event.traits.names], [[], []])
  }
  for (const something of [7, true, 'web', [1], [{}]]) {
    assert.ok(inJson({ properties: something }) instanceof Rejected)
    assert.ok(inJson({ context: something }) instanceof Rejected)
  }
})

test('an empty list is an object without entries also where a schema says what the properties are', () => {
  const typed = JSON.stringify({
    type: 'record',
    name: 'E',
    fields: [
      { name: 'tags', type: { type: 'map', values: 'int' } },
      { name: 'address', type: { type: 'record', name: 'A', fields: [{ name: 'city', type: 'string' }] } },
    ],
  })
  const sent = (properties: object) =>
    decode({ format: 'json', schema: typed }, Buffer.from(JSON.stringify({ ...call, properties })))
  assert.ok(sent({ tags: [], address: [] }) instanceof Event)
  assert.ok(sent({ tags: [1] }) instanceof Rejected)
})
