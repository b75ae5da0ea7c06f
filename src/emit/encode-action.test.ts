import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import avro from 'avsc'
import type { PublishedAction } from './action.ts'
import { compileActionEncoder } from './encode-action.ts'

const schema = readFileSync(new URL('../../../schemas/action.avsc', import.meta.url), 'utf8')

const nested = { percent: 10, code: 'x', none: null, list: [1, { a: [null] }], map: { b: 'ü' }, empty: [] }

const actionOf = (customer: string): PublishedAction => ({
  id: 'f'.repeat(32),
  action: 'remind',
  customer,
  time: 1_700_000_000_000,
  rank: 1,
  value: 2.5,
  channel: 'mail',
  expires_at: null,
  payload: { percent: 10, code: 'x', none: null },
  event_id: 'e',
  event_type: 'view',
  topic: 'clicks',
  partition: 3,
  offset: 9,
  policy: 'p',
  trigger: '',
  kind: 'action',
  decision_id: 'd'.repeat(32),
  treatment: 'short',
  slot: 'hero',
  purpose: 'marketing',
  group: 'carts',
  tags: ['sales', 'mail'],
  arm: 'treated',
  probability: 0.05,
})

test('lists and maps in a payload are JSON in JSON, and JSON texts in Avro', () => {
  const action = { ...actionOf('ada'), payload: nested }
  const json = compileActionEncoder('actions', 'json')(action)
  assert.deepEqual(JSON.parse(String(json.value)), action)
  const avroRecord = compileActionEncoder('actions', { wire: { schemaId: 7, schema } })(action)
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'never' })
  const { payload } = type.fromBuffer(avroRecord.value!.subarray(5)) as typeof action
  assert.deepEqual(
    { ...payload },
    { percent: 10, code: 'x', none: null, list: '[1,{"a":[null]}]', map: '{"b":"ü"}', empty: '[]' },
  )
})

test('an action reads back as it was, also after one that is larger than any before', () => {
  const encode = compileActionEncoder('actions', { wire: { schemaId: 7, schema } })
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'never' })
  const customers = ['a', 'ü'.repeat(3_000), 'b', 'c'.repeat(200_000), 'd']
  const records = customers.map((customer) => encode(actionOf(customer)))
  for (const [i, { value, key }] of records.entries()) {
    assert.equal(key, customers[i])
    assert.equal(value!.readInt8(0), 0)
    assert.equal(value!.readInt32BE(1), 7)
    assert.deepEqual(
      { ...type.fromBuffer(value!.subarray(5)) },
      { ...actionOf(key as string), payload: { ...actionOf('').payload } },
    )
  }
})
