import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { layoutOf, readState, writeState } from '../../profiles/codec.ts'
import { Profile } from '../../profiles/profile.ts'
import { RowBuffer } from '../../store/row-binary.ts'
import type { StepsDeclaration } from '../declaration.ts'
import { rowCount } from '../panes.ts'
import { compile, type Fact, fold, foldAll, read } from '../test-fold.ts'
import type { Window } from '../window.ts'

const baseMs = 1_700_000_000_000
const withinMs = 20
const steps = ['type.contains("a")', 'type.contains("b")', 'type.contains("c")']
const kind: StepsDeclaration = { name: 'funnel', steps, withinMs, maxEvents: 1_000 }
const lifetime: Window = { kind: 'lifetime' }
const sliding: Window = { kind: 'sliding', sizeMs: 30, maxEvents: 1_000 }

/** The length of the longest chain by the definition: times in order, each of an event that meets its step. */
function furthest(facts: readonly Fact[]): number {
  let best = 0
  const extend = (step: number, firstMs: number, lastMs: number) => {
    best = Math.max(best, step)
    for (const { type, timeMs } of facts) {
      if (timeMs < lastMs || (step > 0 && timeMs - firstMs > withinMs)) continue
      if (type.includes('abc'[step] ?? '-')) extend(step + 1, step === 0 ? timeMs : firstMs, timeMs)
    }
  }
  extend(0, 0, Number.NEGATIVE_INFINITY)
  return best
}

const facts = fc.array(
  fc.record({
    timeMs: fc.integer({ min: 0, max: 100 }).map((ms) => baseMs + ms),
    type: fc.constantFrom('a', 'b', 'c', 'ab', 'bc', 'x'),
    value: fc.constant(null),
  }),
  { minLength: 1, maxLength: 12 },
)

test('a funnel is the longest chain of steps in time, in any order of arrival', () => {
  const set = compile([
    { name: 'ever', kind, window: lifetime, latenessMs: 100 },
    { name: 'lately', kind, window: sliding },
    { name: 'without_ab', kind, window: lifetime, latenessMs: 100, where: 'type != "ab"' },
  ])
  fc.assert(
    fc.property(facts, (given) => {
      const profile = foldAll(set, given)
      assert.deepEqual(read(set, profile), {
        ever: furthest(given),
        lately: furthest(given.filter(({ timeMs }) => timeMs > profile.streamTimeMs - 30)),
        without_ab: furthest(given.filter(({ type }) => type !== 'ab')),
      })
    }),
    { numRuns: 500 },
  )
})

test('a lifetime keeps single events for the lateness only, and forgets no step reached', () => {
  const set = compile([{ name: 'ever', kind, window: lifetime, latenessMs: 7 }])
  const layout = layoutOf(set, [])
  fc.assert(
    fc.property(facts, fc.nat(12), (given, cut) => {
      let profile = new Profile('c')
      const taken: Fact[] = []
      for (const [i, fact] of given.entries()) {
        if (i === cut) {
          const out = new RowBuffer()
          writeState(out, profile, layout)
          out.endRow()
          profile = readState('c', out.take().bytes, layout)
        }
        // What meets no step is no event of the funnel's, and so not late.
        const late = fact.timeMs < profile.streamTimeMs - 7
        assert.equal(fold(set, profile, fact), late && fact.type !== 'x')
        if (!late) taken.push(fact)
        assert.deepEqual(read(set, profile), { ever: furthest(taken) })
        const rows = profile.groups[0]
        assert.ok(rows === undefined || rowCount(rows) <= 7 + 2)
      }
    }),
    { numRuns: 500 },
  )
})

test('events beyond what a funnel keeps are merged ahead of time', () => {
  const set = compile([{ name: 'ever', kind: { ...kind, maxEvents: 3 }, window: lifetime, latenessMs: 1_000 }])
  const profile = new Profile('c')
  const at = (ms: number, type: string) => ({ timeMs: baseMs + ms, type, value: null })
  for (let ms = 10; ms <= 60; ms += 10) fold(set, profile, at(ms, 'a'))
  assert.equal(rowCount(profile.groups[0]!), 3)
  assert.equal(fold(set, profile, at(65, 'b')), false)
  for (const ms of [45, 50]) assert.equal(fold(set, profile, at(ms, 'b')), true, 'no later than what was taken in')
  fold(set, profile, at(66, 'c'))
  assert.deepEqual(read(set, profile), { ever: 3 })
})
