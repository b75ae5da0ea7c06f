import type { Message } from 'kafkajs'
import type { Reason } from '../src/ingest/rejected.ts'

/**
 * Bad, hostile and odd input, by the rows of the catalogue (see bad-input.int.test.ts): what is sent, and what has to
 * come of it. Every text that a producer chooses holds `secret`, so that a leak into logs or metrics can be found.
 */

export const secret = 'pii~'
export const startMs = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000

type InputTopic = 'plain' | 'strict' | 'wire' | 'erasing'

type Columns = Readonly<Record<string, unknown>>

export interface Case {
  readonly row: number
  readonly title: string
  readonly topic: InputTopic
  readonly message: Message
  /** Why it is a dead letter; or what its row in `events` holds, among other columns; or that it leaves no trace but what it erased. */
  readonly outcome: { readonly dead: Reason } | { readonly stored: Columns } | 'skipped' | 'erased'
}

/** The schema of the topic `wire`: a foreign event with all that can be malformed. */
export const hitSchema = {
  type: 'record',
  name: 'Hit',
  fields: [
    { name: 'user', type: 'string' },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['view', 'buy'] } },
    { name: 'at', type: 'long' },
    { name: 'price', type: 'double' },
    { name: 'note', type: 'string' },
    { name: 'small', type: 'int' },
    { name: 'large', type: 'long' },
    { name: 'flag', type: 'boolean' },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'nothings', type: { type: 'array', items: 'null' } },
    { name: 'blanks', type: { type: 'array', items: { type: 'record', name: 'Blank', fields: [] } } },
    { name: 'attributes', type: { type: 'map', values: 'string' } },
    { name: 'maybe', type: ['null', 'string'] },
    {
      name: 'chain',
      type: ['null', { type: 'record', name: 'Link', fields: [{ name: 'next', type: ['null', 'Link'] }] }],
    },
  ],
}
export const hitMapping = { customer: 'user', type: 'kind', time: 'at', value: 'price' }

/** Avro's varint of any long, also of one that no number holds. */
function long(value: number | bigint): Buffer {
  const bytes: number[] = []
  const big = BigInt(value)
  let left = BigInt.asUintN(64, (big << 1n) ^ (big >> 63n))
  for (; left > 0x7fn; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(left)])
}
const bytes = (content: Buffer | string) => Buffer.concat([long(Buffer.byteLength(content)), Buffer.from(content)])
const double = (value: number) => {
  const eight = Buffer.alloc(8)
  eight.writeDoubleLE(value)
  return eight
}
const end = long(0)

/** A hit in the wire format; each field is sound unless its bytes are given. */
function hit(fields: Readonly<Record<string, Buffer>> = {}): Buffer {
  const sound: Record<string, Buffer> = {
    user: bytes(`${secret}hit`),
    kind: long(0),
    at: long(startMs),
    price: double(1),
    note: bytes(secret),
    small: long(1),
    large: long(1),
    flag: Buffer.from([1]),
    tags: end,
    nothings: end,
    blanks: end,
    attributes: end,
    maybe: long(0),
    chain: long(0),
  }
  const header = Buffer.from([0, 0, 0, 0, 7])
  return Buffer.concat([header, ...hitSchema.fields.map(({ name }) => fields[name] ?? sound[name]!)])
}

export const soundHit = (user: string, timeMs: number, price: number) =>
  hit({ user: bytes(user), at: long(timeMs), price: double(price) })

/** An event as JSON in our own shape; undefined leaves a field out. */
export function event(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ type: 'track', event: 'view', userId: `${secret}odd`, timestamp: startMs, ...fields })
}

function dead(
  row: number,
  reason: Reason,
  title: string,
  topic: InputTopic,
  value: Message['value'],
  rest: Partial<Message> = {},
): Case {
  const message = { key: `${secret}key`, value, ...rest }
  return { row, title: `${title}: a dead letter, ${reason}`, topic, message, outcome: { dead: reason } }
}

