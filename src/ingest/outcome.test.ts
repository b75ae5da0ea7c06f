import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import avro from 'avsc'
import { compileMapping } from '../config/topic-mapping.ts'
import { Event } from '../events/event.ts'
import { outcomeOf } from '../events/outcome.ts'
import { compileDecoder, type DecoderOptions } from './decode.ts'
import type { FieldMapping } from './mapping.ts'
import { outcomeMapping, toOutcome } from './outcome.ts'
import { Rejected } from './rejected.ts'

const schema = readFileSync(new URL('../../../schemas/outcome.avsc', import.meta.url), 'utf8')

/** What becomes of a record of a topic of outcomes. */
function outcome(value: Buffer, options: Pick<DecoderOptions, 'format' | 'schema' | 'mapping'>): Event | Rejected {
  const decoder = compileDecoder(options)
  assert.ok(!(decoder instanceof Rejected), String(decoder))
  const event = decoder.decode(value, 0)
  if (!(event instanceof Event)) return event as Rejected
  const fault = toOutcome(event)
  return fault === undefined ? event : decoder.placed(fault)
}

const json = (record: object, mapping: FieldMapping = outcomeMapping) =>
  outcome(Buffer.from(JSON.stringify(record)), { format: 'json', mapping })

const ofJson = (record: object, mapping?: FieldMapping) => {
  const event = json(record, mapping)
  assert.ok(event instanceof Event, JSON.stringify(event))
  return { ...event, what: outcomeOf(event), properties: { ...event.properties.toObject() } }
}

const click = { id: 'o1', action_id: 'a1', customer: 'c1', type: 'click', time: 1_700_000_000_000 }

describe('a record of a topic of outcomes', () => {
  it('is an event of the type outcome, and says of which action it is', () => {
    const { id, customer, type, timeMs, value, what, properties } = ofJson({ ...click, value: 5, reason: 'liked it' })
    assert.deepEqual(
      { id, customer, type, timeMs, value, what },
      { id: 'o1', customer: 'c1', type: 'outcome', timeMs: click.time, value: 5, what: 'click' },
    )
    assert.deepEqual(properties, { reason: 'liked it', action_id: 'a1', outcome: 'click' })
  })

  it('may name the action alone, or both', () => {
    assert.deepEqual(ofJson({ ...click, action_id: undefined, action: 'offer' }).properties, {
      action: 'offer',
      outcome: 'click',
    })
    assert.deepEqual(ofJson({ ...click, action: 'offer' }).properties, {
      action_id: 'a1',
      action: 'offer',
      outcome: 'click',
    })
  })

  for (const action_id of [undefined, '', 'null', ' ']) {
    it(`is a dead letter where the action id is ${JSON.stringify(action_id)} and no action is named`, () => {
      const fault = json({ ...click, action_id })
      assert.ok(fault instanceof Rejected)
      assert.equal(fault.reason, 'no_action')
      assert.match(fault.detail, /: action_id, from action_id; action, from action$/)
    })
  }

  it('may be of any shape, by a mapping', () => {
    const mapping = compileMapping(
      {
        customer: 'who.id',
        action_id: ['meta.id', 'meta.old_id'],
        action: { cel: 'record.meta.name' },
        type: 'kind',
        time: { field: 'ts', unit: 's' },
        types: { open: 'impression' },
      },
      (path, fault) => assert.fail(`${path}: ${fault}`),
      'outcomes',
    )
    const record = { who: { id: 7 }, meta: { old_id: 12, name: 'offer' }, kind: 'open', ts: 1_700_000_000, mail: 'm' }
    const { customer, what, timeMs, properties } = ofJson(record, mapping)
    assert.deepEqual([customer, what, timeMs], ['7', 'impression', 1_700_000_000_000])
    const own = { 'meta.name': 'offer', mail: 'm' }
    assert.deepEqual(properties, { ...own, action_id: '12', action: 'offer', outcome: 'impression' })
    // What one record says is not left over for the next.
    const next = ofJson({ ...record, meta: { id: 'b' } }, { ...mapping, action: 'meta.name' })
    assert.deepEqual(next.properties, { mail: 'm', action_id: 'b', outcome: 'impression' })
  })

  it('may be Avro of the schema that comes with beckon', () => {
    const type = avro.Type.forSchema(JSON.parse(schema))
    const record = { ...click, action: '', value: 2.5, channel: 'mail', reason: '' }
    const event = outcome(type.toBuffer(record), { format: 'avro', schema, mapping: outcomeMapping })
    assert.ok(event instanceof Event)
    assert.deepEqual([event.type, event.value, event.channel, outcomeOf(event)], ['outcome', 2.5, 'mail', 'click'])
    assert.equal(event.properties.get('action_id'), 'a1')
  })
})

describe('what came of an action', () => {
  it('is nothing of any other event, whatever its properties say', () => {
    const { what } = ofJson(click)
    assert.equal(what, 'click')
    const event = json(click) as Event
    event.type = 'click'
    assert.equal(outcomeOf(event), '')
  })
})
