import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Properties, type Value } from '../events/event.ts'
import { Scope } from './expression.ts'
import { toValue } from './to-value.ts'

interface Moment {
  readonly properties: Properties
  readonly traits: ReadonlyMap<string, Value>
}

const scope = new Scope<Moment>([
  { name: 'properties', type: 'map<string, dyn>', read: (m) => m.properties },
  { name: 'traits', type: 'map<string, dyn>', read: (m) => m.traits },
])

const evaluated = (source: string, of: Record<string, Value> = {}, traits: Record<string, Value> = {}) =>
  toValue(
    scope.compile(source).evaluate({
      properties: new Properties(Object.keys(of), Object.values(of)),
      traits: new Map(Object.entries(traits)),
    }),
  )

test('whatever an expression gives is a JSON value', () => {
  const cases: readonly (readonly [source: string, wanted: unknown])[] = [
    ['null', null],
    ['true', true],
    ['-3', -3],
    ['0.1 + 0.2', 0.1 + 0.2],
    ['9007199254740991', 9007199254740991],
    ['9007199254740991 + 1', null],
    ['1 / 0', null],
    ['1.0 / 0.0', null],
    ['0.0 / 0.0', null],
    ['properties.none', null],
    ['"ü\\n"', 'ü\n'],
    ['[1, [2, "b"], {"c": [{"d": null}]}]', [1, [2, 'b'], { c: [{ d: null }] }]],
    ['{}', {}],
    ['{"a": {"b": {"c": [1]}}}', { a: { b: { c: [1] } } }],
    ['{1: "one", true: "yes"}', { 1: 'one', true: 'yes' }],
    ['{"1": "text", 1: "number"}', { 1: 'number' }],
    ['{properties.cat: 1, properties.none_at_all == null: 2}', null],
    ['{properties.deep: 1, properties.deep.k: [2]}', { '{"k":[1,{"z":2}]}': 1, '[1,{"z":2}]': [2] }],
    ['{properties: 1}', { '{"cat":"shoes","deep":{"k":[1,{"z":2}]}}': 1 }],
    ['[{"in": {traits: 1, properties.cat: 2}}]', [{ in: { '{"plan":"pro"}': 1, shoes: 2 } }]],
    [
      '{"all": properties, "of": [traits]}',
      { all: { cat: 'shoes', deep: { k: [1, { z: 2 }] } }, of: [{ plan: 'pro' }] },
    ],
    ['properties.deep', { k: [1, { z: 2 }] }],
    ['properties.deep.k.map(x, x == 1)', [true, false]],
  ]
  // Objects have no prototype where they were decoded.
  const deep = Object.assign(Object.create(null), { k: [1, Object.assign(Object.create(null), { z: 2 })] })
  for (const [source, wanted] of cases) {
    const got = evaluated(source, { cat: 'shoes', deep }, { plan: 'pro' })
    assert.deepEqual(JSON.parse(JSON.stringify(got)), wanted, source)
  }
})

test('what JSON can hold comes through whole, under any name', () => {
  const json = fc
    .jsonValue({ maxDepth: 4 })
    .filter((value) => !JSON.stringify(value).includes('-0')) as fc.Arbitrary<Value>
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), (of) => {
      assert.equal(JSON.stringify(evaluated('properties', of)), JSON.stringify(of))
      assert.equal(JSON.stringify(evaluated('[traits]', {}, of)), JSON.stringify([of]))
    }),
  )
  assert.equal(
    JSON.stringify(evaluated('properties', JSON.parse('{"__proto__":1,"constructor":{"__proto__":[]}}'))),
    '{"__proto__":1,"constructor":{"__proto__":[]}}',
  )
})
