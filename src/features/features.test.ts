import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { touchSession } from '../enrich/session.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import type { AggregateDeclaration, AggregateFeature, FeatureDeclaration } from './declaration.ts'
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
    set.features.map((feature) => [
      feature.name,
      feature.read({ groups: profile.groups, session: profile.session, traits: profile.traits, asOfMs }),
    ]),
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
  { name: 'time_since_first' },
  { name: 'active_days' },
  { name: 'variance', of: 'properties.v', scale: 2 },
  { name: 'stddev', of: 'properties.v', scale: 2 },
  { name: 'last_n', of: 'properties.v', n: 3 },
  { name: 'most_frequent', of: 'properties.v', max: 1000 },
  { name: 'least_frequent', of: 'properties.v', max: 1000 },
  { name: 'quantile', of: 'properties.v', q: 0.5, error: 0.01 },
  { name: 'smoothed_rate', of: 'properties.v > 0.0', prior: 0.1, weight: 5 },
  { name: 'count', by: { key: 'type', max: 10 } },
  { name: 'count', of: 'properties.v', by: { key: 'properties.v', max: 1000 } },
  { name: 'sum', of: 'properties.v', scale: 2, by: { key: 'type', max: 10 } },
]
/** A kind that wants a window of a size, and one that wants the lifetime. */
const rate: AggregateDeclaration = { name: 'rate', of: 'properties.v', scale: 2, perMs: 2 * minuteMs }
const decayed: AggregateDeclaration = { name: 'decayed_sum', of: 'properties.v', halfLifeMs: 7 * minuteMs }

/** What each kind is by its definition, over the facts that a window holds. */
function byDefinition(kind: AggregateDeclaration, facts: readonly Fact[], asOfMs: number, window: Window): Value {
  const values = facts.map(({ value }) => value).filter((value) => value !== null) as number[]
  const toCents = (value: number) => Math.floor(value * 100 + 0.5)
  const cents = values.reduce((total, value) => total + toCents(value), 0)
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const times = facts.map(({ timeMs }) => timeMs)
  const secondsTo = (timeMs: number) => (facts.length === 0 ? null : Math.floor((asOfMs - timeMs) / 1000))
  const ordered = facts
    .filter(({ value }) => value !== null)
    .sort((a, b) => a.timeMs - b.timeMs || (a.value as number) - (b.value as number))
  switch (kind.name) {
    case 'count':
      if (kind.by) return byKey(kind.by.key === 'type' ? facts.map(({ type }) => type) : values, () => 1)
      return kind.of ? values.length : facts.length
    case 'sum': {
      if (!kind.by) return cents / 100
      const valued = facts.filter(({ value }) => value !== null)
      const types = valued.map(({ type }) => type)
      const byType = byKey(types, (i) => toCents(valued[i]!.value as number))
      return Object.fromEntries(Object.entries(byType).map(([key, total]) => [key, total / 100]))
    }
    case 'variance':
    case 'stddev': {
      const mean = cents / values.length
      const spread = values.reduce((total, value) => total + (toCents(value) - mean) ** 2, 0) / values.length
      return values.length === 0 ? null : kind.name === 'variance' ? spread / 10_000 : Math.sqrt(spread) / 100
    }
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
    case 'last_n':
      return ordered
        .reverse()
        .slice(0, 3)
        .map(({ value }) => value)
    case 'most_frequent':
    case 'least_frequent': {
      const sign = kind.name === 'most_frequent' ? 1 : -1
      return [...counts].sort(([a, n], [b, m]) => (m - n) * sign || a - b)[0]?.[0] ?? null
    }
    case 'quantile':
      return values.sort((a, b) => a - b)[Math.floor(0.5 * (values.length - 1))] ?? null
    case 'rate':
      return cents / 100 / ((window as { sizeMs: number }).sizeMs / kind.perMs)
    case 'smoothed_rate':
      return (values.filter((value) => value > 0).length + 5 * 0.1) / (facts.length + 5)
    case 'decayed_sum':
      return facts.reduce(
        (sum, { value, timeMs }) => sum + Number(value) * 2 ** ((timeMs - asOfMs) / kind.halfLifeMs),
        0,
      )
    case 'active_days':
      return new Set(times.map((timeMs) => Math.floor(timeMs / (1440 * minuteMs)))).size
    case 'top':
      return [...counts]
        .sort(([a, n], [b, m]) => m - n || a - b)
        .slice(0, 2)
        .map(([value]) => value)
    case 'time_since':
      return secondsTo(Math.max(...times))
    case 'time_since_first':
      return secondsTo(Math.min(...times))
  }
}

