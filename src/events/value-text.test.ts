import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Value } from './event.ts'
import { textOf } from './value-text.ts'

test('a text stays as it is, and anything else becomes its JSON, whatever a producer sends', () => {
  const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Value>
  fc.assert(
    fc.property(json, (value) => {
      assert.equal(textOf(value), typeof value === 'string' ? value : JSON.stringify(value))
    }),
  )
})

test('the same holds for objects without a prototype, on their own and in lists', () => {
  const object: Record<string, Value> = Object.assign(Object.create(null), { toJSON: 'x', id: [null, 1] })
  assert.equal(textOf(object), '{"toJSON":"x","id":[null,1]}')
  assert.equal(textOf([[object], []]), '[[{"toJSON":"x","id":[null,1]}],[]]')
})
