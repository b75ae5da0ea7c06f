import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { layoutOf, readState, writeState } from '../../profiles/codec.ts'
import { Profile } from '../../profiles/profile.ts'
import { RowBuffer } from '../../store/row-binary.ts'
import type { AggregateDeclaration } from '../declaration.ts'
import { rowCount } from '../panes.ts'
import { compile, type Fact, fold, foldAll, read } from '../test-fold.ts'
import type { Window } from '../window.ts'

const baseMs = 1_700_000_000_000
const withinMs = 20
const kind = (strict: boolean): AggregateDeclaration => {
  const steps = ['type.contains("a")', 'type.contains("b")', 'type.contains("c")']
  return { name: 'sequence', steps, withinMs, strict, maxEvents: 1_000 }
}
const lifetime: Window = { kind: 'lifetime' }
const sliding: Window = { kind: 'sliding', sizeMs: 60, maxEvents: 1_000 }

/** The most chains that follow each other, by the definition: all ways are tried, in any order of the facts. */
function mostChains(facts: readonly Fact[], strict: boolean): number {
  const times = [...new Set(facts.map(({ timeMs }) => timeMs))].sort((a, b) => a - b)
  const meets = (at: number, step: number) =>
    facts.some(({ timeMs, type }) => timeMs === times[at] && type.includes('abc'[step]!))
  /** The places where a chain that begins at one may end. */
  const ends = (first: number, at: number, step: number): number[] => {
    if (!meets(at, step) || times[at]! - times[first]! > withinMs) return []
    if (step === 2) return [at]
    const next = times.flatMap((_, i) => (i === at || (strict ? i === at + 1 : i > at) ? [i] : []))
    return next.flatMap((i) => ends(first, i, step + 1))
  }
  const most = (from: number): number =>
    times.reduce((best, _, first) => {
      if (first < from) return best
      return Math.max(best, ...ends(first, first, 0).map((end) => 1 + most(end + 1)))
    }, 0)
  return most(0)
}

const facts = fc.array(
  fc.record({
    timeMs: fc.integer({ min: 0, max: 100 }).map((ms) => baseMs + ms),
    type: fc.constantFrom('a', 'a', 'b', 'b', 'c', 'c', 'ab', 'bc', 'x'),
    value: fc.constant(null),
  }),
  { minLength: 1, maxLength: 14 },
)

test('a sequence is the most chains of its steps in time, in any order of arrival and whatever comes twice', () => {
  const set = compile(
    [true, false].flatMap((strict) => [
      { name: `ever_${strict}`, kind: kind(strict), window: lifetime, latenessMs: 100 },
      { name: `lately_${strict}`, kind: kind(strict), window: sliding },
      { name: `without_x_${strict}`, kind: kind(strict), window: lifetime, latenessMs: 100, where: 'type != "x"' },
    ]),
  )
  const seen = new Set<number>()
  fc.assert(
    fc.property(facts, fc.nat(14), (given, twice) => {
      const profile = foldAll(set, [...given, ...given.slice(0, twice)])
      const wanted = [true, false].flatMap((strict) => [
        [`ever_${strict}`, mostChains(given, strict)] as const,
        [
          `lately_${strict}`,
          mostChains(
            given.filter(({ timeMs }) => timeMs > profile.streamTimeMs - 60),
            strict,
          ),
        ] as const,
        [
          `without_x_${strict}`,
          mostChains(
            given.filter(({ type }) => type !== 'x'),
            strict,
          ),
        ] as const,
      ])
      assert.deepEqual(read(set, profile), Object.fromEntries(wanted))
      for (const [, completed] of wanted) seen.add(completed)
    }),
    { numRuns: 700 },
  )
  assert.ok(seen.has(0) && seen.has(1) && seen.has(2))
})

test('a lifetime keeps single events for the lateness only, and loses no chain, restored at any point', () => {
  for (const strict of [true, false]) {
    const set = compile([{ name: 'ever', kind: kind(strict), window: lifetime, latenessMs: 7 }])
    const layout = layoutOf(set, [])
    fc.assert(
      fc.property(facts, fc.nat(14), (given, cut) => {
        let profile = new Profile('c')
        const taken: Fact[] = []
        for (const [i, fact] of given.entries()) {
          if (i === cut) {
            const out = new RowBuffer()
            writeState(out, profile, layout)
            out.endRow()
            profile = readState('c', out.take().bytes, layout)
          }
          const isLate = fact.timeMs < profile.streamTimeMs - 7
          // A strict sequence is of all events, and another of those that meet a step.
          assert.equal(fold(set, profile, fact), isLate && (strict || fact.type !== 'x'))
          if (!isLate) taken.push(fact)
          assert.deepEqual(read(set, profile), { ever: mostChains(taken, strict) })
          const rows = profile.groups[0]
          assert.ok(rows === undefined || rowCount(rows) <= 7 + 2)
        }
      }),
      { numRuns: 400 },
    )
  }
})

test('each completion is counted once, and a strict sequence allows nothing in between', () => {
  const history = (types: string) => [...types].map((type, i) => ({ timeMs: baseMs + 3 * i, type, value: null }))
  const cases: [types: string, loose: number, strict: number][] = [
    ['abcabcabc', 3, 3],
    ['aabbcc', 1, 0],
    ['axbxc', 1, 0],
    ['xabcx', 1, 1],
    ['aabc', 1, 1],
    ['cba', 0, 0],
    ['axxxxxxbc', 0, 0],
  ]
  for (const [types, loose, strict] of cases) {
    const set = compile([
      { name: 'loose', kind: kind(false), window: lifetime },
      { name: 'strict', kind: kind(true), window: lifetime },
    ])
    assert.deepEqual(read(set, foldAll(set, history(types))), { loose, strict }, types)
  }
})
