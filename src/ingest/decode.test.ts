import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import avro from 'avsc'
import { Event, type Value } from '../events/event.ts'
import { compileDecoder, type Decoder, type DecoderOptions, tombstone, UnknownSchema } from './decode.ts'
import type { FieldMapping } from './mapping.ts'
import { type Reason, Rejected, reasons, rejected } from './rejected.ts'
import { validateShape } from './validate.ts'

const eventSchema = readFileSync(new URL('../../../schemas/event.avsc', import.meta.url), 'utf8')

function decoderOf(options: DecoderOptions): Decoder {
  const decoder = compileDecoder(options)
  assert.ok(!(decoder instanceof Rejected), (decoder as Rejected).detail)
  return decoder
}

function decoded(decoder: Decoder, bytes: Buffer): Event {
  const event = decoder.decode(bytes, 0)
  assert.ok(event instanceof Event, JSON.stringify(event))
  return event
}

function refused(decoder: Decoder, bytes: Buffer | null, reason: Reason, name: string = reason): Rejected {
  const rejection = decoder.decode(bytes, 0)
  assert.ok(rejection instanceof Rejected, name)
  assert.equal(rejection.reason, reason, name)
  return rejection
}

/** What of an event is not empty, with its properties as an object. */
function contents(event: Event): Record<string, unknown> {
  const object = (names: readonly string[], values: readonly Value[]) =>
    Object.fromEntries(names.map((name, i) => [name, structuredClone(values[i])]))
  const { properties, traits, ...fields } = event
  return {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== 0)),
    properties: object(properties.names, properties.values),
    traits: object(traits.names, traits.values),
  }
}

const atMs = Date.parse('2026-03-01T12:00:00Z')
const page = { url: 'https://shop.example/p/7', title: 'Schuhe', referrer: 'https://search.example/', path: '/p/7' }

test('our own event in Avro and a Segment call in JSON become the same event', () => {
  const product = { sku: 's1', price: 9.5, quantity: 2 }
  const type = avro.Type.forSchema(JSON.parse(eventSchema), { wrapUnions: true })
  const some = (branch: string, value: unknown) => ({ [branch]: value })
  const bytes = type.toBuffer(
    type.fromBuffer(
      type.toBuffer({
        messageId: 'm1',
        type: 'track',
        event: some('string', 'Order Completed'),
        userId: some('string', 'u1'),
        anonymousId: some('string', 'a1'),
        timestamp: atMs,
        sentAt: some('long', atMs + 1000),
        context: some('beckon.Context', {
          page: some(
            'beckon.Page',
            Object.fromEntries(Object.entries(page).map(([name, value]) => [name, some('string', value)])),
          ),
          userAgent: some('string', 'UA'),
          ip: some('string', '192.0.2.7'),
          campaign: some('beckon.Campaign', { name: some('string', 'spring') }),
        }),
        currency: some('string', 'EUR'),
        order_id: some('string', 'o1'),
        revenue: some('double', 19),
        products: some('array', [
          Object.fromEntries(
            Object.entries(product).map(([name, value]) => [
              name,
              some(name === 'sku' ? 'string' : name === 'price' ? 'double' : 'long', value),
            ]),
          ),
        ]),
        properties: { gift: some('boolean', true), note: null },
        traits: { plan: some('string', 'gold') },
        nested: some('string', '{"basket":{"size":2,"tags":["a",null]}}'),
      }),
    ),
  )
  const fromAvro = contents(decoded(decoderOf({ format: 'avro', schema: eventSchema }), bytes))
  const json = {
    messageId: 'm1',
    type: 'track',
    event: 'Order Completed',
    userId: 'u1',
    anonymousId: 'a1',
    timestamp: '2026-03-01T12:00:00Z',
    sentAt: '2026-03-01T12:00:01.000Z',
    context: { page, userAgent: 'UA', ip: '192.0.2.7', campaign: { name: 'spring' }, traits: { plan: 'gold' } },
    currency: 'EUR',
    properties: {
      order_id: 'o1',
      revenue: 19,
      products: [product],
      gift: true,
      note: null,
      basket: { size: 2, tags: ['a', null] },
    },
  }
  const fromJson = contents(
    decoded(decoderOf({ format: 'json', schema: eventSchema }), Buffer.from(JSON.stringify(json))),
  )
  assert.deepEqual(fromJson, {
    id: 'm1',
    customer: 'u1',
    anonymousId: 'a1',
    type: 'Order Completed',
    timeMs: atMs,
    sentAtMs: atMs + 1000,
    url: page.url,
    title: page.title,
    referrer: page.referrer,
    userAgent: 'UA',
    ip: '192.0.2.7',
    value: 19,
    currency: 'EUR',
    properties: { 'context.page.path': '/p/7', 'context.campaign': { name: 'spring' }, ...json.properties },
    traits: { plan: 'gold' },
  })
  const { properties, ...others } = fromAvro
  const { properties: expected, ...otherExpected } = fromJson
  assert.deepEqual(others, otherExpected)
  // Avro's optional fields of nested records are there as null.
  assert.deepEqual(withoutNulls(properties), withoutNulls(expected))
})

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, entry]) => (entry === null ? [] : [[name, withoutNulls(entry)]])),
  )
}

