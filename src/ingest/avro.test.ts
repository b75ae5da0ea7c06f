import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { Event, Properties, type Value } from '../events/event.ts'
import { compileDecoder, type Decoder } from './decode.ts'
import type { FieldMapping } from './mapping.ts'
import { Rejected } from './rejected.ts'

/** A field's schema, a value as avsc takes it, and the same as beckon gives it. */
interface Sample {
  readonly schema: unknown
  readonly sent: unknown
  readonly read: unknown
}

let typeNumber = 0
const typeName = (): string => `T${typeNumber++}`
const text = fc.string({ unit: 'binary' }).map((sent) => sent.replace(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, ''))
const sample = (schema: unknown, values: fc.Arbitrary<unknown>): fc.Arbitrary<Sample> =>
  values.map((sent) => ({ schema, sent, read: sent }))
const finite = { noNaN: true, noDefaultInfinity: true }

const scalar: fc.Arbitrary<Sample> = fc.oneof(
  sample('boolean', fc.boolean()),
  sample('int', fc.integer()),
  // avsc's writer rounds beyond 2^52; the larger ones have a test of their own.
  sample('long', fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
  sample(
    'float',
    fc.float(finite).map((x) => x + 0),
  ),
  sample(
    'double',
    fc.double(finite).map((x) => x + 0),
  ),
  sample('string', text),
  fc.uint8Array().map((bytes) => ({
    schema: 'bytes',
    sent: Buffer.from(bytes),
    read: Buffer.from(bytes).toString('base64'),
  })),
  fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => ({
    schema: { type: 'fixed', name: typeName(), size: 6 },
    sent: Buffer.from(bytes),
    read: Buffer.from(bytes).toString('base64'),
  })),
  fc.constantFrom('A', 'B', 'C').map((symbol) => ({
    schema: { type: 'enum', name: typeName(), symbols: ['A', 'B', 'C'] },
    sent: symbol,
    read: symbol,
  })),
)

const { any } = fc.letrec<{ any: Sample }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    // Items of one schema: several values are drawn by repeating one.
    fc.tuple(tie('any'), fc.integer({ min: 0, max: 3 })).map(([item, count]) => ({
      schema: { type: 'array', items: item.schema },
      sent: Array(count).fill(item.sent),
      read: Array(count).fill(item.read),
    })),
    fc.tuple(tie('any'), fc.uniqueArray(text, { maxLength: 3 })).map(([value, names]) => ({
      schema: { type: 'map', values: value.schema },
      sent: Object.fromEntries(names.map((name) => [name, value.sent])),
      read: Object.fromEntries(names.map((name) => [name, value.read])),
    })),
    fc.array(tie('any'), { maxLength: 4 }).map((fields) => ({
      schema: {
        type: 'record',
        name: typeName(),
        fields: fields.map(({ schema }, i) => ({ name: `f${i}`, type: schema })),
      },
      sent: Object.fromEntries(fields.map(({ sent }, i) => [`f${i}`, sent])),
      read: Object.fromEntries(fields.map(({ read }, i) => [`f${i}`, read])),
    })),
    fc.tuple(scalar, fc.boolean()).map(([{ schema, sent, read }, isNull]) => ({
      schema: ['null', schema],
      sent: isNull ? null : sent,
      read: isNull ? null : read,
    })),
  ),
}))

const head = [
  { name: 'user', type: 'string' },
  { name: 'kind', type: 'string' },
  { name: 'at', type: 'long' },
]
const mapping: FieldMapping = { customer: 'user', type: 'kind', time: 'at' }
const schemaOf = (fields: readonly unknown[]) => ({ type: 'record', name: 'Root', fields: [...head, ...fields] })
const sentHead = { user: 'u1', kind: 'view', at: 1_700_000_000_000 }

function decoderOf(schema: unknown, over: FieldMapping = mapping): Decoder {
  const decoder = compileDecoder({ format: 'avro', schema: JSON.stringify(schema), mapping: over })
  assert.ok(!(decoder instanceof Rejected), (decoder as Rejected).detail)
  return decoder
}

