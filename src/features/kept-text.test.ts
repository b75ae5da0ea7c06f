import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { windowFault } from '../config/aggregate-schema.ts'
import type { Value } from '../events/event.ts'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import type { AggregateDeclaration, AggregateFeature } from './declaration.ts'
import type { FeatureSet } from './features.ts'
import { boundText, maxTextChars } from './kept-text.ts'
import { compile, type Fact, fold, foldAll, read } from './test-fold.ts'
import type { Window } from './window.ts'

const emoji = '\u{1f600}'
const dayMs = 86_400_000
const startMs = 1_700_000_000_000
const of = 'properties.v'
const kinds: readonly AggregateDeclaration[] = [
  { name: 'count', of },
  { name: 'count', by: { key: of, max: 3 } },
  { name: 'sum', of: '1.0', scale: 2, by: { key: of, max: 3 } },
  { name: 'first', of },
  { name: 'last', of },
  { name: 'last_n', of, n: 3 },
  { name: 'distinct', of, max: 4 },
  { name: 'distinct', of, max: 1_000 },
  { name: 'top', of, k: 3, max: 1_000 },
  { name: 'most_frequent', of, max: 1_000 },
  { name: 'least_frequent', of, max: 1_000 },
]
const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 30 * dayMs, paneMs: dayMs },
  { kind: 'sliding', sizeMs: 2 * dayMs, maxEvents: 50 },
  { kind: 'calendar', period: 'month', timezone: 'UTC' },
  { kind: 'calendar', period: 'week', timezone: 'customer' },
  { kind: 'events', count: 10 },
  { kind: 'session' },
  { kind: 'lifetime' },
]
const declared: readonly AggregateFeature[] = windows.flatMap((window, w) =>
  kinds.flatMap((kind, k) => (windowFault(kind, window) === undefined ? [{ name: `f_${w}_${k}`, kind, window }] : [])),
)

describe('a text that aggregates take', () => {
  const head = 'x'.repeat(maxTextChars - 1)
  const cases: readonly (readonly [what: string, given: unknown, taken: unknown])[] = [
    ['a short one', 'shoes', 'shoes'],
    ['one as long as may be', `${head}é`, `${head}é`],
    ['one that is longer', `${head}éa`, `${head}é`],
    ['one whose last character has two units', `${head}${emoji}`, `${head}${emoji}`],
    ['one that would be cut within a pair', `${head}${emoji}a`, `${head}${emoji}`],
    ['one of pairs alone', emoji.repeat(maxTextChars), emoji.repeat(maxTextChars)],
    ['a longer one of pairs alone', emoji.repeat(60_000), emoji.repeat(maxTextChars)],
    ['a number', 1e300, 1e300],
    ['a boolean', true, true],
    ['null', null, null],
    ['nothing', undefined, undefined],
  ]
  for (const [what, given, taken] of cases)
    it(`is whole or its beginning: ${what}`, () => assert.equal(boundText(given), taken))

  it('is not kept in memory behind its beginning', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const heapUsed = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const before = heapUsed()
    const kept = Array.from({ length: 500 }, (_, i) => boundText(`${i} `.repeat(30_000)))
    const bytes = heapUsed() - before
    assert(bytes < 5_000_000, `${kept.length} texts hold ${bytes} bytes`)
  })
})

/** Texts that begin alike, some up to the bound and some less far, among others. */
const beginning = `${'é'.repeat(600)}${emoji.repeat(422)}`
const values: readonly Value[] = [
  `${beginning}aa`,
  `${beginning}aab`,
  `${beginning}aac`,
  `${beginning}ba`,
  `${beginning}b`,
  beginning,
  'short',
  7,
  true,
  null,
  [`${beginning}aab`],
]
const factsOf = (take: (value: Value) => Value): Fact[] =>
  Array.from({ length: 90 }, (_, i) => ({
    timeMs: startMs + ((i * 37) % 90) * 1_234_567,
    type: 'search',
    value: take(values[(i * 7 + (i >> 3)) % values.length]!),
    id: `e${i}`,
  }))