test('Segment calls other than track are their own type, and the visitor stands in for the customer', () => {
  const decoder = decoderOf({ format: 'json' })
  for (const type of ['page', 'screen', 'identify', 'group', 'alias']) {
    const call = { type, anonymousId: 'a1', timestamp: atMs, traits: { age: 3 } }
    const event = decoded(decoder, Buffer.from(JSON.stringify(call)))
    // Those of a group are the group's.
    const age = type === 'group' ? undefined : 3
    assert.deepEqual([event.type, event.customer, event.traits.get('age')], [type, 'a1', age])
  }
})

test("the client's own time is only used if its skew can be corrected", () => {
  const decoder = decoderOf({ format: 'json' })
  const time = (times: object) =>
    decoded(decoder, Buffer.from(JSON.stringify({ type: 'page', userId: 'u', ...times }))).timeMs
  const [timestamp, originalTimestamp] = [atMs, atMs - 5000]
  assert.equal(time({ timestamp, originalTimestamp, sentAt: atMs, receivedAt: atMs }), originalTimestamp)
  assert.equal(time({ timestamp, originalTimestamp, sentAt: atMs }), timestamp)
  assert.equal(time({ timestamp, originalTimestamp, sentAt: 'yesterday', receivedAt: atMs }), timestamp)
  assert.equal(time({ originalTimestamp }), originalTimestamp)
})

test('a foreign topic works by its mapping alone', () => {
  const schema = JSON.stringify({
    type: 'record',
    name: 'Hit',
    fields: [
      { name: 'hit', type: { type: 'fixed', name: 'Hash', size: 2 } },
      { name: 'account', type: ['null', 'int', 'string'] },
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['track_purchase', 'track_view'] } },
      { name: 'at', type: 'double' },
      {
        name: 'ctx',
        type: {
          type: 'record',
          name: 'Ctx',
          fields: [
            { name: 'attrs', type: { type: 'map', values: 'string' } },
            { name: 'ab', type: 'string' },
          ],
        },
      },
      { name: 'cents', type: 'long' },
    ],
  })
  const mapping: FieldMapping = {
    id: 'hit',
    customer: 'account',
    type: 'kind',
    time: { from: 'at', unit: 's' },
    url: ['ctx.attrs.url', 'ctx.attrs.uri'],
    value: { evaluate: (record) => (record.get('cents') as number) / 100 },
    channel: { constant: 'web' },
    types: { track_purchase: 'purchase' },
  }
  const type = avro.Type.forSchema(JSON.parse(schema), { wrapUnions: true })
  const hit = (account: unknown, attrs: object) =>
    type.toBuffer({
      hit: Buffer.from([1, 2]),
      account,
      kind: 'track_purchase',
      at: atMs / 1000 + 0.25,
      ctx: { attrs, ab: 'B' },
      cents: 1234,
    })
  const expected = {
    id: 'AQI=',
    customer: '42',
    type: 'purchase',
    timeMs: atMs + 250,
    url: '/p',
    channel: 'web',
    value: 12.34,
    properties: { 'ctx.attrs.lang': 'de', 'ctx.ab': 'B', cents: 1234 },
    traits: {},
  }
  const bytes = hit({ int: 42 }, { uri: '/p', lang: 'de' })
  assert.deepEqual(contents(decoded(decoderOf({ format: 'avro', schema, mapping }), bytes)), expected)
  const { value: _, ...selective } = mapping
  assert.deepEqual(contents(decoded(decoderOf({ format: 'avro', schema, mapping: selective }), bytes)), {
    ...expected,
    value: Number.NaN,
  })
  assert.equal(
    decoded(decoderOf({ format: 'avro', schema, mapping }), hit({ string: 'x' }, { url: '/1', uri: '/2' })).url,
    '/1',
  )
  const json = { hit: 'h', account: 42, kind: 'track_view', at: atMs / 1000, ctx: { attrs: { url: '/j' } }, cents: 5 }
  const fromJson = decoded(decoderOf({ format: 'json', mapping }), Buffer.from(JSON.stringify(json)))
  assert.deepEqual([fromJson.customer, fromJson.type, fromJson.url, fromJson.value], ['42', 'track_view', '/j', 0.05])
})

