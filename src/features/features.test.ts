import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { touchSession } from '../enrich/session.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import type { AggregateDeclaration, FeatureDeclaration } from './declaration.ts'
import { compileFeatures, type FeatureSet, updateFeatures } from './features.ts'
import type { Moment } from './moment.ts'
import type { Window } from './window.ts'

const minuteMs = 60_000
const idle = { idleMs: 30 * minuteMs, maxMs: 1440 * minuteMs }

interface Fact {
  readonly timeMs: number
  readonly type: string
  readonly value: Value
}

function compile(declarations: readonly FeatureDeclaration[]): FeatureSet {
  return compileFeatures(declarations, (_feature, _key, fault) => assert.fail(fault as Error))
}

function fold(set: FeatureSet, profile: Profile, fact: Fact): boolean {
  const event = new Event()
  event.type = fact.type
  event.timeMs = fact.timeMs
  event.properties = new Properties(['v'], [fact.value])
  profile.streamTimeMs = Math.max(profile.streamTimeMs, fact.timeMs)
  const touch = touchSession(profile.session, event, idle)
  const moment: Moment = {
    event,
    enrichment: { agent: noAgent, campaign: noCampaign, referrer: noReferrer, geo: noGeo },
    session: profile.session,
    inSession: touch !== 'past',
    traits: profile.traits,
    groups: profile.groups,
    asOfMs: profile.streamTimeMs,
  }
  return updateFeatures(set, profile.groups, moment, profile.streamTimeMs)
}

const read = (set: FeatureSet, profile: Profile, asOfMs = profile.streamTimeMs): Record<string, Value> =>
  Object.fromEntries(
    set.features.map((feature) => [feature.name, feature.read(profile.groups, asOfMs, profile.session.index)]),
  )

const kinds: readonly AggregateDeclaration[] = [
  { name: 'count' },
  { name: 'count', of: 'properties.v' },
  { name: 'sum', of: 'properties.v', scale: 2 },
  { name: 'avg', of: 'properties.v', scale: 2 },
  { name: 'min', of: 'properties.v' },
  { name: 'max', of: 'properties.v' },
  { name: 'first', of: 'properties.v' },
  { name: 'last', of: 'properties.v' },
  { name: 'distinct', of: 'properties.v', max: 1000 },
  { name: 'top', of: 'properties.v', k: 2, max: 1000 },
  { name: 'time_since' },
]

/** What each kind is by its definition, over the facts that a window holds. */
function byDefinition(kind: AggregateDeclaration, facts: readonly Fact[], asOfMs: number): Value {
  const values = facts.map(({ value }) => value).filter((value) => value !== null) as number[]
  const cents = values.reduce((total, value) => total + Math.floor(value * 100 + 0.5), 0)
  const ordered = facts
    .filter(({ value }) => value !== null)
    .sort((a, b) => a.timeMs - b.timeMs || (a.value as number) - (b.value as number))
  switch (kind.name) {
    case 'count':
      return kind.of ? values.length : facts.length
    case 'sum':
      return cents / 100
    case 'avg':
      return values.length === 0 ? null : cents / 100 / values.length
    case 'min':
      return values.length === 0 ? null : Math.min(...values)
    case 'max':
      return values.length === 0 ? null : Math.max(...values)
    case 'first':
      return ordered[0]?.value ?? null
    case 'last':
      return ordered.at(-1)?.value ?? null
    case 'distinct':
      return new Set(values).size
    case 'top': {
      const counts = new Map<number, number>()
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
      return [...counts]
        .sort(([a, n], [b, m]) => m - n || a - b)
        .slice(0, 2)
        .map(([value]) => value)
    }
    case 'time_since': {
      const latest = Math.max(...facts.map(({ timeMs }) => timeMs))
      return facts.length === 0 ? null : Math.floor((asOfMs - latest) / 1000)
    }
  }
}

const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 5 * minuteMs, paneMs: minuteMs },
  { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'panes', sizeMs: 15 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'lifetime' },
]
const declarations = windows.flatMap((window, w) =>
  kinds.flatMap((kind, k) => [
    { name: `all_${w}_${k}`, kind, window },
    { name: `some_${w}_${k}`, kind, window, where: 'type == "b"' },
  ]),
)
const set = compile(declarations)

const facts = fc.array(
  fc.record({
    timeMs: fc.integer({ min: 0, max: 100 * minuteMs }).map((ms) => 1_700_000_000_000 + ms),
    type: fc.constantFrom('a', 'b'),
    value: fc.oneof(
      fc.constantFrom(null, 1, 2, 2.005),
      fc.integer({ min: -500, max: 500 }).map((n) => n / 100),
    ),
  }),
  { minLength: 1, maxLength: 60 },
)

/** The facts of a window read at a moment, by the rule of design section 3. */
function held(window: Window, given: readonly Fact[], asOfMs: number): readonly Fact[] {
  if (window.kind !== 'panes') return given
  const { sizeMs, paneMs } = window
  const now = Math.floor(asOfMs / paneMs)
  return given.filter(({ timeMs }) => {
    const pane = Math.floor(timeMs / paneMs)
    return pane > now - sizeMs / paneMs && pane <= now
  })
}

