import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import type { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { type CarryOver, carryOver, type Lack } from './carry-over.ts'
import type { AggregateFeature } from './declaration.ts'
import { compileFeatures, type FeatureSet } from './features.ts'
import { compile, type Fact, fold, foldAll, gapMs, read } from './test-fold.ts'
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

const kept: CarryOver = { state: 'kept' }
const anew = (lacks: Lack): CarryOver => ({ state: 'starts_anew', lacks })
const fillsUp = (lacks: Lack): CarryOver => ({ state: 'fills_up', lacks })

const cases: readonly [what: string, before: readonly AggregateFeature[], after: AggregateFeature, CarryOver][] = [
  ['the same', [of(panes(hourMs))], of(panes(hourMs)), kept],
  ['another name', [of(panes(hourMs), { name: 'g' })], of(panes(hourMs)), kept],
  ['a shorter window', [of(panes(hourMs))], of(panes(10 * minuteMs)), kept],
  ['a longer window', [of(panes(10 * minuteMs))], of(panes(hourMs)), fillsUp({ forMs: 50 * minuteMs })],
  [
    'a longer window, as long as another feature of its panes has had',
    [of(panes(10 * minuteMs)), of(panes(hourMs), { name: 'g', kind: count })],
    of(panes(hourMs)),
    kept,
  ],
  ['another pane', [of(panes(hourMs))], of(panes(hourMs, 5 * minuteMs)), anew({ forMs: hourMs })],
  ['another condition', [of(panes(hourMs))], of(panes(hourMs), { where: 'true' }), anew({ forMs: hourMs })],
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
    anew({ forMs: hourMs }),
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
  ['another kind', [of(panes(hourMs))], of(panes(hourMs), { kind: count }), anew({ forMs: hourMs })],
  ['another lateness', [of(panes(hourMs))], of(panes(hourMs), { latenessMs: minuteMs }), anew({ forMs: hourMs })],
  [
    'a longer sliding window',
    [of({ kind: 'sliding', sizeMs: hourMs, maxEvents: 500 })],
    of({ kind: 'sliding', sizeMs: 2 * hourMs, maxEvents: 500 }),
    fillsUp({ forMs: hourMs }),
  ],
  [
    'another bound of a sliding window',
    [of({ kind: 'sliding', sizeMs: hourMs, maxEvents: 500 })],
    of({ kind: 'sliding', sizeMs: hourMs, maxEvents: 400 }),
    anew({ forMs: hourMs }),
  ],
  ['more events', [of({ kind: 'events', count: 5 })], of({ kind: 'events', count: 8 }), fillsUp({ forEvents: 3 })],
  ['the first feature over events', [], of({ kind: 'events', count: 8 }), anew({ forEvents: 8 })],
  [
    'a calendar of another timezone',
    [of(calendar('day', 'UTC'))],
    of(calendar('day', 'Asia/Tokyo')),
    anew({ untilNext: 'day', timezone: 'Asia/Tokyo' }),
  ],
  ['a shorter period of the customer', [of(calendar('week', 'customer'))], of(calendar('day', 'customer')), kept],
  [
    'a longer period of the customer',
    [of(calendar('day', 'customer'))],
    of(calendar('week', 'customer')),
    fillsUp({ untilNext: 'week', timezone: 'customer' }),
  ],
  ['the same session', [of({ kind: 'session' })], of({ kind: 'session' }), kept],
  [
    'the session of other events',
    [of({ kind: 'session' })],
    of({ kind: 'session' }, { where: 'true' }),
    anew({ untilNext: 'session' }),
  ],
  [
    'another kind over a lifetime',
    [of({ kind: 'lifetime' })],
    of({ kind: 'lifetime' }, { kind: count }),
    anew({ forEver: true }),
  ],
  ['the same funnel', [funnel], { ...funnel, name: 'g' }, kept],
]

/** Events of type `a`, each minute, and hourly past the first two hours before the change. */
const history: readonly Fact[] = [
  ...Array.from({ length: 48 }, (_, i) => ({ timeMs: changeMs - (50 - i) * hourMs, type: 'a', value: 1 })),
  ...Array.from({ length: 120 }, (_, i) => ({ timeMs: changeMs - (119 - i) * minuteMs, type: 'a', value: 2 })),
]

/** What comes until nothing is lacking any more; two weeks where that never is. */
function until(lack: Lack): Fact[] {
  const each = (stepMs: number, n: number): Fact[] =>
    Array.from({ length: n }, (_, i) => ({ timeMs: changeMs + (i + 1) * stepMs, type: 'a', value: 3 }))
  if ('forMs' in lack) return each(minuteMs, lack.forMs / minuteMs)
  if ('forEvents' in lack) return each(minuteMs, lack.forEvents)
  if ('forEver' in lack) return each(hourMs, 14 * 24)
  if (lack.untilNext === 'session') return each(gapMs + 1, 1)
  return each(hourMs, lack.untilNext === 'day' ? 24 : 7 * 24)
}

function stored(profile: Profile, before: FeatureSet, after: FeatureSet): Profile {
  const out = new RowBuffer()
  writeState(out, profile, layoutOf(before, []))
  out.endRow()
  return readState('c', out.take().bytes, layoutOf(after, []))
}

for (const [what, declared, changed, expected] of cases) {
  test(`${what}: ${expected.state}, as a profile that is stored and read under it shows`, () => {
    const [before, after] = [compile(declared), compile([changed])]
    assert.deepEqual(carryOver(before, after.features[0]!, changed.window), expected)
    const found = stored(foldAll(before, history), before, after)
    const whole = foldAll(after, history)
    if (expected.state === 'kept') assert.deepEqual(read(after, found), read(after, whole))
    if (!('lacks' in expected)) return
    assert.notDeepEqual(read(after, found), read(after, whole), 'it lacks events')
    for (const fact of until(expected.lacks)) {
      fold(after, found, fact)
      fold(after, whole, fact)
    }
    if ('forEver' in expected.lacks) assert.notDeepEqual(read(after, found), read(after, whole))
    else assert.deepEqual(read(after, found), read(after, whole))
  })
}

test('another gap of sessions begins their windows anew, and no others', () => {
  const declared = [of({ kind: 'session' }), of(panes(hourMs), { name: 'g' })]
  const before = compile(declared)
  const after = compileFeatures(declared, 2 * gapMs, () => assert.fail())
  const states = after.features.map((feature, i) => carryOver(before, feature, declared[i]!.window))
  assert.deepEqual(states, [anew({ untilNext: 'session' }), kept])
})

test('a computed feature has no state of its own', () => {
  const set = compile([of(panes(hourMs)), { name: 'twice', value: 'f * 2.0' }])
  assert.deepEqual(carryOver(set, set.features[1]!, undefined), { state: 'computed' })
})