// Records by hand, to be bent.
const head = [
  { name: 'user', type: 'string' },
  { name: 'kind', type: 'string' },
  { name: 'at', type: 'long' },
]
const mapping: FieldMapping = { customer: 'user', type: 'kind', time: 'at' }
const headBytes = Buffer.concat([text('u1'), text('view'), varint(BigInt(atMs))])
const schemaOf = (type: unknown, name = 'x') =>
  JSON.stringify({ type: 'record', name: 'Root', fields: [...head, { name, type }] })

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

test('every kind of broken encoding has its reason, whether the field is read or skipped', () => {
  const zeroes = { type: 'array', items: 'null' }
  const list = { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] }
  const endless = { type: 'record', name: 'Loop', fields: [{ name: 'self', type: 'Loop' }] }
  let doubling: unknown = { type: 'record', name: 'D0', fields: [] }
  const doublings: unknown[] = [{ name: 'd0', type: doubling }]
  for (let i = 1; i < 30; i++) {
    doubling = { type: 'record', name: `D${i}`, fields: ['a', 'b'].map((name) => ({ name, type: `D${i - 1}` })) }
    doublings.push({ name: `d${i}`, type: doubling })
  }
  const huge = varint(2_000_000_000n)
  const cases: readonly (readonly [
    name: string,
    type: unknown,
    bytes: Buffer,
    whenRead: Reason,
    whenSkipped?: Reason | 'event',
  ])[] = [
    ['nothing there', 'string', Buffer.alloc(0), 'truncated'],
    ['a text longer than the value', 'string', varint(100n), 'truncated'],
    ['a text of negative length', 'string', varint(-1n), 'truncated'],
    ['a text of 8 GiB', 'string', varint(2n ** 33n), 'truncated'],
    ['bytes of 2^62', 'bytes', varint(2n ** 62n), 'precision'],
    ['a double cut off', 'double', Buffer.alloc(7), 'truncated'],
    ['bytes left behind', 'null', Buffer.from([0]), 'trailing'],
    ['2e9 items in 7 bytes', { type: 'array', items: 'int' }, huge, 'limit'],
    ['2e9 items of no size', zeroes, huge, 'limit'],
    ['5e7 items of no size', zeroes, Buffer.concat([varint(50_000_000n), Buffer.from([0])]), 'limit'],
    ['as many in blocks', zeroes, Buffer.concat([...Array<Buffer>(3).fill(varint(5_000n)), Buffer.from([0])]), 'limit'],
    ['a map of 1e6 entries', { type: 'map', values: 'null' }, varint(1_000_000n), 'limit'],
    [
      'a map key of 300 bytes',
      { type: 'map', values: 'null' },
      Buffer.concat([varint(1n), text('k'.repeat(300)), varint(0n)]),
      'limit',
      'event',
    ],
    [
      'a block of a false size',
      { type: 'array', items: 'int' },
      Buffer.concat([varint(-1n), varint(999n), varint(1n), varint(0n)]),
      'truncated',
    ],
    [
      'a block of negative size',
      { type: 'array', items: 'int' },
      Buffer.concat([varint(-1n), varint(-9n), varint(1n), varint(0n)]),
      'truncated',
    ],
    ['a record in itself 40 times', list, Buffer.concat([Buffer.alloc(40, 2), Buffer.from([0])]), 'depth'],
    ['a record in itself for ever', endless, Buffer.alloc(0), 'depth'],
    ['records of no size, 2^30 of them', { type: 'record', name: 'All', fields: doublings }, Buffer.alloc(0), 'limit'],
    ['a union index out of range', ['null', 'int'], varint(2n), 'bad_index'],
    ['a union index below 0', ['null', 'int'], varint(-1n), 'bad_index'],
    ['an enum index out of range', { type: 'enum', name: 'E', symbols: ['A'] }, varint(1n), 'bad_index'],
    ['an int beyond 32 bits', 'int', varint(2n ** 31n), 'range', 'event'],
    ['a varint of eleven bytes', 'long', Buffer.concat([Buffer.alloc(10, 255), Buffer.from([1])]), 'range'],
    ['a long beyond 2^53', 'long', varint(2n ** 53n), 'precision', 'event'],
    ['NaN', 'double', double(Number.NaN), 'not_finite', 'event'],
    ['infinity', 'double', double(Number.NEGATIVE_INFINITY), 'not_finite', 'event'],
    [
      'a decimal of 100 bytes',
      { type: 'bytes', logicalType: 'decimal', precision: 9 },
      text(Buffer.alloc(100)),
      'limit',
      'event',
    ],
  ]
  for (const [name, type, bytes, whenRead, whenSkipped = whenRead] of cases) {
    const schema = schemaOf(type)
    const value = Buffer.concat([headBytes, bytes])
    const read = decoderOf({ format: 'avro', schema, mapping })
    refused(read, value, whenRead, `${name}, read`)
    const skip = decoderOf({ format: 'avro', schema, mapping: { ...mapping, keep: [] } })
    if (whenSkipped === 'event') decoded(skip, value)
    else refused(skip, value, whenSkipped, `${name}, skipped`)
    // Nothing of a bad record reaches the next one.
    const good = decoderOf({ format: 'avro', schema: schemaOf('int'), mapping })
    assert.equal(decoded(good, Buffer.concat([headBytes, varint(7n)])).properties.get('x'), 7)
  }
})