test('every aggregate in every window is what its definition says, in any order of arrival', () => {
  fc.assert(
    fc.property(facts, fc.integer({ min: 0, max: 70 * minuteMs }), (given, laterMs) => {
      const profile = new Profile('c')
      for (const fact of given) fold(set, profile, fact)
      for (const asOfMs of [profile.streamTimeMs, profile.streamTimeMs + laterMs]) {
        const values = read(set, profile, asOfMs)
        for (const { name, kind, window, ...rest } of declarations) {
          const wanted = held(window, given, asOfMs).filter(({ type }) => !('where' in rest) || type === 'b')
          assert.deepEqual(values[name], byDefinition(kind, wanted, asOfMs), `${name} ${JSON.stringify(kind)}`)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('a profile written and read back goes on as if nothing had happened', () => {
  const layout = layoutOf(set)
  fc.assert(
    fc.property(facts, fc.nat(60), (given, cut) => {
      const whole = new Profile('c')
      let parted = new Profile('c')
      for (const [i, fact] of given.entries()) {
        fold(set, whole, fact)
        if (i === cut) {
          const out = new RowBuffer()
          writeState(out, parted, layout)
          out.endRow()
          parted = readState('c', out.take().bytes, layout)
        }
        fold(set, parted, fact)
      }
      assert.deepEqual(read(set, parted), read(set, whole))
      assert.deepEqual(parted.session, whole.session)
    }),
    { numRuns: 200 },
  )
})

test('an event older than the longest window of its group is late and changes nothing', () => {
  const one = compile([
    { name: 'n5', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 5 * minuteMs, paneMs: minuteMs } },
    { name: 'n10', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 10 * minuteMs, paneMs: minuteMs } },
  ])
  assert.equal(one.groups.length, 1, 'features of one condition and one pane share a group')
  const profile = new Profile('c')
  const at = (minutes: number) => ({ timeMs: 1_700_000_040_000 + minutes * minuteMs, type: 'a', value: 1 })
  assert.equal(fold(one, profile, at(20)), false)
  assert.equal(fold(one, profile, at(11)), false, 'the oldest pane that is kept')
  assert.equal(fold(one, profile, at(10)), true)
  assert.deepEqual(read(one, profile), { n5: 1, n10: 2 })
})

test('a session feature starts anew with each session and ignores events of past ones', () => {
  const one = compile([{ name: 'n', kind: { name: 'count' }, window: { kind: 'session' } }])
  const profile = new Profile('c')
  const at = (minutes: number) => ({ timeMs: 1_700_000_000_000 + minutes * minuteMs, type: 'a', value: 1 })
  fold(one, profile, at(0))
  fold(one, profile, at(20))
  assert.deepEqual(read(one, profile), { n: 2 })
  fold(one, profile, at(80))
  assert.deepEqual(read(one, profile), { n: 1 })
  assert.equal(fold(one, profile, at(10)), true, 'it is of the first session')
  assert.deepEqual(read(one, profile), { n: 1 })
})

test('a bounded set keeps its bound and sums saturate instead of losing digits', () => {
  const one = compile([
    { name: 'd', kind: { name: 'distinct', of: 'properties.v', max: 3 }, window: { kind: 'lifetime' } },
    { name: 's', kind: { name: 'sum', of: 'properties.v', scale: 2 }, window: { kind: 'lifetime' } },
  ])
  const profile = new Profile('c')
  for (let i = 0; i < 10; i++) fold(one, profile, { timeMs: 1_700_000_000_000 + i, type: 'a', value: i })
  assert.deepEqual(read(one, profile), { d: 3, s: 45 })
  fold(one, profile, { timeMs: 1_700_000_000_100, type: 'a', value: 1e300 })
  fold(one, profile, { timeMs: 1_700_000_000_100, type: 'a', value: 1 })
  assert.equal(read(one, profile)['s'], Number.MAX_SAFE_INTEGER / 100)
})

test('after a change of the features those that stayed find their panes again, and new ones start anew', () => {
  const window: Window = { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs }
  const last = { name: 'last', kind: { name: 'last', of: 'properties.v' }, window } as const
  const total = { name: 'total', kind: { name: 'sum', of: 'properties.v', scale: 2 }, window } as const
  const many = { name: 'many', kind: { name: 'distinct', of: 'properties.v', max: 10 }, window } as const
  const other = { name: 'other', kind: { name: 'count' }, window, where: 'type == "b"' } as const
  const before = compile([other, total, last])
  const profile = new Profile('c')
  for (let i = 1; i <= 20; i++) fold(before, profile, { timeMs: 1_700_000_000_000 + i * minuteMs, type: 'a', value: i })

  const after = compile([
    many,
    last,
    { ...total, name: 'sum_20m', window: { ...window, sizeMs: 20 * minuteMs } },
    total,
  ])
  const out = new RowBuffer()
  writeState(out, profile, layoutOf(before))
  out.endRow()
  const restored = readState('c', out.take().bytes, layoutOf(after))
  assert.deepEqual(read(after, restored), { many: 0, last: 20, sum_20m: 209, total: 210 })
  fold(after, restored, { timeMs: 1_700_000_000_000 + 21 * minuteMs, type: 'a', value: 5 })
  const { many: counted, last: latest, total: summed } = read(after, restored)
  assert.deepEqual([counted, latest, summed], [1, 5, 215])
})
