import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import type { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { carryOver, lackingAfter } from './carry-over.ts'
import type { AggregateFeature } from './declaration.ts'
import { compileFeatures, type FeatureSet } from './features.ts'
import { compile, type Fact, foldAll, gapMs, read } from './test-fold.ts'
import type { Window } from './window.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** When the rules change: 2023-11-14 22:13:20 UTC. */
const changeMs = 1_700_000_000_000

const panes = (sizeMs: number, paneMs = minuteMs): Window => ({ kind: 'panes', sizeMs, paneMs })
const calendar = (period: 'day' | 'week', timezone: string): Window => ({ kind: 'calendar', period, timezone })
const of = (window: Window, over: Partial<AggregateFeature> = {}): AggregateFeature => ({
  name: 'f',
  kind: { name: 'sum', of: 'properties.v', scale: 0 },
  window,
  ...over,
})
const count = { name: 'count' } as const
const steps = ['type == "a"', 'type == "b"']
const funnel = of({ kind: 'lifetime' }, { kind: { name: 'funnel', steps, withinMs: hourMs, maxEvents: 10 } })

const fromEvents = 'from_events'
const kept = 'kept'

const cases: readonly [
  what: string,
  before: readonly AggregateFeature[],
  after: AggregateFeature,
  'kept' | 'from_events',
][] = [
  ['the same', [of(panes(hourMs))], of(panes(hourMs)), kept],
  ['another name', [of(panes(hourMs), { name: 'g' })], of(panes(hourMs)), kept],
  ['a shorter window', [of(panes(hourMs))], of(panes(10 * minuteMs)), kept],
  ['a longer window', [of(panes(10 * minuteMs))], of(panes(hourMs)), fromEvents],
  [
    'a longer window, as long as another feature of its panes has had',
    [of(panes(10 * minuteMs)), of(panes(hourMs), { name: 'g', kind: count })],
    of(panes(hourMs)),
    kept,
  ],
  ['another pane', [of(panes(hourMs))], of(panes(hourMs, 5 * minuteMs)), fromEvents],
  ['another condition', [of(panes(hourMs))], of(panes(hourMs), { where: 'true' }), fromEvents],
  [
    'other spellings of the same expressions',
    [of(panes(hourMs), { where: 'type == "a" && bot', kind: { name: 'sum', of: 'properties.v * 2', scale: 0 } })],
    of(panes(hourMs), { where: "(type=='a')&&(bot)", kind: { name: 'sum', of: '(properties.v)*2', scale: 0 } }),
    kept,
  ],
  [
    'a double where there was an int',
    [of(panes(hourMs), { where: 'time_ms / 2 > 1' })],
    of(panes(hourMs), { where: 'time_ms / 2.0 > 1' }),
    fromEvents,
  ],
  [
    'other spellings of the steps',
    [funnel],
    of(
      { kind: 'lifetime' },
      { kind: { name: 'funnel', steps: steps.map((s) => `(${s})`), withinMs: hourMs, maxEvents: 10 } },
    ),
    kept,
  ],
  ['another kind', [of(panes(hourMs))], of(panes(hourMs), { kind: count }), fromEvents],
  ['another lateness', [of(panes(hourMs))], of(panes(hourMs), { latenessMs: minuteMs }), fromEvents],
  [
    'a longer sliding window',
    [of({ kind: 'sliding', sizeMs: hourMs, maxEvents: 500 })],
    of({ kind: 'sliding', sizeMs: 2 * hourMs, maxEvents: 500 }),
    fromEvents,
  ],
  [
    'another bound of a sliding window',
    [of({ kind: 'sliding', sizeMs: hourMs, maxEvents: 500 })],
    of({ kind: 'sliding', sizeMs: hourMs, maxEvents: 400 }),
    fromEvents,
  ],
  ['more events', [of({ kind: 'events', count: 5 })], of({ kind: 'events', count: 8 }), fromEvents],
  ['the first feature over events', [], of({ kind: 'events', count: 8 }), fromEvents],
  ['a calendar of another timezone', [of(calendar('day', 'UTC'))], of(calendar('day', 'Asia/Tokyo')), fromEvents],
  ['a shorter period of the customer', [of(calendar('week', 'customer'))], of(calendar('day', 'customer')), kept],
  ['a longer period of the customer', [of(calendar('day', 'customer'))], of(calendar('week', 'customer')), fromEvents],
  ['the same session', [of({ kind: 'session' })], of({ kind: 'session' }), kept],
  ['the session of other events', [of({ kind: 'session' })], of({ kind: 'session' }, { where: 'true' }), fromEvents],
  ['another kind over a lifetime', [of({ kind: 'lifetime' })], of({ kind: 'lifetime' }, { kind: count }), fromEvents],
  ['the same funnel', [funnel], { ...funnel, name: 'g' }, kept],
]

/** Events of type `a`, each minute, and hourly past the first two hours before the change. */
const history: readonly Fact[] = [
  ...Array.from({ length: 48 }, (_, i) => ({ timeMs: changeMs - (50 - i) * hourMs, type: 'a', value: 1 })),
  ...Array.from({ length: 120 }, (_, i) => ({ timeMs: changeMs - (119 - i) * minuteMs, type: 'a', value: 2 })),
]

function stored(profile: Profile, before: FeatureSet, after: FeatureSet): Profile {
  const out = new RowBuffer()
  writeState(out, profile, layoutOf(before, []))
  out.endRow()
  return readState('c', out.take().bytes, layoutOf(after, []))
}

for (const [what, declared, changed, expected] of cases) {
  test(`${what}: ${expected}, as a profile that is stored and read under it shows`, () => {
    const [before, after] = [compile(declared), compile([changed])]
    assert.equal(carryOver(before, after.features[0]!), expected)
    const found = read(after, stored(foldAll(before, history), before, after))
    const whole = read(after, foldAll(after, history))
    if (expected === 'kept') assert.deepEqual(found, whole)
    else assert.notDeepEqual(found, whole, 'it lacks events')
  })
}

test('another session gap restarts session windows, and no others', () => {
  const declared = [of({ kind: 'session' }), of(panes(hourMs), { name: 'g' })]
  const before = compile(declared)
  const after = compileFeatures(declared, 2 * gapMs, () => assert.fail())
  assert.deepEqual(
    after.features.map((feature) => carryOver(before, feature)),
    [fromEvents, kept],
  )
})

test('a computed feature has no state of its own, and is not ready while one that it reads is not', () => {
  const names = (set: ReadonlySet<string> | undefined) => set && [...set].sort()
  const f = of(panes(hourMs))
  const computed = [
    { name: 'four', value: 'twice * 2.0' },
    { name: 'twice', value: 'f * 2.0' },
    { name: 'other', value: 'g + 1.0' },
  ]
  const g = of({ kind: 'lifetime' }, { name: 'g' })
  const [before, after] = [compile([g]), compile([f, g, ...computed])]
  assert.equal(carryOver(before, after.features.find(({ name }) => name === 'four')!), 'computed')
  assert.deepEqual(names(lackingAfter(before, undefined, after)), ['f', 'four', 'twice'])
  assert.deepEqual(names(lackingAfter(undefined, undefined, after)), ['f', 'four', 'g', 'other', 'twice'])
  assert.equal(lackingAfter(after, undefined, after), undefined)
})

test('what was not ready under the old rules lacks the same events under the new ones', () => {
  const short = of(panes(10 * minuteMs))
  const long = of(panes(hourMs), { name: 'long' })
  const other = of(panes(10 * minuteMs), { name: 'other', kind: count })
  const before = compile([short, long, other])
  const notReady = new Set(['long', 'other'])
  const lacking = (after: readonly AggregateFeature[]) => lackingAfter(before, notReady, compile(after))
  assert.deepEqual(lacking([short, long, other]), notReady)
  assert.equal(lacking([short]), undefined)
  assert.deepEqual(lacking([{ ...long, name: 'renamed' }, short]), new Set(['renamed']))
})
