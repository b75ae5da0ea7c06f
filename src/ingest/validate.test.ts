import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, Properties, type Value } from '../events/event.ts'
import type { Reason } from './rejected.ts'
import { defaultEventLimits, deriveId, validateKey, validateShape, validateTime } from './validate.ts'

const nowMs = Date.parse('2026-03-01T12:00:00Z')

function event(fields: Partial<Event> = {}): Event {
  return Object.assign(new Event(), { customer: 'u1', type: 'view', timeMs: nowMs, ...fields })
}

function withProperties(properties: Record<string, Value>): Event {
  return event({ properties: new Properties(Object.keys(properties), Object.values(properties)) })
}

const nested = (depth: number): Value => {
  let value: Value = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { inner: value }
  return value
}

test('an event has a customer, a type, and sane sizes', () => {
  const cases: readonly (readonly [name: string, event: Event, reason: Reason | undefined])[] = [
    ['a sound event', event(), undefined],
    ['no customer', event({ customer: '' }), 'no_user'],
    ['a blank customer', event({ customer: ' \u3000' }), 'no_user'],
    ['a long blank customer', event({ customer: ' '.repeat(40) }), 'no_user'],
    ...['null', 'NULL', 'undefined', '0', 'None', '[object Object]'].map(
      (customer) => [customer, event({ customer }), 'no_user'] as const,
    ),
    ['a customer that only looks like one', event({ customer: 'nullah' }), undefined],
    ['a customer of 256 bytes', event({ customer: 'ü'.repeat(128) }), undefined],
    ['a customer of 257 bytes', event({ customer: `${'ü'.repeat(128)}u` }), 'id_length'],
    ['a long event id', event({ id: 'x'.repeat(257) }), 'id_length'],
    ['no type', event({ type: '' }), 'range'],
    [
      '200 properties',
      withProperties(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`p${i}`, i]))),
      undefined,
    ],
    [
      '201 properties',
      withProperties(Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`p${i}`, i]))),
      'limit',
    ],
    ['a property 16 deep', withProperties({ a: nested(16) }), undefined],
    ['a property 17 deep', withProperties({ a: nested(17) }), 'limit'],
    ['traits 17 deep', event({ traits: new Properties(['a'], [nested(17)]) }), 'limit'],
    ['a negative price', withProperties({ sku: 's', price: -1 }), 'range'],
    ['a refund', withProperties({ price: 1, revenue: -1 }), undefined],
    ['a return', withProperties({ quantity: -1, revenue: -20 }), undefined],
  ]
  for (const [name, sent, reason] of cases) assert.equal(validateShape(sent)?.reason, reason, name)
  const strict = { ...defaultEventLimits, refusesNegativeQuantity: true }
  for (const [quantity, reason] of [
    [-1, 'range'],
    [0, undefined],
    [1, undefined],
    ['-1', undefined],
  ] as const) {
    assert.equal(validateShape(withProperties({ quantity }), strict)?.reason, reason)
  }
})

test('an event time is in ms, and not ahead of the clock', () => {
  const cases: readonly (readonly [name: string, timeMs: number, reason: Reason | undefined])[] = [
    ['now', nowMs, undefined],
    ['long ago', Date.parse('2000-01-01'), undefined],
    ['none', 0, 'bad_time'],
    ['negative', -1, 'bad_time'],
    ['not a number', Number.NaN, 'bad_time'],
    ['beyond what a Date can hold', 9e15, 'bad_time'],
    ['in seconds', nowMs / 1000, 'bad_time'],
    ['in microseconds', nowMs * 1000, 'bad_time'],
    ['before 2000', Date.parse('1999-12-31'), 'bad_time'],
    ['five minutes ahead', nowMs + 300_000, undefined],
    ['more than that', nowMs + 300_001, 'future'],
  ]
  for (const [name, timeMs, reason] of cases) {
    assert.equal(validateTime(event({ timeMs }), nowMs, 300_000)?.reason, reason, name)
  }
})

test("a record's key is the customer's id in UTF-8", () => {
  for (const customer of ['u1', 'müller', '客户-7'])
    assert.equal(validateKey(event({ customer }), Buffer.from(customer)), undefined)
  for (const key of [null, '', 'u', 'u2', 'u12', 'ü'].map((text) => (text === null ? null : Buffer.from(text)))) {
    assert.equal(validateKey(event(), key)?.reason, 'key_mismatch')
  }
  // One byte that looks like the one character, and is not it.
  assert.equal(validateKey(event({ customer: 'ÿ' }), Buffer.from([0xff]))?.reason, 'key_mismatch')
})

test('an event without an id gets the same one on every read', () => {
  const [first, again, own] = [event(), event(), event({ id: 'm1' })]
  assert.deepEqual(
    [deriveId(first, 'clicks', 3, 42), deriveId(again, 'clicks', 3, 42), deriveId(own, 'clicks', 3, 43)],
    [true, true, false],
  )
  assert.deepEqual([first.id, again.id, own.id], ['clicks-3-42', 'clicks-3-42', 'm1'])
})
