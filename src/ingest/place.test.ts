import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import { Event } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { compileDecoder, type DecoderOptions } from './decode.ts'
import { compileIngest } from './ingest.ts'
import { defaultMapping, type FieldMapping } from './mapping.ts'
import { Rejected } from './rejected.ts'

const atMs = Date.UTC(2026, 2, 1)
const mapping: FieldMapping = {
  id: 'meta.id',
  customer: ['uid', 'account.id'],
  anonymousId: 'cookie',
  type: 'what',
  time: { from: 'at', unit: 's' },
  sessionId: 'visit',
  url: 'page.url',
  value: 'amount',
  properties: ['props'],
}
const good = { uid: 'u1', what: 'view', at: atMs / 1000, page: { url: '/' }, amount: 1 }
const secret = 'very-secret'

/** Why the first stage does not take the value. */
function faultOf(options: DecoderOptions, value: Buffer, key: string | null = null): string {
  const decoder = compileDecoder(options)
  if (decoder instanceof Rejected) return `${decoder.reason}: ${decoder.detail}`
  const topics = new Map([['t', { decoder, keyIsCustomer: key !== null, tombstones: 'skip' as const }]])
  const ingest = compileIngest({ topics, correctClockSkew: true, futureMs: 0, refusesNegativeQuantity: false })
  const batch: Partial<RecordBatch> = {
    topic: 't',
    partition: 0,
    offset: () => 0,
    key: () => (key === null ? null : Buffer.from(key)),
    value: () => value,
  }
  const outcome = ingest(batch as RecordBatch, 0, atMs)
  if (outcome instanceof Event) return 'an event'
  assert.ok(outcome instanceof Rejected)
  return `${outcome.reason}: ${outcome.detail}`
}

const inJson = (change: object, over: FieldMapping = mapping) =>
  faultOf({ format: 'json', mapping: over }, Buffer.from(JSON.stringify({ ...good, ...change })))

test('a fault in a mapped field names the field and its path in the record, and never what was there', () => {
  const cases: readonly (readonly [change: object, fault: string])[] = [
    [{}, 'an event'],
    [{ uid: { of: secret } }, 'range: a value has another type than its field: customer, from uid'],
    [{ uid: 2 ** 60 }, 'precision: an id is a number beyond 2^53: customer, from uid'],
    [{ uid: `${secret}\u0000` }, 'utf8: an id holds a control character: customer, from uid'],
    [
      { uid: null, account: { id: `${secret}\ud800` } },
      'utf8: an id is not well-formed text: customer, from account.id',
    ],
    [{ account: secret }, 'range: a value has no fields where the mapping expects some: customer, from account.id'],
    [{ page: [secret] }, 'range: a value has no fields where the mapping expects some: url, from page.url'],
    [{ meta: { id: [secret] } }, 'range: a value has another type than its field: id, from meta.id'],
    [{ amount: secret }, 'range: a value has another type than its field: value, from amount'],
    [{ props: 7 }, 'range: what should hold properties is not an object: properties, from props'],
    [{ props: secret }, 'json: the value is not a JSON object: properties, from props'],
    [{ what: [secret] }, 'range: a value has another type than its field: type, from what'],
    [{ what: '' }, 'range: the event has no type: type, from what'],
    [
      { uid: 'null' },
      'no_user: neither a customer nor an anonymous id that stands for someone: customer, from uid or account.id; anonymous_id, from cookie',
    ],
    [
      { uid: secret.repeat(30) },
      'id_length: an id is longer than the limit: customer, from uid or account.id; anonymous_id, from cookie',
    ],
    [{ cookie: secret.repeat(30) }, 'id_length: an id is longer than the limit: anonymous_id, from cookie'],
    [{ meta: { id: secret.repeat(30) } }, 'id_length: an id is longer than the limit: id, from meta.id'],
    [{ visit: secret.repeat(30) }, 'id_length: an id is longer than the limit: session_id, from visit'],
    [{ at: secret }, 'bad_time: there is no event time that can be read and lies between 2000 and 2100: time, from at'],
    [{ at: atMs / 1000 + 1 }, 'future: the event time is ahead of the clock: time, from at'],
  ]
  for (const [change, fault] of cases) {
    assert.equal(inJson(change), fault)
    assert.ok(!fault.includes(secret))
  }
  const infinite = Buffer.from(JSON.stringify(good).replace('"amount":1', '"amount":1e999'))
  assert.equal(faultOf({ format: 'json', mapping }, infinite), 'not_finite: a number is not finite: value, from amount')
  const keyed = faultOf({ format: 'json', mapping }, Buffer.from(JSON.stringify(good)), secret)
  assert.match(keyed, /^key_mismatch: .*: customer, from uid or account\.id; anonymous_id, from cookie$/)
})

test('if a field is an expression, a constant or a collected property, the fault says so', () => {
  const of = (value: FieldMapping['value']) =>
    inJson({ props: { price: 9, note: secret } }, { ...mapping, value: value! })
  assert.equal(
    of({ evaluate: () => secret }),
    'range: a value has another type than its field: value, from an expression',
  )
  assert.equal(of({ constant: 'nine' }), 'range: a value has another type than its field: value, from a constant')
  assert.equal(
    inJson({ props: { user: `${secret}\ud800` } }, { ...mapping, customer: 'props.user' }),
    'utf8: an id is not well-formed text: customer, from props.user',
  )
})