function encode(schema: unknown, value: object): Buffer {
  return avro.Type.forSchema(schema as avro.Schema, { wrapUnions: false }).toBuffer({ ...sentHead, ...value })
}

function decoded(decoder: Decoder, bytes: Buffer): Event {
  const event = decoder.decode(bytes, 0)
  assert.ok(event instanceof Event, JSON.stringify(event))
  return event
}

/** The same with prototypes, for comparison. */
const plain = (value: unknown): unknown => structuredClone(value)

test('reads what avsc writes, whatever the schema: selectively, whole, and when it skips', () => {
  fc.assert(
    fc.property(fc.array(any, { maxLength: 6 }), (samples) => {
      const schema = schemaOf(samples.map((field, i) => ({ name: `p${i}`, type: field.schema })))
      const bytes = encode(schema, Object.fromEntries(samples.map(({ sent }, i) => [`p${i}`, sent])))
      const expected = samples.flatMap(({ read }, i) => (read === null ? [] : [[`p${i}`, read]]))

      const event = decoded(decoderOf(schema), bytes)
      const { names, values } = event.properties
      assert.deepEqual(plain(names.map((name, i) => [name, values[i]])), plain(expected))
      assert.deepEqual([event.customer, event.type, event.timeMs], ['u1', 'view', sentHead.at])

      const whole = { ...mapping, channel: { evaluate: (record: Properties) => record.get('kind') } }
      const fromWhole = decoded(decoderOf(schema, whole), bytes)
      assert.deepEqual(fromWhole, Object.assign(event, { channel: 'view' }))

      const skipped = decoded(decoderOf(schema, { ...mapping, keep: [] }), bytes)
      assert.equal(skipped.properties, Properties.empty)
    }),
    { numRuns: 300 },
  )
})

test('logical types become what they mean', () => {
  const logical = (type: object) => type
  const schema = schemaOf([
    { name: 'day', type: logical({ type: 'int', logicalType: 'date' }) },
    { name: 'micros', type: logical({ type: 'long', logicalType: 'timestamp-micros' }) },
    { name: 'small', type: logical({ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }) },
    {
      name: 'large',
      type: logical({ type: 'fixed', size: 12, name: 'D', logicalType: 'decimal', precision: 28, scale: 4 }),
    },
  ])
  const large = Buffer.alloc(12, 0xff)
  large.writeInt32BE(-123_4567, 8)
  const sent = { day: 20_000, micros: 1_700_000_000_123_456, small: Buffer.from([0xfb, 0x2e]), large }
  const { properties } = decoded(decoderOf(schema), encode(schema, sent))
  assert.deepEqual(properties.values, [20_000 * 86_400_000, 1_700_000_000_123, -12.34, -123.4567])
})

test('a long that is an id keeps all of its digits, and elsewhere such a long is refused', () => {
  const fields = [{ name: 'account', type: 'long' }]
  const schema = schemaOf(fields)
  const edges = [1n, -1n, 2n ** 53n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]
  for (const account of edges) {
    const bytes = Buffer.concat([encode(schemaOf([]), {}), zigzag(account)])
    for (const over of [{}, { channel: { evaluate: () => 'x' } }]) {
      const event = decoded(decoderOf(schema, { ...mapping, customer: 'account', ...over }), bytes)
      assert.equal(event.customer, String(account))
    }
    const other = decoderOf(schema).decode(bytes, 0)
    if (account >= -(2n ** 53n) && account < 2n ** 53n) assert.ok(other instanceof Event)
    else assert.ok(other instanceof Rejected && other.reason === 'precision')
  }
})

