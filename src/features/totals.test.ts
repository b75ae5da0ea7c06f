import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import { copyProfile, restoreProfile } from '../profiles/copy.ts'
import { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import type { AggregateDeclaration, FeatureDeclaration } from './declaration.ts'
import type { FeatureSet } from './features.ts'
import { compile, type Fact, fold, read } from './test-fold.ts'
import { keepTotal } from './totals.ts'
import type { Window } from './window.ts'

/** A total that outlived the rows that it is of would be read for years; so all that happens to rows happens here. */

const minuteMs = 60_000
const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 20 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'sliding', sizeMs: 30 * minuteMs, maxEvents: 6 },
  { kind: 'calendar', period: 'day', timezone: 'customer' },
  { kind: 'events', count: 3 },
  { kind: 'events', count: 8 },
  { kind: 'session' },
  { kind: 'lifetime' },
]
const of = 'properties.v'
const by = { key: of, max: 3 }
const kinds: readonly AggregateDeclaration[] = [
  { name: 'count', by },
  { name: 'sum', of: 'type == "huge" ? 1e15 : type == "loss" ? -1e15 : 1.5', scale: 4, by },
  { name: 'distinct', of, max: 2 },
  { name: 'distinct', of, max: 100 },
  { name: 'top', of, k: 2, max: 100 },
  { name: 'most_frequent', of, max: 3 },
  { name: 'least_frequent', of, max: 100 },
  { name: 'quantile', of: 'type == "huge" ? 1e9 : 2.5', q: 0.5, error: 0.01 },
  { name: 'active_days' },
]
const declared = windows.flatMap((window, w) =>
  kinds.map((kind, k): FeatureDeclaration => ({ name: `f${w}_${k}`, kind, window })),
)
const set = compile(declared)
const plainSet = withoutTotals(compile(declared))
const layout = layoutOf(set, [])

const bytesOf = (profile: Profile, under = layout): Buffer => {
  const out = new RowBuffer()
  writeState(out, profile, under)
  out.endRow()
  return out.take().bytes
}

/** Its features go through all that the rows keep. */
function withoutTotals(of: FeatureSet): FeatureSet {
  for (const { members } of of.groups)
    for (const { aggregate } of members) Object.assign(aggregate, { makeTotal: undefined })
  return of
}

/** Keeps the totals of all features from now on, however little there is to go through. */
function keepAll({ features }: FeatureSet, { groups }: Profile): void {
  for (const { state } of features) {
    const rows = groups[state!.group.index]
    if (rows === undefined || state!.member.aggregate.makeTotal === undefined) continue
    const { member, back } = state!
    if (rows.totals?.some((total) => total.keptAt === member.keptAt && total.back === back)) continue
    keepTotal(rows, member, back, 0)
  }
}

const values = fc.constantFrom('a', 'b', 'c', 'd', 'e', '7', '10', 'ä', 1, 2, 3, true)
const facts = fc.record({
  /** Most are in order, some late, some a long way on. */
  stepMs: fc.oneof(
    fc.constantFrom(0, 1, 1_000, 2 * minuteMs, 7 * minuteMs, -3 * minuteMs, -20 * minuteMs, 40 * minuteMs),
    fc.integer({ min: -90 * minuteMs, max: 90 * minuteMs }),
  ),
  type: fc.constantFrom('view', 'view', 'view', 'huge', 'loss'),
  value: values,
})
const happenings = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: facts.map((fact) => ({ what: 'fact' as const, ...fact })) },
    { weight: 2, arbitrary: facts.map((fact) => ({ what: 'undone' as const, ...fact })) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 90 }).map((minutes) => ({ what: 'later' as const, minutes })) },
    { weight: 1, arbitrary: fc.constant({ what: 'stored' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'copied' as const }) },
  ),
  { minLength: 1, maxLength: 40 },
)

