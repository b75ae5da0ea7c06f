import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Value } from '../events/event.ts'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { keepState } from '../timers/states.ts'
import type { AggregateDeclaration, AggregateFeature } from './declaration.ts'
import { rowCount } from './panes.ts'
import { compile, type Fact, fold, gapMs, read } from './test-fold.ts'
import type { Window } from './window.ts'

const minuteMs = 60_000

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
    case 'funnel':
    case 'sequence':
      throw new Error('steps have tests of their own')
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

function assertIs({ name, kind, window }: AggregateFeature, got: Value | undefined, wanted: Value): void {
  const error = errorOf[kind.name]
  const about = `${name} ${kind.name} ${JSON.stringify(window)}`
  if (error === undefined || wanted === null || got === null) assert.deepEqual(got, wanted, about)
  else {
    const off = Math.abs((got as number) - (wanted as number))
    assert.ok(off <= error(wanted as number), `${about}: ${got} is not ${wanted}`)
  }
}

const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 5 * minuteMs, paneMs: minuteMs },
  { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'panes', sizeMs: 15 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'panes', sizeMs: 20 * minuteMs, paneMs: 20 * minuteMs },
  { kind: 'sliding', sizeMs: 10 * minuteMs, maxEvents: 1000 },
  { kind: 'sliding', sizeMs: 30 * minuteMs, maxEvents: 4 },
  { kind: 'calendar', period: 'day', timezone: 'Europe/Paris' },
  { kind: 'calendar', period: 'week', timezone: 'Asia/Kathmandu' },
  { kind: 'calendar', period: 'day', timezone: 'customer' },
  { kind: 'calendar', period: 'month', timezone: 'customer' },
  { kind: 'events', count: 1 },
  { kind: 'events', count: 7 },
  { kind: 'session' },
  { kind: 'lifetime' },
]
const kindsOf = (window: Window) => (window.kind === 'lifetime' ? [decayed] : 'sizeMs' in window ? [rate] : [])
const declarations: readonly AggregateFeature[] = windows.flatMap((window, w) =>
  [...kinds, ...kindsOf(window)].flatMap((kind, k) => [
    { name: `all_${w}_${k}`, kind, window },
    { name: `some_${w}_${k}`, kind, window, where: 'type == "b"' },
  ]),
)
const set = compile(declarations)

