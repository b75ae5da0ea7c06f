import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import avro from 'avsc'
import { Event } from '../events/event.ts'
import { compileDecoder } from './decode.ts'
import type { FieldMapping } from './mapping.ts'
import { Rejected } from './rejected.ts'

const schema = readFileSync(new URL('../../../schemas/event.avsc', import.meta.url), 'utf8')

function decode(call: object, mapping?: FieldMapping): Event {
  const decoder = compileDecoder({ format: 'json', ...(mapping && { mapping }) })
  assert.ok(!(decoder instanceof Rejected))
  const event = decoder.decode(Buffer.from(JSON.stringify({ userId: 'u', timestamp: 1_740_823_200_000, ...call })), 0)
  assert.ok(event instanceof Event)
  return event
}

const traitsOf = ({ traits }: Event) => ({ ...traits.toObject() })
const propertiesOf = ({ properties }: Event) => JSON.parse(JSON.stringify(properties.toObject()))

test('traits are the person’s: from an identify call, and from the context of any other call', () => {
  assert.deepEqual(traitsOf(decode({ type: 'identify', traits: { plan: 'pro', tags: ['a'], gone: null } })), {
    plan: 'pro',
    tags: ['a'],
    gone: null,
  })
  for (const type of ['track', 'page', 'screen', 'group']) {
    assert.deepEqual(traitsOf(decode({ type, context: { traits: { plan: 'pro' } } })), { plan: 'pro' })
  }
})

test('what a call itself states wins over what its context repeats, in whichever order they come', () => {
  const traits = { plan: 'free' }
  const context = { traits: { plan: 'pro', age: 4 } }
  for (const call of [
    { type: 'identify', traits, context },
    { context, traits, type: 'identify' },
  ]) {
    assert.deepEqual(traitsOf(decode(call)), { plan: 'free', age: 4 })
  }
})

test('the traits of a group call are the group’s: a property of the event, and not traits of the person', () => {
  const traits = { name: 'Acme', plan: 'enterprise', seats: [1, { a: null }] }
  for (const call of [
    { type: 'group', groupId: 'g1', traits, context: { traits: { plan: 'pro' } } },
    { context: { traits: { plan: 'pro' } }, traits, groupId: 'g1', type: 'group' },
  ]) {
    const event = decode(call)
    assert.deepEqual([traitsOf(event), propertiesOf(event)], [{ plan: 'pro' }, { groupId: 'g1', traits }])
  }
  assert.deepEqual(propertiesOf(decode({ type: 'group', traits: [] })), {})
  const mapping = { customer: 'userId', type: 'kind', time: 'timestamp', traits: ['traits'], types: { org: 'group' } }
  assert.deepEqual(propertiesOf(decode({ kind: 'org', traits }, mapping)), { traits })
  // The next event has nothing of it.
  assert.deepEqual(traitsOf(decode({ type: 'page' })), {})
})

test('the same holds in Avro', () => {
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'auto' })
  const decoder = compileDecoder({ format: 'avro', schema })
  assert.ok(!(decoder instanceof Rejected))
  const call = { userId: 'u', timestamp: 1_740_823_200_000, traits: { plan: { string: 'pro' } } }
  for (const kind of ['identify', 'group']) {
    const event = decoder.decode(type.toBuffer(type.clone({ ...call, type: kind }, { coerceBuffers: true })), 0)
    assert.ok(event instanceof Event)
    const wanted = kind === 'group' ? [{}, { plan: 'pro' }] : [{ plan: 'pro' }, undefined]
    assert.deepEqual([traitsOf(event), propertiesOf(event).traits], wanted)
  }
})