test('input that is odd but harmless is accepted', () => {
  const odd = (type: unknown, bytes: Buffer) =>
    decoded(
      decoderOf({ format: 'avro', schema: schemaOf(type), mapping }),
      Buffer.concat([headBytes, bytes]),
    ).properties.get('x')
  assert.equal(odd('boolean', Buffer.from([7])), true)
  assert.ok(Object.is(odd('double', double(-0)), 0))
  assert.equal(odd('string', text(Buffer.from([0x61, 0xff, 0x1b]))), 'a\ufffd')
  assert.deepEqual(
    odd({ type: 'array', items: 'int' }, Buffer.concat([varint(-1n), varint(1n), varint(5n), varint(0n)])),
    [5],
  )
  assert.equal(odd('long', Buffer.from([0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00])), 1)
})

test('an id that is not well-formed text is refused', () => {
  const decoder = decoderOf({
    format: 'avro',
    schema: JSON.stringify({ type: 'record', name: 'R', fields: head }),
    mapping,
  })
  for (const id of [Buffer.from([0xff, 0xfe]), '\u0000', 'a\u001b[0m', 'a\ufffd']) {
    refused(decoder, Buffer.concat([text(id), text('view'), varint(BigInt(atMs))]), 'utf8')
  }
})

test('the frame of the wire format is checked', () => {
  const schema = JSON.stringify({ type: 'record', name: 'R', fields: head })
  const framed = (id: number) => Buffer.concat([Buffer.from([0, id >>> 24, id >>> 16, id >>> 8, id]), headBytes])
  for (const decoder of [
    decoderOf({ format: 'confluent', mapping }),
    decoderOf({ format: 'confluent-file', schema, mapping }),
  ]) {
    assert.equal(decoder.decode(null, 0), tombstone)
    for (const bytes of [0, 1, 4]) refused(decoder, Buffer.alloc(bytes), 'too_short')
    refused(decoder, Buffer.from('{"user":"u1"}'), 'bad_magic')
    refused(decoder, Buffer.alloc(64 * 1024 + 1), 'too_large')
  }
  const fromRegistry = decoderOf({ format: 'confluent', mapping })
  for (const id of [0, -1, -(2 ** 31)]) refused(fromRegistry, framed(id), 'unknown_schema')
  const ofFile = decoderOf({ format: 'confluent-file', schema, mapping })
  assert.equal(decoded(ofFile, framed(7)).customer, 'u1')
  assert.equal(refused(ofFile, framed(7).subarray(0, 9), 'truncated').schemaId, 7)
})