function byKey(keys: readonly (string | number)[], amount: (i: number) => number): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const [i, key] of keys.entries()) totals[key] = (totals[key] ?? 0) + amount(i)
  return totals
}

/** How far a kind may be from its definition; those that are not here are exact. */
const errorOf: Partial<Record<AggregateDeclaration['name'], (wanted: number) => number>> = {
  quantile: (wanted) => Math.abs(wanted) * 0.01 + 1e-9,
  // To 1e-12 of the sum of the sizes, which are at most sixty of 5.
  decayed_sum: () => 300e-12,
  // It is the definition above that rounds: beckon's own is exact but for its last steps.
  variance: () => 1e-12,
  stddev: () => 1e-12,
}

function assertIs({ name, kind }: AggregateFeature, got: Value | undefined, wanted: Value): void {
  const error = errorOf[kind.name]
  if (error === undefined || wanted === null || got === null) assert.deepEqual(got, wanted, `${name} ${kind.name}`)
  else {
    const off = Math.abs((got as number) - (wanted as number))
    assert.ok(off <= error(wanted as number), `${name} ${kind.name}: ${got} is not ${wanted}`)
  }
}

const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 5 * minuteMs, paneMs: minuteMs },
  { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'panes', sizeMs: 15 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'lifetime' },
]
const declarations: readonly AggregateFeature[] = windows.flatMap((window, w) =>
  [...kinds, window.kind === 'lifetime' ? decayed : rate].flatMap((kind, k) => [
    { name: `all_${w}_${k}`, kind, window },
    { name: `some_${w}_${k}`, kind, window, where: 'type == "b"' },
  ]),
)
const set = compile(declarations)

const facts = fc.array(
  fc.record({
    timeMs: fc.integer({ min: 0, max: 100 * minuteMs }).map((ms) => 1_700_003_000_000 + ms),
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
        for (const feature of declarations) {
          const { name, kind, window, where } = feature
          const wanted = held(window, given, asOfMs).filter(({ type }) => where === undefined || type === 'b')
          assertIs(feature, values[name], byDefinition(kind, wanted, asOfMs, window))
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('a profile written and read back goes on as if nothing had happened', () => {
  // Past its bound it keeps a sketch.
  const sketch = { kind: { name: 'distinct', of: 'properties.v', max: 3 }, window: { kind: 'lifetime' } } as const
  const set = compile([...declarations, { name: 'sketch', ...sketch }])
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

test('sums saturate instead of losing digits', () => {
  const one = compile([
    { name: 's', kind: { name: 'sum', of: 'properties.v', scale: 2 }, window: { kind: 'lifetime' } },
  ])
  const profile = new Profile('c')
  for (let i = 0; i < 10; i++) fold(one, profile, { timeMs: 1_700_000_000_000 + i, type: 'a', value: i })
  assert.equal(read(one, profile)['s'], 45)
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

test('a feature may be computed from others in any order, from traits, and is null where it has no value', () => {
  const window: Window = { kind: 'lifetime' }
  const set = compile([
    { name: 'percent', value: 'ratio * 100' },
    { name: 'ratio', value: 'double(b) / a' },
    { name: 'whole', value: 'b / a' },
    { name: 'a', kind: { name: 'count' }, where: 'type == "a"', window },
    { name: 'b', kind: { name: 'count' }, where: 'type == "b"', window },
    { name: 'last', kind: { name: 'last', of: 'properties.v' }, window },
    { name: 'plan', value: 'traits.plan == "pro" ? "pro" : "free"' },
    { name: 'named', value: '{"a": a, "b": b}' },
    { name: 'older', value: 'last + 1' },
    { name: 'types', kind: { name: 'count', by: { key: 'type', max: 2 } }, window },
    { name: 'share', value: 'double(types.b) / (a + b)' },
  ])
  const profile = new Profile('c')
  const at = (type: string, value: Value) => ({ timeMs: 1_700_000_000_000, type, value })
  fold(set, profile, at('b', null))
  const { percent, ratio, plan, older } = read(set, profile)
  assert.deepEqual([percent, ratio, plan, older], [null, null, null, null])
  for (let i = 0; i < 4; i++) fold(set, profile, at('a', i))
  profile.traits = new Map([['plan', 'pro']])
  assert.deepEqual(read(set, profile), {
    percent: 25,
    ratio: 0.25,
    whole: 0,
    a: 4,
    b: 1,
    last: 3,
    plan: 'pro',
    named: { a: 4, b: 1 },
    older: 4,
    types: { a: 4, b: 1 },
    share: 0.2,
  })
})