test('every kind over every window treats a long text as its beginning, even two that only differ after it', () => {
  const set = compile(declared)
  const wanted = read(
    set,
    foldAll(
      set,
      factsOf((value) => boundText(value) as Value),
    ),
  )
  assert.deepEqual(
    read(
      set,
      foldAll(
        set,
        factsOf((value) => value),
      ),
    ),
    wanted,
  )
  const few = compile([
    { name: 'different', kind: { name: 'distinct', of, max: 100 }, window: { kind: 'lifetime' } },
    { name: 'by', kind: { name: 'count', by: { key: of, max: 9 } }, window: { kind: 'lifetime' } },
  ])
  const facts = ['aab', 'aac', 'b'].map((end, i) => ({ timeMs: startMs + i, type: 'search', value: beginning + end }))
  assert.deepEqual(read(few, foldAll(few, facts)), {
    different: 2,
    by: { [`${beginning}aa`]: 2, [`${beginning}b`]: 1 },
  })
})

const encode = (set: FeatureSet, profile: Profile): Buffer => {
  const out = new RowBuffer()
  writeState(out, profile, layoutOf(set, []))
  out.endRow()
  return out.take().bytes
}

test('a state grows by no more than the bound with an event, however long its texts are', () => {
  const window: Window = { kind: 'panes', sizeMs: 30 * dayMs, paneMs: dayMs }
  const set = compile(
    (
      [
        { name: 'distinct', of, max: 1_000 },
        { name: 'top', of, k: 5, max: 1_000 },
        { name: 'most_frequent', of, max: 1_000 },
        { name: 'last_n', of, n: 10 },
      ] as const
    ).map((kind) => ({ name: kind.name, kind, window })),
  )
  const profile = new Profile('c')
  const events = 600
  for (let i = 0; i < events; i++) {
    fold(set, profile, { timeMs: startMs + i * 1_000, type: 'search', value: `${i} ${'q'.repeat(60_000)}` })
  }
  const { length } = encode(set, profile)
  // A text, its tag, its length, and its number, for each kind but the last one.
  assert(length < events * 3 * (maxTextChars + 8) + 11 * (maxTextChars + 20), `${length} bytes`)
})

test('an older state that holds longer texts is read as if they had been cut', () => {
  const set = compile(
    (
      [
        { name: 'top', of, k: 9, max: 1_000 },
        { name: 'last', of },
      ] as const
    ).map((kind) => {
      return { name: kind.name, kind, window: { kind: 'lifetime' } }
    }),
  )
  const texts = [`${beginning}aab`, `${beginning}aac`, `${beginning}b`]
  const facts = [0, 1, 2, 2, 1].map((t, i) => ({ timeMs: startMs + i, type: 'search', value: String(t) }))
  const old = foldAll(set, facts)
  // The whole texts take the places of their numbers.
  const whole = (kept: unknown): unknown =>
    kept instanceof Map ? new Map([...kept].map(([value, n]) => [whole(value), n])) : texts[Number(kept)]
  for (const rows of old.groups) if (rows !== undefined) rows.kept = rows.kept.map(whole)
  const trait = 't'.repeat(4_096)
  old.traits = new Map([['bio', trait]])
  old.traitTimes = new Map([['bio', startMs]])
  const state = encode(set, old)
  for (const text of texts) assert(state.includes(text))

  const restored = readState('c', state, layoutOf(set, []))
  const wanted = foldAll(
    set,
    facts.map((fact) => ({ ...fact, value: texts[Number(fact.value)]! })),
  )
  assert.deepEqual(restored.groups, wanted.groups)
  assert.deepEqual(read(set, restored), { top: [`${beginning}aa`, `${beginning}b`], last: `${beginning}aa` })
  assert.equal(restored.traits.get('bio'), trait, 'traits have a bound of their own')
})