test('a schema is asked for once, and an id without one again after a minute', () => {
  const schema = { text: JSON.stringify({ type: 'record', name: 'R', fields: head }), references: [] }
  const decoder = decoderOf({ format: 'confluent', mapping })
  const value = (id: number) => Buffer.concat([Buffer.from([0, 0, 0, 0, id]), headBytes])
  const asked = decoder.decode(value(1), 0)
  assert.ok(asked instanceof UnknownSchema && asked.id === 1)
  decoder.addSchema(1, schema, 0)
  decoder.addSchema(2, rejected('unknown_schema', 'none'), 1000)
  decoder.addSchema(3, { text: '"string"', references: [] }, 1000)
  decoder.addSchema(4, { text: schema.text.replace('"at"', '"when"'), references: [] }, 1000)
  const far = 10 ** 12
  assert.ok(decoder.decode(value(1), far) instanceof Event)
  const missing = decoder.decode(value(2), 60_999)
  assert.ok(missing instanceof Rejected && missing.reason === 'unknown_schema' && missing.schemaId === 2)
  assert.ok(decoder.decode(value(2), 61_000) instanceof UnknownSchema)
  for (const [id, reason] of [
    [3, 'bad_schema'],
    [4, 'unresolvable'],
  ] as const) {
    const refusal = decoder.decode(value(id), far)
    assert.ok(refusal instanceof Rejected && refusal.reason === reason && refusal.schemaId === id)
  }
  // The least lately used of more than a thousand is asked for again.
  for (let id = 1000; id < 1999; id++) {
    decoder.addSchema(id, schema, 0)
    decoder.decode(value(1), 0)
  }
  assert.ok(decoder.decode(value(1), 0) instanceof Event)
  assert.ok(decoder.decode(value(4), 0) instanceof UnknownSchema)
})

test('a decoder whose own schema is unusable is a fault of the configuration', () => {
  assert.deepEqual(
    [
      compileDecoder({ format: 'avro' }),
      compileDecoder({ format: 'avro', schema: '{' }),
      compileDecoder({ format: 'avro', schema: schemaOf('int') }),
    ].map((result) => result instanceof Rejected && result.reason),
    ['bad_schema', 'bad_schema', 'unresolvable'],
  )
})