test('totals read the same as the rows, whatever happens to the rows', () => {
  fc.assert(
    fc.property(happenings, (all) => {
      let [watched, plain] = [new Profile('c'), new Profile('c')]
      let count = 0
      const factOf = (of: { stepMs: number; type: string; value: string | number | boolean }): Fact => {
        const timeMs = Math.max(0, (plain.streamTimeMs || Date.UTC(2026, 0, 5)) + of.stepMs)
        return { timeMs, type: of.type, value: of.value, id: `${count++ % 3}` }
      }
      for (const happening of all) {
        let asOfMs = plain.streamTimeMs
        if (happening.what === 'fact') {
          const fact = factOf(happening)
          fold(set, watched, fact)
          fold(plainSet, plain, fact)
          asOfMs = plain.streamTimeMs
        } else if (happening.what === 'undone') {
          const copy = copyProfile(watched)
          fold(set, watched, factOf(happening))
          read(set, watched)
          restoreProfile(watched, copy)
        } else if (happening.what === 'later') asOfMs += happening.minutes * minuteMs
        else if (happening.what === 'stored') {
          watched = readState('c', bytesOf(watched), layout)
          plain = readState('c', bytesOf(plain), layout)
        } else {
          const copy = copyProfile(watched)
          restoreProfile(watched, copy)
        }
        keepAll(set, watched)
        const [found, wanted] = [read(set, watched, asOfMs), read(plainSet, plain, asOfMs)]
        for (const name of Object.keys(wanted)) assert.deepEqual(found[name], wanted[name], name)
        assert.deepEqual(bytesOf(watched), bytesOf(plain))
      }
    }),
    { numRuns: 3_000 },
  )
})

test('an expression asks a total for one key, for all of them, or for how many there are', () => {
  const features = compile([
    { name: 'by', kind: { name: 'count', by: { key: of, max: 300 } }, window: windows[1]! },
    { name: 'of_b', value: 'by.b' },
    { name: 'of_v999', value: 'has(by.v999)' },
    { name: 'is_in', value: '"b" in by' },
    { name: 'number', value: 'by.size()' },
    { name: 'seven', value: 'by.filter(k, by[k] == 7)' },
    { name: 'whole', value: 'by' },
  ])
  const profile = new Profile('c')
  const at = Date.UTC(2026, 0, 5)
  const value = (i: number) => (i % 100 < 7 ? ['b', '30', '4'][i % 3]! : `v${i}`)
  for (let i = 0; i < 1_000; i++) fold(features, profile, { timeMs: at + i * 2_000, type: 'view', value: value(i) })
  const found = read(features, profile)
  assert.ok(profile.groups[0]?.totals?.length === 1, 'there is one')
  const counts = new Map<string, number>()
  for (let i = 0; i < 1_000; i++) counts.set(value(i), (counts.get(value(i)) ?? 0) + 1)
  const first = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, 300)
  assert.deepEqual(found['by'], Object.fromEntries(first))
  assert.deepEqual(found['whole'], found['by'])
  assert.deepEqual(
    [found['of_b'], found['of_v999'], found['is_in'], found['number']],
    [counts.get('b'), false, true, 300],
  )
  assert.deepEqual(Object.keys(found['by'] as object).slice(0, 3), ['4', '30', 'b'])
})

test('buckets that are too many become wider, and narrower again when rows leave', () => {
  const window: Window = { kind: 'panes', sizeMs: 20 * minuteMs, paneMs: 5 * minuteMs }
  const kind = { name: 'quantile', of, q: 0.7, error: 0.001 } as const
  const both = [
    { name: 'all', kind, window },
    { name: 'latest', kind, window: { ...window, sizeMs: 5 * minuteMs } },
  ]
  const [wide, plain] = [compile(both), withoutTotals(compile(both))]
  const one = fc.record({
    many: fc.constantFrom(5, 300, 900, 1_300, 2_500),
    exponent: fc.constantFrom(0.5, 3, 8),
    stepMs: fc.constantFrom(0, 5, 12, -5, -10).map((minutes) => minutes * minuteMs),
  })
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 8 }), (batches) => {
      const profile = new Profile('c')
      for (const { many, exponent, stepMs } of batches) {
        const timeMs = (profile.streamTimeMs || Date.UTC(2026, 0, 5)) + stepMs
        for (let i = 0; i < many; i++) {
          fold(wide, profile, { timeMs, type: 'view', value: 10 ** (((i * 7919) % many) * (exponent / many)) })
          if (i % 100 === 0) keepAll(wide, profile)
        }
        keepAll(wide, profile)
        assert.deepEqual(read(wide, profile), read(plain, profile))
      }
    }),
    { numRuns: 100 },
  )
})