/** Few ms, so that some are shared; gaps around that of a session; midnight in Paris at 46 minutes, in Kathmandu before. */
const facts = fc
  .array(
    fc.record({
      timeMs: fc
        .tuple(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 0, 1, 59_999))
        .map(([minutes, ms]) => 1_700_000_000_000 + minutes * minuteMs + ms),
      type: fc.constantFrom('a', 'b'),
      value: fc.oneof(
        fc.constantFrom(null, 1, 2, 2.005),
        fc.integer({ min: -500, max: 500 }).map((n) => n / 100),
      ),
      timezone: fc.constantFrom('', '', 'America/New_York', 'Asia/Kolkata', 'Nowhere/Else'),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((given) => given.map((fact, i) => ({ ...fact, id: `${(i * 7) % 40}` })))

const dateIn = (timezone: string) => {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' })
  return (timeMs: number) => Date.parse(format.format(timeMs))
}
const dates = new Map(
  ['UTC', 'Europe/Paris', 'Asia/Kathmandu', 'America/New_York', 'Asia/Kolkata'].map((name) => [name, dateIn(name)]),
)

/** The first day of the local period that a time lies in. */
function firstDay(period: 'day' | 'week' | 'month', timezone: string, timeMs: number): number {
  const day = dates.get(timezone)!(timeMs)
  const date = new Date(day)
  if (period === 'week') return day - ((date.getUTCDay() + 6) % 7) * 86_400_000
  return period === 'day' ? day : Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** The facts of a condition that a window holds as of a moment, by the rules of docs/features.md. */
function held(window: Window, given: readonly Fact[], type: string | undefined, asOfMs: number): readonly Fact[] {
  const meeting = given.filter((fact) => type === undefined || fact.type === type)
  switch (window.kind) {
    case 'panes': {
      const { sizeMs, paneMs } = window
      const now = Math.floor(asOfMs / paneMs)
      return meeting.filter(({ timeMs }) => {
        const pane = Math.floor(timeMs / paneMs)
        return pane > now - sizeMs / paneMs && pane <= now
      })
    }
    case 'sliding': {
      const inside = meeting.filter(({ timeMs }) => timeMs > asOfMs - window.sizeMs)
      const latest = [...new Set(inside.map(({ timeMs }) => timeMs))].sort((a, b) => b - a).slice(0, window.maxEvents)
      return inside.filter(({ timeMs }) => latest.includes(timeMs))
    }
    case 'calendar': {
      const { period } = window
      const known = given
        .filter(({ timezone }) => dates.has(timezone!))
        .sort((a, b) => a.timeMs - b.timeMs || byText(a.timezone!, b.timezone!))
      const zone = window.timezone === 'customer' ? (known.at(-1)?.timezone ?? 'UTC') : window.timezone
      const now = firstDay(period, zone, asOfMs)
      return meeting.filter(({ timeMs }) => firstDay(period, zone, timeMs) === now)
    }
    case 'events':
      return [...meeting].sort((a, b) => a.timeMs - b.timeMs || byText(a.id!, b.id!)).slice(-window.count)
    case 'session': {
      let startMs = asOfMs
      for (const { timeMs } of [...given].sort((a, b) => b.timeMs - a.timeMs)) {
        if (startMs - timeMs > gapMs) break
        startMs = timeMs
      }
      return meeting.filter(({ timeMs }) => timeMs >= startMs)
    }
    case 'lifetime':
      return meeting
  }
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
          const wanted = held(window, given, where === undefined ? undefined : 'b', asOfMs)
          assertIs(feature, values[name], byDefinition(kind, wanted, asOfMs, window))
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('a profile written and read back goes on as if nothing had happened', () => {
  // Past its bound it keeps a sketch.
  const sketch = { kind: { name: 'distinct', of: 'properties.v', max: 3 }, window: { kind: 'lifetime' } } as const
  const set = compile([...declarations, { name: 'sketch', ...sketch }])
  const layout = layoutOf(set, [])
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
    }),
    { numRuns: 200 },
  )
})

test("a profile's timers are found again under their names, and those that are gone are dropped", () => {
  const never = () => false
  const absence = (name: string) =>
    ({ kind: 'absence', name, signature: name, absent: never, after: never, forMs: 10 }) as const
  const crossing = (name: string) =>
    ({ kind: 'crossing', name, signature: name, when: never, names: new Set<string>(), changes: [] }) as const
  const states = [
    { afterMs: 1_700_000_000_000, absentMs: 5, fired: false },
    { asOfMs: 1_700_000_000_000, nextMs: Number.POSITIVE_INFINITY, met: true },
    { afterMs: 7, absentMs: 0, fired: true },
    { asOfMs: 8, nextMs: 1_700_000_000_000, met: false },
  ]
  const profile = new Profile('c')
  for (const [index, state] of states.entries()) keepState(profile, index, state)
  const out = new RowBuffer()
  writeState(out, profile, layoutOf(set, [absence('a'), crossing('b'), absence('c'), crossing('d')]))
  out.endRow()
  const after = layoutOf(set, [absence('new'), absence('c'), crossing('d'), crossing('b'), absence('a')])
  const [a, b, c, d] = states
  assert.deepEqual(readState('c', out.take().bytes, after).timers, [undefined, c, d, b, a])
  const none = new RowBuffer()
  writeState(none, new Profile('d'), after)
  none.endRow()
  assert.deepEqual(readState('d', none.take().bytes, after).timers, [])
})

test('an event older than the longest window of its group is late and changes nothing', () => {
  const one = compile([
    { name: 'n5', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 5 * minuteMs, paneMs: minuteMs } },
    { name: 'n10', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 10 * minuteMs, paneMs: minuteMs } },
  ])
  assert.equal(one.groups.length, 1, 'features of one condition and one pane share a group')
  const profile = new Profile('c')
  assert.equal(fold(one, profile, at(20)), false)
  assert.equal(fold(one, profile, at(11)), false, 'the oldest pane that is kept')
  assert.equal(fold(one, profile, at(10)), true)
  assert.deepEqual(read(one, profile), { n5: 1, n10: 2 })
})