test('JSON that is not an event, or holds something the schema does not allow, has its reason', () => {
  const decoder = decoderOf({ format: 'json', schema: eventSchema })
  const call = { type: 'page', userId: 'u1', timestamp: atMs }
  const deep = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  const cases: readonly (readonly [sent: unknown, reason: Reason])[] = [
    ['', 'json'],
    ['{"type":', 'json'],
    ['[1]', 'json'],
    ['null', 'json'],
    ['"text"', 'json'],
    [{ ...call, properties: { price: '9.50' } }, 'range'],
    [{ ...call, properties: { products: [{ sku: 's', price: 'free' }] } }, 'range'],
    [{ ...call, properties: { quantity: 1.5 } }, 'range'],
    [{ ...call, value: '12' }, 'range'],
    [{ ...call, userId: { id: 1 } }, 'range'],
    [{ ...call, userId: true }, 'range'],
    [{ ...call, properties: 7 }, 'range'],
    [{ ...call, context: 'web' }, 'range'],
    [{ ...call, userId: 2 ** 53 }, 'precision'],
    [{ ...call, userId: 'a\u0000b' }, 'utf8'],
    [{ ...call, properties: { a: deep(40) } }, 'depth'],
    [{ ...call, properties: { a: Array(10_001).fill(0) } }, 'limit'],
    [{ ...call, properties: { ['k'.repeat(300)]: 1 } }, 'limit'],
    [JSON.stringify({ ...call, x: 1 }).replace('"x":1', '"x":1e999'), 'not_finite'],
  ]
  for (const [sent, reason] of cases) {
    const bytes = Buffer.from(typeof sent === 'string' ? sent : JSON.stringify(sent))
    refused(decoder, bytes, reason, bytes.toString().slice(0, 80))
  }
  const hostile =
    '{"type":"page","userId":7,"timestamp":"2026-03-01","properties":{"__proto__":{"a":1},"t":"\\u001b[31mx"}}'
  const event = decoded(decoder, Buffer.from(hostile))
  assert.deepEqual([event.customer, event.properties.names, event.properties.get('t')], ['7', ['__proto__', 't'], 'x'])
})

test('whatever the bytes, the answer is an event or a reason', () => {
  const type = avro.Type.forSchema(JSON.parse(eventSchema), { wrapUnions: true })
  const json = JSON.stringify({
    type: 'track',
    event: 'e',
    userId: 'u',
    timestamp: atMs,
    properties: { price: 1, list: [{ a: null }] },
  })
  const decoders = [
    decoderOf({ format: 'avro', schema: eventSchema }),
    decoderOf({
      format: 'avro',
      schema: eventSchema,
      mapping: { customer: 'userId', type: 'type', time: { evaluate: () => atMs } },
    }),
    decoderOf({ format: 'confluent-file', schema: eventSchema }),
    decoderOf({ format: 'json', schema: eventSchema }),
  ]
  const frame = Buffer.from([0, 0, 0, 0, 1])
  const random = generator(20260301)
  const seen = new Map<string, number>()
  let seed: Buffer = Buffer.alloc(0)
  for (let i = 0; i < 200_000; i++) {
    if (i % 100 === 0) seed = i % 400 === 300 ? Buffer.from(json) : type.toBuffer(type.random() as object)
    const bytes =
      random(4) === 0 ? Buffer.from(Array.from({ length: random(64) }, () => random(256))) : mutated(seed, random)
    const decoder = i % decoders.length
    const result = decoders[decoder]!.decode(decoder === 2 ? Buffer.concat([frame, bytes]) : bytes, 0)
    if (result instanceof Event) validateShape(result)
    const kind = result instanceof Rejected ? result.reason : result instanceof Event ? 'event' : 'neither'
    seen.set(kind, (seen.get(kind) ?? 0) + 1)
  }
  assert.equal(seen.get('neither'), undefined)
  for (const kind of seen.keys()) assert.ok(kind === 'event' || reasons.includes(kind as Reason))
  for (const kind of ['event', 'truncated', 'trailing', 'bad_index', 'json', 'range'])
    assert.ok((seen.get(kind) ?? 0) > 10, kind)
})

test('a value among other bytes is read as if it were alone, and never past its end', () => {
  const type = avro.Type.forSchema(JSON.parse(eventSchema), { wrapUnions: true })
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0'
  const call = { type: 'page', messageId: 'm1', userId: 'u1', timestamp: atMs, context: { userAgent: agent } }
  const decoders = [
    decoderOf({ format: 'avro', schema: eventSchema }),
    decoderOf({ format: 'confluent-file', schema: eventSchema }),
    decoderOf({ format: 'json' }),
  ]
  const frame = Buffer.from([0, 0, 0, 0, 1])
  const random = generator(7)
  for (let i = 0; i < 6_000; i++) {
    const decoder = i % decoders.length
    const whole = decoder === 2 ? Buffer.from(JSON.stringify(call)) : type.toBuffer(type.random() as object)
    const sent = decoder === 1 ? Buffer.concat([frame, mutated(whole, random)]) : mutated(whole, random)
    const among = Buffer.concat([Buffer.alloc(random(9), 1), sent, whole])
    const start = among.length - whole.length - sent.length
    const [alone, found] = [
      decoders[decoder]!.decode(Buffer.from(sent), 0),
      decoders[decoder]!.decode(among, 0, start, start + sent.length),
    ]
    assert.deepEqual(found, alone)
  }
})