function zigzag(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

test('a name that is special in JavaScript is data', () => {
  const schema = schemaOf([
    { name: 'toString', type: 'string' },
    { name: 'inner', type: { type: 'map', values: { type: 'map', values: 'string' } } },
    { name: 'extra', type: { type: 'map', values: 'string' } },
  ])
  const hostile = JSON.parse('{"__proto__": {"isAdmin": "yes"}}')
  const extra = JSON.parse('{"__proto__": "x", "constructor": "y"}')
  const { properties } = decoded(
    decoderOf(schema, { ...mapping, properties: ['extra'] }),
    encode(schema, { toString: 'text', inner: hostile, extra }),
  )
  const inner = properties.get('inner') as Record<string, Value>
  assert.equal((inner as { isAdmin?: unknown }).isAdmin, undefined)
  assert.deepEqual(Object.keys(inner), ['__proto__'])
  assert.deepEqual(properties.names, ['toString', 'inner', '__proto__', 'constructor'])
  assert.equal(properties.get('__proto__'), 'x')
  assert.equal(({} as { isAdmin?: unknown }).isAdmin, undefined)
})

test('a schema’s name that is special in JavaScript is data', () => {
  const text = (name: string) => ({ name, type: 'string' })
  const kind = { type: 'enum', name: 'Kind', symbols: ['__proto__', 'constructor'] }
  const inner = {
    type: 'record',
    name: 'constructor',
    fields: [text('__proto__'), text('isAdmin'), { name: 'kind', type: kind }],
  }
  const schema = schemaOf([text('toString'), text('__proto__'), { name: 'constructor', type: inner }])
  const bytes = Buffer.concat([
    encode(schemaOf([]), {}),
    ...['\x02a', '\x02b', '\x02c', '\x02d', '\x02'].map(Buffer.from),
  ])
  const of = (over: FieldMapping) => decoded(decoderOf(schema, { ...mapping, ...over }), bytes)
  const selective = of({})
  assert.deepEqual(selective.properties.names, ['toString', '__proto__', 'constructor'])
  for (const { properties } of [selective, of({ url: { evaluate: () => '' } })]) {
    assert.equal(properties.get('__proto__'), 'b')
    const value = properties.get('constructor') as Record<string, Value>
    assert.equal(Object.getPrototypeOf(value), null)
    assert.deepEqual(Object.entries(value), [
      ['__proto__', 'c'],
      ['isAdmin', 'd'],
      ['kind', 'constructor'],
    ])
  }
  assert.equal(of({ url: 'constructor.__proto__' }).url, 'c')
})

test('a field’s own name goes before another field’s alias, wherever the two are', () => {
  const old = { name: 'legacyId', aliases: ['user', 'kind'], type: 'string' }
  const older = { name: 'oldestId', aliases: ['place'], type: 'string' }
  const oldest = { name: 'firstId', aliases: ['place'], type: 'string' }
  for (const fields of [
    [old, ...head, older, oldest],
    [...head, older, old, oldest],
  ]) {
    const schema = { type: 'record', name: 'E', fields }
    const values = { legacyId: 'OLD', oldestId: 'x', firstId: 'y' }
    for (const whole of [false, true]) {
      const over: FieldMapping = { url: 'place', ...(whole ? { title: { evaluate: () => '' } } : {}) }
      const event = decoded(decoderOf(schema, { ...mapping, ...over }), encode(schema, values))
      assert.deepEqual([event.customer, event.type, event.url], ['u1', 'view', 'x'])
      assert.deepEqual([event.properties.get('legacyId'), event.properties.get('firstId')], ['OLD', 'y'])
    }
  }
})

test('a schema without the customer, the type or the time can not serve the mapping', () => {
  const unresolvable = (fields: readonly unknown[], over: FieldMapping = mapping) => {
    const schema = JSON.stringify({ type: 'record', name: 'Root', fields })
    const decoder = compileDecoder({ format: 'avro', schema, mapping: over })
    return decoder instanceof Rejected && decoder.reason === 'unresolvable'
  }
  for (let without = 0; without < head.length; without++) assert.ok(unresolvable(head.filter((_, i) => i !== without)))
  assert.ok(!unresolvable(head))
  assert.ok(!unresolvable(head.slice(0, 2), { ...mapping, time: { evaluate: () => 0 } }))
  assert.ok(!unresolvable(head.slice(0, 2).concat({ name: 'when', type: 'long', aliases: ['at'] } as never)))
  assert.ok(unresolvable([...head.slice(0, 2), { name: 'at', type: 'boolean' }]))
  assert.ok(unresolvable(head, { ...mapping, url: 'kind.page' }))
})