const at = (minutes: number, type = 'a') => ({ timeMs: 1_700_000_040_000 + minutes * minuteMs, type, value: 1 })

test('a session feature starts again with each session, and a late event joins two sessions', () => {
  const one = compile([
    { name: 'n', kind: { name: 'count' }, window: { kind: 'session' } },
    { name: 'b', kind: { name: 'count' }, window: { kind: 'session' }, where: 'type == "b"' },
  ])
  const profile = new Profile('c')
  for (const fact of [at(0, 'b'), at(30)]) fold(one, profile, fact)
  assert.deepEqual(read(one, profile), { n: 2, b: 1 }, 'a gap that is no longer than allowed')
  fold(one, profile, at(90, 'b'))
  assert.deepEqual(read(one, profile), { n: 1, b: 1 })
  assert.equal(fold(one, profile, at(10)), false, 'of the first session')
  assert.deepEqual(read(one, profile), { n: 1, b: 1 })
  fold(one, profile, at(60))
  assert.deepEqual(read(one, profile), { n: 5, b: 2 })
  const overMs = profile.streamTimeMs + gapMs
  assert.deepEqual(read(one, profile, overMs), { n: 5, b: 2 })
  assert.deepEqual(read(one, profile, overMs + 1), { n: 0, b: 0 }, 'the session is over, and the next has not begun')
})

test('only sessions that an event may still touch are kept', () => {
  const one = compile([
    { name: 'n', kind: { name: 'count' }, window: { kind: 'session' }, latenessMs: 60 * minuteMs },
    {
      name: 'b',
      kind: { name: 'count' },
      window: { kind: 'session' },
      latenessMs: 60 * minuteMs,
      where: 'type == "b"',
    },
  ])
  const profile = new Profile('c')
  for (let i = 0; i < 1000; i++) fold(one, profile, at(i * 40, i % 2 === 0 ? 'a' : 'b'))
  for (const rows of profile.groups) assert.ok(rowCount(rows!) <= 3, `${rowCount(rows!)} rows`)
  assert.equal(fold(one, profile, at(999 * 40 - 60)), false)
  assert.equal(fold(one, profile, at(999 * 40 - 61)), true)
})

test('an event later than its lateness changes nothing of the feature that says so', () => {
  const latenessMs = 5 * minuteMs
  const count = { kind: { name: 'count' } } as const
  const windows: readonly Window[] = [
    { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: minuteMs },
    { kind: 'sliding', sizeMs: 60 * minuteMs, maxEvents: 100 },
    { kind: 'calendar', period: 'month', timezone: 'UTC' },
    { kind: 'calendar', period: 'month', timezone: 'customer' },
    { kind: 'events', count: 10 },
    { kind: 'session' },
    { kind: 'lifetime' },
  ]
  const one = compile([
    ...windows.map((window, i) => ({ name: `strict_${i}`, ...count, window, latenessMs })),
    ...windows.map((window, i) => ({ name: `open_${i}`, ...count, window })),
  ])
  const profile = new Profile('c')
  const lateBy = new Map<string, number>()
  assert.equal(fold(one, profile, at(20), lateBy), false)
  assert.equal(fold(one, profile, at(15), lateBy), false)
  assert.equal(fold(one, profile, { ...at(15), timeMs: at(15).timeMs - 1 }, lateBy), true)
  assert.deepEqual(Object.fromEntries(lateBy), Object.fromEntries(windows.map((_, i) => [`strict_${i}`, 1])))
  const values = read(one, profile)
  for (const [i, window] of windows.entries()) {
    assert.deepEqual([values[`strict_${i}`], values[`open_${i}`]], [2, 3], JSON.stringify(window))
  }
})