function mutated(seed: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(seed.subarray(0, Math.min(seed.length, 1024)))
  for (let count = random(4); count > 0; count--) bytes[random(Math.max(bytes.length, 1))] = random(256)
  const end = random(4)
  if (end === 0) return Buffer.concat([bytes, Buffer.from([random(256)])])
  return end === 1 ? bytes.subarray(0, random(bytes.length + 1)) : bytes
}

/** Lehmer's generator: the same numbers at each run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

test('a path reaches names with dots in them, in JSON and in maps, alone and among others', () => {
  const mapping: FieldMapping = { customer: 'user.id', type: 'a.b.c', title: 'a.b.d', time: 'at' }
  const json = decoderOf({ format: 'json', mapping })
  const ways = [
    { user: { id: 'u' }, a: { b: { c: 'x', d: 'y', e: 1 } } },
    { 'user.id': 'u', 'a.b.c': 'x', 'a.b.d': 'y', 'a.b.e': 1 },
    { 'user.id': 'u', 'a.b': { c: 'x', d: 'y', e: 1 } },
    { 'user.id': 'u', a: { 'b.c': 'x', b: { d: 'y', e: 1 } } },
  ]
  const seen = (event: Event) => [event.customer, event.type, event.title, event.properties.get('a.b.e')]
  for (const way of ways) {
    const event = decoded(json, Buffer.from(JSON.stringify({ ...way, at: atMs })))
    assert.deepEqual(seen(event), ['u', 'x', 'y', 1], JSON.stringify(way))
    assert.equal(event.properties.names.length, 1)
  }
  const map = { type: 'map', values: 'string' }
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'at', type: 'long' },
      { name: 'user', type: map },
      { name: 'a', type: map },
    ],
  }
  const bytes = avro.Type.forSchema(schema as avro.Schema).toBuffer({
    at: atMs,
    user: { id: 'u' },
    a: { 'b.c': 'x', 'b.d': 'y', 'b.e': '1' },
  })
  const fromAvro = decoded(decoderOf({ format: 'avro', schema: JSON.stringify(schema), mapping }), bytes)
  assert.deepEqual(seen(fromAvro), ['u', 'x', 'y', '1'])
})

test('an event without an amount takes it from its properties, with a mapping and without', () => {
  const mapping: FieldMapping = { customer: 'userId', type: 'event', time: 'timestamp', value: 'amount' }
  const { value: _, ...silent } = mapping
  const computed: FieldMapping = { ...mapping, value: { evaluate: (record) => record.get('amount') ?? null } }
  const cases: readonly (readonly [Record<string, Value>, number, string])[] = [
    [{ revenue: 5, currency: 'EUR' }, 5, 'EUR'],
    [{ total: 3, revenue: 5 }, 5, ''],
    [{ value: 'none', total: 3 }, 3, ''],
    [{}, Number.NaN, ''],
    [{ revenue: 5 }, 5, ''],
  ]
  for (const each of [undefined, mapping, silent, computed]) {
    const decoder = decoderOf({ format: 'json', ...(each && { mapping: each }) })
    for (const [given, value, currency] of cases) {
      const json = { userId: 'u', event: 'x', timestamp: atMs, ...given }
      const event = decoded(decoder, Buffer.from(JSON.stringify(json)))
      assert.deepEqual([event.value, event.currency], [value, currency], JSON.stringify(given))
    }
  }
  const both = decoded(
    decoderOf({ format: 'json', mapping }),
    Buffer.from(JSON.stringify({ userId: 'u', event: 'x', timestamp: atMs, amount: 1, revenue: 5 })),
  )
  assert.equal(both.value, 1)
})
