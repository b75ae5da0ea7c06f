import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Properties, type Value } from '../events/event.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { layoutOf, readState, writeState } from './codec.ts'
import { Profile } from './profile.ts'
import { mergeTraits } from './traits.ts'

type Statement = readonly [timeMs: number, traits: Readonly<Record<string, Value>>]

function merged(...statements: readonly Statement[]): Profile {
  const profile = new Profile('ada')
  for (const [timeMs, traits] of statements) {
    mergeTraits(profile, new Properties(Object.keys(traits), Object.values(traits)), timeMs)
  }
  return profile
}

const known = ({ traits }: Profile) => Object.fromEntries(traits)

test('null removes a trait, and any other value replaces it', () => {
  const cases: readonly (readonly [statements: readonly Statement[], wanted: object])[] = [
    [
      [
        [1, { plan: 'pro', age: 3 }],
        [2, { plan: null }],
      ],
      { age: 3 },
    ],
    [
      [
        [2, { plan: null }],
        [1, { plan: 'pro' }],
      ],
      {},
    ],
    [
      [
        [1, { plan: 'pro' }],
        [2, { plan: null }],
        [3, { plan: 'free' }],
      ],
      { plan: 'free' },
    ],
    [
      [
        [1, { plan: 'pro' }],
        [2, { plan: ['a', { b: 1 }] }],
      ],
      { plan: ['a', { b: 1 }] },
    ],
    [
      [
        [1, { home: { city: 'Ulm', zip: 1 } }],
        [2, { home: { city: 'Bonn' } }],
      ],
      { home: { city: 'Bonn' } },
    ],
    [
      [
        [1, { tags: ['a'] }],
        [2, { tags: [] }],
      ],
      { tags: [] },
    ],
    [
      [
        [1, { plan: null }],
        [1, { plan: 'pro' }],
      ],
      { plan: 'pro' },
    ],
    [
      [
        [1, { plan: 'pro' }],
        [1, { plan: null }],
      ],
      { plan: 'pro' },
    ],
  ]
  for (const [statements, wanted] of cases) assert.deepEqual(known(merged(...statements)), wanted)
})

test('if one event states a trait twice, the last one counts', () => {
  const profile = new Profile('ada')
  mergeTraits(profile, new Properties(['plan', 'plan'], ['z', 'a']), 1)
  assert.deepEqual(known(profile), { plan: 'a' })
})

const value = fc.oneof(
  fc.constantFrom<Value[]>(null, null, true, 0, 1, 'a', 'b', [], ['a'], {}, { a: 1 }),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Value>,
)
const statements = fc.array(
  fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { noNullPrototype: true }),
  ),
  { maxLength: 12 },
)

test('the order of arrival does not matter', () => {
  fc.assert(
    fc.property(
      statements.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, shuffled]) => {
        const json = (profile: Profile) => [...profile.traits].map(([name, of]) => [name, JSON.stringify(of)]).sort()
        assert.deepEqual(json(merged(...shuffled)), json(merged(...all)))
      },
    ),
  )
})

test('a state keeps every trait, and which ones were removed', () => {
  const layout = layoutOf({ features: [], groups: [] }, [])
  fc.assert(
    fc.property(statements, (all) => {
      const profile = merged(...all)
      const out = new RowBuffer(1024)
      writeState(out, profile, layout)
      out.endRow()
      const back = readState('ada', out.take().bytes, layout)
      assert.equal(JSON.stringify([...back.traits]), JSON.stringify([...inOrderOfTimes(profile)]))
      assert.deepEqual(back.traitTimes, profile.traitTimes)
    }),
  )
})

const inOrderOfTimes = ({ traits, traitTimes }: Profile) =>
  [...traitTimes.keys()].filter((name) => traits.has(name)).map((name) => [name, traits.get(name)] as const)

test('traits are bounded: 200 names, and 4,096 characters of each', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, i]))
  assert.equal(merged([1, many]).traits.size, 200)
  const gone = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`g${i}`, null]))
  const profile = merged([1, gone], [2, many])
  assert.deepEqual([profile.traits.size, profile.traitTimes.size], [200, 200])
  assert.deepEqual(known(merged([1, { bio: 'x' }], [2, { bio: 'x'.repeat(4_097) }])), {})
  assert.deepEqual(known(merged([1, { bio: 'x' }], [2, { bio: ['x'.repeat(4_096)] }])), {})
  assert.deepEqual(known(merged([2, { bio: 'x'.repeat(4_096) }])), { bio: 'x'.repeat(4_096) })
})