test('our own events and Segment calls have names too', () => {
  const of = (change: object) => {
    const call = { type: 'page', userId: 'u', timestamp: atMs, ...change }
    return faultOf({ format: 'json', mapping: defaultMapping }, Buffer.from(JSON.stringify(call)))
  }
  assert.equal(of({ userId: {} }), 'range: a value has another type than its field: customer, from userId')
  assert.match(of({ timestamp: 1 }), /: time, from timestamp; original_time, from originalTimestamp$/)
  assert.match(of({ context: { page: 'x' } }), /some: url, from context\.page\.url; title, from context\.page\.title; /)
})

const schema = {
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'uid', type: ['null', 'long', 'string'] },
    { name: 'what', type: { type: 'enum', name: 'What', symbols: ['view', 'buy'] } },
    { name: 'at', type: 'long' },
    {
      name: 'page',
      type: { type: 'record', name: 'Page', fields: ['url', 'note'].map((name) => ({ name, type: 'string' })) },
    },
    { name: 'attrs', type: { type: 'map', values: 'string' } },
    { name: 'amount', type: 'double' },
  ],
}

test('a fault in Avro says the same, and uses the schema’s names for fields that become properties', () => {
  const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: false })
  const value = {
    uid: 'u1',
    what: 'view',
    at: atMs / 1000,
    page: { url: '/', note: '' },
    attrs: { user: 'x' },
    amount: 1,
  }
  const over: FieldMapping = { ...mapping, customer: 'uid', anonymousId: 'attrs.user' }
  const options = (extra: FieldMapping = {}): DecoderOptions => {
    return { format: 'avro', schema: JSON.stringify(schema), mapping: { ...over, ...extra } }
  }
  const bytes = (change: object) => type.toBuffer({ ...value, ...change })
  // The whole record is read first where an expression wants it.
  for (const extra of [{}, { title: { evaluate: () => '' } }]) {
    const fault = (change: object) => faultOf(options(extra), bytes(change))
    assert.equal(fault({}), 'an event')
    assert.equal(fault({ uid: `${secret}\u0000` }), 'utf8: an id holds a control character: customer, from uid')
    assert.equal(fault({ amount: Number.NaN }), 'not_finite: a number is not finite: value, from amount')
    assert.equal(
      fault({ attrs: { user: `${secret}\u0000` } }),
      'utf8: an id holds a control character: anonymous_id, from attrs.user',
    )
    assert.match(fault({ at: 12 }), /^bad_time: .*: time, from at$/)
    const whole = bytes({})
    const cut = (length: number) => faultOf(options(extra), whole.subarray(0, length))
    assert.match(cut(whole.length - 1), /^truncated: .*: value, from amount$/)
    // Behind uid, what and at: the length of the url, and its one character.
    const page = type.toBuffer({ ...value }).indexOf(Buffer.from([2, 47]))
    assert.match(cut(page + 2), 'title' in extra ? /^truncated: .*: page$/ : /: page\.note$/)
  }
})

test('a schema that can not serve the mapping is refused, naming the field that is missing or has another type', () => {
  const refused = (over: FieldMapping) =>
    faultOf({ format: 'avro', schema: JSON.stringify(schema), mapping: { ...mapping, ...over } }, Buffer.alloc(0))
  const lacking = 'unresolvable: the schema has no field for what an event must have'
  assert.equal(
    refused({ customer: 'user', anonymousId: 'cookie' }),
    `${lacking}: customer, from user; anonymous_id, from cookie`,
  )
  assert.equal(refused({ type: 'kind' }), `${lacking}: type, from kind`)
  assert.equal(refused({ time: ['when', 'ts'] }), `${lacking}: time, from when or ts`)
  const unfit = 'unresolvable: a field of the schema has another type than the mapping needs'
  assert.equal(refused({ url: 'page' }), `${unfit}: url, from page`)
  assert.equal(refused({ url: 'amount.in' }), `${unfit}: url, from amount.in`)
  assert.equal(refused({ value: 'page.url' }), `${unfit}: value, from page.url`)
})

test('a very long name in a schema is cut, since every dead letter repeats it', () => {
  const name = 'n'.repeat(10_000)
  const wide = { ...schema, fields: [...schema.fields.slice(0, 3), { name, type: 'string' }] }
  const type = avro.Type.forSchema(wide as avro.Schema, { wrapUnions: false })
  const bytes = type.toBuffer({ uid: 'u1', what: 'view', at: atMs / 1000, [name]: 'x' })
  const options: DecoderOptions = {
    format: 'avro',
    schema: JSON.stringify(wide),
    mapping: { ...mapping, customer: 'uid' },
  }
  const fault = faultOf(options, bytes.subarray(0, -1))
  assert.match(fault, /^truncated: .*: n{200}…$/)
})