test('a sliding window and the last events keep no more than they say, whatever comes late', () => {
  const one = compile([
    { name: 'sliding', kind: { name: 'count' }, window: { kind: 'sliding', sizeMs: 60 * minuteMs, maxEvents: 10 } },
    { name: 'last', kind: { name: 'count' }, window: { kind: 'events', count: 10 } },
  ])
  const profile = new Profile('c')
  for (let i = 0; i < 100; i++) {
    fold(one, profile, at(i))
    assert.equal(fold(one, profile, at(i - 0.5)), false)
    assert.equal(fold(one, profile, at(i - 50)), false, 'in time, though older than all that are kept')
    for (const rows of profile.groups) assert.ok(rowCount(rows!) <= 10)
  }
  assert.deepEqual(read(one, profile), { sliding: 10, last: 10 })
})

test('a local day has 23 or 25 hours where clocks change', () => {
  const one = compile([
    { name: 'paris', kind: { name: 'count' }, window: { kind: 'calendar', period: 'day', timezone: 'Europe/Paris' } },
    { name: 'own', kind: { name: 'count' }, window: { kind: 'calendar', period: 'day', timezone: 'customer' } },
  ])
  const cases = [
    { day: '2026-03-29', firstHour: '2026-03-28T23:00Z', hours: 23 },
    { day: '2026-10-25', firstHour: '2026-10-24T22:00Z', hours: 25 },
    { day: '2026-12-01', firstHour: '2026-11-30T23:00Z', hours: 24 },
  ]
  for (const { day, firstHour, hours } of cases) {
    const profile = new Profile('c')
    const firstMs = Date.parse(firstHour)
    for (let i = -5; i < hours; i++) {
      fold(one, profile, { timeMs: firstMs + i * 60 * minuteMs, type: 'a', value: 1, timezone: 'Europe/Paris' })
    }
    assert.deepEqual(read(one, profile), { paris: hours, own: hours }, day)
    assert.deepEqual(read(one, profile, firstMs + hours * 60 * minuteMs), { paris: 0, own: 0 }, `the day after ${day}`)
  }
})

test("the customer's timezone is what the latest event says, its trait before its field, whenever that event arrives", () => {
  const window = { kind: 'calendar', period: 'day', timezone: 'customer' } as const
  const one = compile([{ name: 'n', kind: { name: 'count' }, window }])
  const hour = (text: string, timezone = '', trait = '') => ({
    timeMs: Date.parse(`2026-06-01T${text}Z`),
    type: 'a',
    value: 1,
    timezone,
    ...(trait === '' ? {} : { trait }),
  })
  // Midnight in Tokyo is at 15:00 UTC, in Kathmandu at 18:15.
  const facts = [
    hour('14:50'),
    hour('18:05', 'Asia/Tokyo'),
    hour('18:20'),
    hour('18:10', 'Asia/Tokyo', 'Asia/Kathmandu'),
  ]
  const profile = new Profile('c')
  const counts = facts.map((fact) => {
    fold(one, profile, fact)
    return read(one, profile)['n']
  })
  assert.deepEqual(counts, [1, 1, 2, 1])
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

test('after the features change, those that stayed find their panes again, and new ones start empty', () => {
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
  writeState(out, profile, layoutOf(before, []))
  out.endRow()
  const restored = readState('c', out.take().bytes, layoutOf(after, []))
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
    { name: 'named', value: '{"a": a, "all": [{"b": b}]}' },
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
    named: { a: 4, all: [{ b: 1 }] },
    older: 4,
    types: { a: 4, b: 1 },
    share: 0.2,
  })
})