function stored(
  row: number,
  title: string,
  topic: InputTopic,
  value: Message['value'],
  columns: Columns = {},
  rest: Partial<Message> = {},
): Case {
  return { row, title, topic, message: { key: `${secret}key`, value, ...rest }, outcome: { stored: columns } }
}

const nested = (depth: number): unknown => (depth === 0 ? secret : [nested(depth - 1)])
const script = `${secret}<script>alert(1)</script>'; DROP TABLE events; -- =HYPERLINK("http://x")`
const times: [row: number, title: string, timestamp: unknown][] = [
  [33, 'no event time', undefined],
  [33, 'an event time of 0', 0],
  [33, 'a negative event time', -1],
  [33, 'an event time that is no time', 'NaN'],
  [33, 'an event time beyond what a Date can hold', 9e15],
  [34, 'an event time in seconds', startMs / 1000],
  [34, 'an event time in microseconds', startMs * 1000],
]
const nobodies = ['', ' \u3000', 'null', 'undefined', '0', 0]

export const cases: readonly Case[] = [
  {
    row: 1,
    title: 'a tombstone is skipped',
    topic: 'plain',
    message: { key: `${secret}key`, value: null },
    outcome: 'skipped',
  },
  dead(1, 'tombstone', 'a tombstone where the topic says so', 'strict', null),
  stored(
    1,
    'an event of one who is erased',
    'erasing',
    event({ userId: `${secret}gone` }),
    {},
    { key: `${secret}gone` },
  ),
  {
    row: 1,
    title: 'a tombstone erases the customer where the topic says so',
    topic: 'erasing',
    message: { key: `${secret}gone`, value: null },
    outcome: 'erased',
  },
  dead(1, 'no_user', 'a tombstone that names nobody', 'erasing', null, { key: null }),
  dead(1, 'no_user', 'a tombstone that names a stand-in', 'erasing', null, { key: 'null' }),

  dead(2, 'too_short', 'an empty value', 'wire', Buffer.alloc(0)),
  dead(2, 'too_short', 'a value of 1 byte', 'wire', Buffer.from([0])),
  dead(2, 'too_short', 'a value of 4 bytes', 'wire', Buffer.alloc(4)),
  dead(2, 'json', 'an empty value instead of JSON', 'plain', ''),
  dead(3, 'bad_magic', 'JSON in a topic of Avro', 'wire', event()),
  dead(3, 'json', 'Avro in a topic of JSON', 'plain', hit()),

  dead(11, 'truncated', 'a record without its last byte', 'wire', hit().subarray(0, -1)),
  dead(11, 'json', 'JSON without its last byte', 'plain', event().slice(0, -1)),
  dead(12, 'trailing', 'a record with a byte too many', 'wire', Buffer.concat([hit(), end])),
  dead(13, 'limit', 'an array of 2e9 strings in a few bytes', 'wire', hit({ tags: long(2e9) })),
  dead(14, 'limit', 'an array of 5e7 nulls', 'wire', hit({ nothings: Buffer.concat([long(5e7), end]) })),
  dead(14, 'limit', 'an array of 5e7 empty records', 'wire', hit({ blanks: Buffer.concat([long(5e7), end]) })),
  dead(
    15,
    'truncated',
    'a block that claims more bytes than there are',
    'wire',
    hit({ tags: Buffer.concat([long(-1), long(1e6), bytes('a'), end]) }),
  ),
  stored(
    15,
    'a block whose size in bytes is wrong is read by its items',
    'wire',
    hit({ tags: Buffer.concat([long(-1), long(1), bytes('abc'), end]) }),
    {
      nested: { tags: '["abc"]' },
    },
  ),
  dead(16, 'limit', 'a map that claims a million keys', 'wire', hit({ attributes: long(1e6) })),
  stored(
    16,
    'of a key that comes twice the last value holds',
    'wire',
    hit({ attributes: Buffer.concat([long(2), bytes('a'), bytes('1'), bytes('a'), bytes('2'), end]) }),
    {
      nested: { attributes: '{"a":"2"}' },
    },
  ),
  dead(
    17,
    'depth',
    'a record within itself 40 times',
    'wire',
    hit({ chain: Buffer.concat([Buffer.alloc(40, long(1)), end]) }),
  ),
  dead(18, 'truncated', 'a text of negative length', 'wire', hit({ note: long(-5) })),
  dead(18, 'truncated', 'a text of 2^33 bytes', 'wire', hit({ note: long(2 ** 33) })),
  dead(19, 'bad_index', 'a branch that the union does not have', 'wire', hit({ maybe: long(2) })),
  dead(19, 'bad_index', 'a symbol that the enum does not have', 'wire', hit({ kind: long(-1) })),
  dead(20, 'range', 'an int of 2^40', 'wire', hit({ small: long(2 ** 40) })),
  dead(21, 'precision', 'a long past 2^53', 'wire', hit({ large: long(2n ** 53n + 1n) })),
  dead(
    21,
    'precision',
    'an id that is a number past 2^53',
    'plain',
    event().replace(`"${secret}odd"`, '9007199254740993'),
  ),
  stored(22, 'a boolean of 7 is true', 'wire', hit({ flag: Buffer.from([7]) }), { booleans: { flag: true } }),
  dead(23, 'not_finite', 'NaN', 'wire', hit({ price: double(Number.NaN) })),
  dead(23, 'not_finite', 'an infinite number', 'wire', hit({ price: double(Number.NEGATIVE_INFINITY) })),
  dead(
    23,
    'not_finite',
    'a number of JSON that is infinite',
    'plain',
    event({ value: 0 }).replace('"value":0', '"value":1e999'),
  ),
  stored(23, 'minus zero is zero', 'wire', hit({ price: double(-0) }), { value: 0 }),
  stored(
    23,
    'a sum saturates at a number that is too large',
    'plain',
    event({ userId: `${secret}rich`, value: 1e308 }),
    { value: 1e308 },
  ),
  dead(24, 'utf8', 'an id that is not UTF-8', 'wire', hit({ user: bytes(Buffer.from([0x75, 0xff])) })),
  stored(24, 'free text that is not UTF-8 is mended', 'wire', hit({ note: bytes(Buffer.from([0x61, 0xff, 0x62])) }), {
    strings: { note: 'a\ufffdb' },
  }),
  dead(25, 'utf8', 'an id with a lone surrogate', 'plain', event({ userId: `${secret}\ud800` })),
  dead(25, 'utf8', 'an id with NUL', 'plain', event({ userId: `${secret}\0` })),
  stored(
    25,
    'free text loses controls, terminal and direction codes',
    'plain',
    event({ properties: { note: `a\0b\u001b[31mc\u202ed\ud800e` } }),
    {
      strings: { note: 'abcd\ufffde' },
    },
  ),
  stored(
    26,
    'names that mean something to JavaScript are data',
    'plain',
    event({ properties: {} }).replace('{}', '{"__proto__":{"isAdmin":"yes"},"constructor":"c","toString":1}'),
    { nested: { ['__proto__']: '{"isAdmin":"yes"}' }, strings: { constructor: 'c' }, numbers: { toString: 1 } },
  ),
  ...nobodies.map((userId) =>
    dead(27, 'no_user', `the customer ${JSON.stringify(userId)}`, 'plain', event({ userId, note: secret })),
  ),
  dead(28, 'id_length', 'a customer of 257 bytes', 'plain', event({ userId: secret.padEnd(257, 'x') })),
  dead(28, 'id_length', 'a customer of 50 KB', 'plain', event({ userId: secret.padEnd(50_000, 'x') })),
  dead(29, 'key_mismatch', 'a key that is not the customer', 'strict', event({ userId: `${secret}other` })),
  dead(29, 'key_mismatch', 'no key where it has to be the customer', 'strict', event(), { key: null }),

  stored(31, 'the first event of an id counts', 'plain', event({ userId: `${secret}twice`, messageId: 'm1' }), {
    duplicate: false,
  }),
  stored(31, 'a second one, the same, is a duplicate', 'plain', event({ userId: `${secret}twice`, messageId: 'm1' }), {
    duplicate: true,
  }),
  stored(
    31,
    'a second one with other content is a duplicate',
    'plain',
    event({ userId: `${secret}twice`, messageId: 'm1', event: 'buy' }),
    {
      duplicate: true,
    },
  ),
  stored(32, 'an id', 'plain', event({ userId: `${secret}again`, messageId: 'm1' }), { duplicate: false }),
  stored(
    32,
    'the same id after the window counts as new',
    'plain',
    event({ userId: `${secret}again`, messageId: 'm1', timestamp: startMs + 2 * hourMs }),
    { duplicate: false },
  ),

  ...times.map(([row, title, timestamp]) => dead(row, 'bad_time', title, 'plain', event({ timestamp, note: secret }))),
  stored(35, 'before the future', 'plain', event({ userId: `${secret}ahead` })),
  dead(
    35,
    'future',
    'an event of the year 2090',
    'plain',
    event({ userId: `${secret}ahead`, timestamp: Date.UTC(2090, 0, 1) }),
  ),
  stored(36, 'an event in time', 'plain', event({ userId: `${secret}late`, timestamp: startMs + hourMs }), {
    late: false,
  }),
  stored(
    36,
    'a late event within the window is folded in',
    'plain',
    event({ userId: `${secret}late`, timestamp: startMs + hourMs - 240_000 }),
    {
      late: false,
    },
  ),
  stored(
    36,
    'one that is later than the window changes nothing',
    'plain',
    event({ userId: `${secret}late`, timestamp: startMs }),
    { late: true },
  ),
  stored(
    37,
    'a record dated before 1970 counts by its event time',
    'plain',
    event(),
    { time: '2026-01-01 00:00:00.000' },
    { timestamp: '-5' },
  ),
  stored(38, 'an unknown type is an event', 'plain', event({ event: `${secret}teleported` }), {
    type: `${secret}teleported`,
  }),
  dead(39, 'range', 'a negative price', 'plain', event({ properties: { price: -1, note: secret } })),
  dead(39, 'range', 'an amount that is text', 'plain', event({ value: secret })),
  stored(39, 'no currency', 'plain', event({ value: 5 }), { value: 5, currency: '' }),
  dead(
    40,
    'limit',
    'an event of 1,000 properties',
    'plain',
    event({ properties: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${secret}${i}`, i])) }),
  ),
  dead(40, 'depth', 'a property 50 deep', 'plain', event({ properties: { deep: nested(50) } })),
  dead(40, 'limit', 'a property 20 deep', 'plain', event({ properties: { deep: nested(20) } })),
  dead(40, 'too_large', 'an event of 100 KB', 'plain', event({ properties: { note: secret.repeat(25_000) } })),
  stored(41, 'a name with a dot beside an object', 'plain', event({ properties: { 'a.b': 1, a: { b: 2 } } }), {
    numbers: { 'a.b': 1 },
    nested: { a: '{"b":2}' },
  }),
  stored(42, 'HTML, SQL and formulas are text', 'plain', event({ url: script, properties: { [script]: script } }), {
    url: script,
    strings: { [script]: script },
  }),
  dead(43, 'json', 'a record with odd headers', 'plain', secret, {
    headers: {
      traceparent: 'forged',
      '': 'no name',
      bytes: Buffer.from([0xff, 0]),
      twice: ['1', '2'],
      constructor: 'c',
    },
  }),
  stored(
    43,
    'a record with a header of 900 KB',
    'plain',
    event(),
    {},
    { headers: { large: Buffer.alloc(900_000, secret) } },
  ),
  stored(49, 'a rule that can not be evaluated holds up no other', 'plain', event({ properties: { level: secret } })),
  dead(
    51,
    'output_limit',
    'an event whose action is larger than 900 KB',
    'plain',
    event({ event: 'bulky', properties: { note: secret.repeat(15_000) } }),
  ),
  dead(44, 'too_large', 'a record of the largest size', 'plain', Buffer.alloc(1_048_400, secret)),
]
