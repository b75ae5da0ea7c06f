import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { windowFault } from '../config/aggregate-schema.ts'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { outsideSessions, touchSession } from '../enrich/session.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import { outcomeType } from '../events/outcome.ts'
import { Scope } from '../expressions/expression.ts'
import type { AggregateDeclaration, FeatureDeclaration } from '../features/declaration.ts'
import { compileFeatures, updateFeatures } from '../features/features.ts'
import { profileVariables } from '../features/moment.ts'
import type { Window } from '../features/window.ts'
import { addToTally, emptyTally } from '../parity/tally.ts'
import { Profile } from '../profiles/profile.ts'
import { readFeatures } from '../profiles/readable.ts'
import { mergeTraits } from '../profiles/traits.ts'
import { insertRows } from '../store/clickhouse/insert.ts'
import { createTestDatabase, skip, type TestDatabase } from '../store/clickhouse/test-database.ts'
import { eventsTable, writeEventRow } from '../store/event-row.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { featureQueries } from './features.ts'

const minuteMs = 60_000
const of = 'properties.v'
const by = { key: 'properties.v', max: 4 }
const kinds: readonly AggregateDeclaration[] = [
  { name: 'count' },
  { name: 'count', of },
  { name: 'count', by },
  { name: 'count', of, by },
  { name: 'sum', of, scale: 2 },
  { name: 'sum', of, scale: 2, by: { key: 'type', max: 4 } },
  { name: 'avg', of, scale: 4 },
  { name: 'variance', of, scale: 2 },
  { name: 'stddev', of, scale: 4 },
  { name: 'min', of },
  { name: 'max', of },
  { name: 'first', of },
  { name: 'last', of },
  { name: 'last_n', of, n: 4 },
  { name: 'distinct', of, max: 10 },
  { name: 'top', of, k: 3, max: 100 },
  { name: 'most_frequent', of, max: 100 },
  { name: 'least_frequent', of, max: 100 },
  { name: 'quantile', of, q: 0.9, error: 0.01 },
  { name: 'rate', perMs: 1000, scale: 4 },
  { name: 'rate', of, perMs: 7000, scale: 4 },
  { name: 'smoothed_rate', of: 'properties.v > 1', prior: 0.05, weight: 10 },
  { name: 'decayed_sum', of, halfLifeMs: 600_000 },
  { name: 'funnel', steps: ['type == "a"', 'properties.v > 1', 'type == "b"'], withinMs: 600_000, maxEvents: 1_000 },
  {
    name: 'sequence',
    steps: ['type == "a"', 'properties.v > 1', 'type == "b"'],
    withinMs: 1_200_000,
    strict: false,
    maxEvents: 1_000,
  },
  { name: 'sequence', steps: ['type == "a"', 'type == "b"'], withinMs: 1_800_000, strict: true, maxEvents: 1_000 },
  { name: 'time_since' },
  { name: 'time_since_first' },
  { name: 'active_days' },
]
const gapMs = 5 * minuteMs
const windows: readonly { readonly window: Window; readonly latenessMs?: number }[] = [
  { window: { kind: 'panes', sizeMs: 5 * minuteMs, paneMs: minuteMs } },
  { window: { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs } },
  { window: { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 5 * minuteMs }, latenessMs: 10 * minuteMs },
  { window: { kind: 'panes', sizeMs: 15 * minuteMs, paneMs: 5 * minuteMs } },
  { window: { kind: 'sliding', sizeMs: 15 * minuteMs, maxEvents: 1_000 } },
  { window: { kind: 'sliding', sizeMs: 30 * minuteMs, maxEvents: 4 }, latenessMs: 20 * minuteMs },
  { window: { kind: 'calendar', period: 'day', timezone: 'Asia/Kolkata' } },
  { window: { kind: 'calendar', period: 'day', timezone: 'customer' } },
  { window: { kind: 'calendar', period: 'week', timezone: 'customer' }, latenessMs: 30 * minuteMs },
  { window: { kind: 'calendar', period: 'month', timezone: 'UTC' } },
  { window: { kind: 'events', count: 5 } },
  { window: { kind: 'events', count: 12 }, latenessMs: 10 * minuteMs },
  { window: { kind: 'session' } },
  { window: { kind: 'session' }, latenessMs: 10 * minuteMs },
  { window: { kind: 'lifetime' } },
  { window: { kind: 'lifetime' }, latenessMs: 10 * minuteMs },
]
const conditions = [
  undefined,
  'type == "b" && properties.v != 2 || outcome == "b"',
  'session_events > 1 || properties.v > 1',
]
const declarations = windows.flatMap(({ window, ...late }, w) =>
  kinds.flatMap((kind, k) =>
    conditions.flatMap((where, c): FeatureDeclaration[] => {
      const name = `f_${w}_${k}_${c}`
      if (windowFault(kind, window) !== undefined) return []
      return [{ name, kind, window, ...late, ...(where === undefined ? {} : { where }) }]
    }),
  ),
)

/** Of each type that a feature has, one that has a bound, and some that are computed from computed ones. */
const ever = { kind: 'lifetime' } as const
const few = { kind: 'events', count: 6 } as const
const base: readonly FeatureDeclaration[] = [
  { name: 'n', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 15 * minuteMs, paneMs: 5 * minuteMs } },
  { name: 'all', kind: { name: 'count' }, window: ever },
  { name: 'sum', kind: { name: 'sum', of, scale: 2 }, window: ever },
  { name: 'mean', kind: { name: 'avg', of, scale: 4 }, window: few },
  { name: 'median', kind: { name: 'quantile', of, q: 0.5, error: 0.1 }, window: ever },
  { name: 'latest', kind: { name: 'last', of }, window: few },
  { name: 'most', kind: { name: 'most_frequent', of, max: 100 }, window: few },
  { name: 'top3', kind: { name: 'top', of, k: 3, max: 100 }, window: ever },
  { name: 'last5', kind: { name: 'last_n', of, n: 5 }, window: few },
  { name: 'by_v', kind: { name: 'count', by: { key: of, max: 50 } }, window: ever },
  { name: 'sum_by', kind: { name: 'sum', of, scale: 2, by: { key: 'type', max: 50 } }, window: few },
  { name: 'whole', value: 'all / n' },
  { name: 'share', value: 'double(n) / all + whole * 0.5' },
  { name: 'texts', value: 'last5.filter(t, t == "" || t == "2" || t == "é").map(t, string(t) + "/")' },
  { name: 'zone', value: 'has(traits.timezone) ? traits.timezone : latest' },
  { name: 'city', value: 'traits.timezone.city' },
  { name: 'is_vip', value: '"vip" in traits.timezone' },
  { name: 'tags', value: 'traits.timezone.filter(t, t != "vip")' },
]

/** Random CEL over them, as far as the check lets it through. */
const cel = fc.letrec<{ any: string; truth: string; amount: string; many: string }>((tie) => {
  const [any, truth, amount, many] = [tie('any'), tie('truth'), tie('amount'), tie('many')]
  const depth = { maxDepth: 3, depthSize: 'max', depthIdentifier: fc.createDepthIdentifier() } as const
  const pair = (of: fc.Arbitrary<string>, ...operators: string[]) =>
    fc.tuple(of, fc.constantFrom(...operators), of).map(([x, op, y]) => `(${x} ${op} ${y})`)
  const choice = (of: fc.Arbitrary<string>) => fc.tuple(truth, of, of).map(([c, x, y]) => `(${c} ? ${x} : ${y})`)
  const name = fc.constantFrom('"a"', '"2"', '"none"', 'latest', 'most')
  return {
    any: fc.oneof(
      depth,
      fc.constantFrom('latest', 'most', 'zone', 'traits.timezone', 'share', 'null', '"2"', 'true', '1'),
      fc.oneof(truth, amount, many),
      fc.tuple(fc.constantFrom('by_v', 'sum_by'), name).map(([map, key]) => `${map}[${key}]`),
      fc.tuple(fc.constantFrom('top3', 'last5', 'texts'), fc.nat(3)).map(([list, i]) => `${list}[${i}]`),
      choice(any),
    ),
    truth: fc.oneof(
      depth,
      fc.constantFrom(
        'has(by_v.b)',
        'size(by_v) > 3',
        'latest in by_v',
        'has(traits.plan)',
        'true',
        '"a" in sum_by',
        'mean != null',
      ),
      pair(amount, '<', '<=', '>', '>=', '==', '!='),
      pair(any, '<', '==', '!='),
      pair(truth, '&&', '||'),
      truth.map((x) => `!${x}`),
      fc.tuple(any, many).map(([x, of]) => `(${x} in ${of})`),
      fc
        .tuple(
          many,
          fc.constantFrom('exists', 'all', 'exists_one'),
          fc.constantFrom('t > 1', 't == latest', 't in top3'),
        )
        .map(([of, macro, body]) => `${of}.${macro}(t, ${body})`),
    ),
    amount: fc.oneof(
      depth,
      fc.constantFrom('n', 'all', 'sum', 'mean', 'median', 'whole', 'share', 'sum_by.a', 'by_v["2"]', '2', '0', '2.5'),
      pair(amount, '+', '-', '*', '/', '%'),
      fc.tuple(fc.constantFrom('double', 'int'), any).map(([f, x]) => `${f}(${x})`),
      many.map((of) => `size(${of})`),
      amount.map((x) => `-${x}`),
      choice(amount),
    ),
    many: fc.oneof(
      depth,
      fc.constantFrom('top3', 'last5', 'sum_by', 'texts', '[1, "2", true]'),
      fc
        .tuple(many, fc.constantFrom('filter(t, t != 2)', 'filter(t, t > 1)', 'filter(t, t in last5)', 'map(t, [t])'))
        .map(([of, how]) => `${of}.${how}`),
      pair(many, '+'),
      fc.tuple(any, any).map(([x, y]) => `[${x}, ${y}]`),
      choice(many),
    ),
  }
})
const fail = (_feature: FeatureDeclaration, _path: readonly PropertyKey[], fault: unknown) =>
  assert.fail(fault as Error)
const scope = new Scope([...profileVariables, ...compileFeatures(base, gapMs, fail).features])
const passes = (value: string) => {
  try {
    scope.compile(value)
    return true
  } catch {
    return false
  }
}
declarations.push(
  ...base,
  ...fc
    .sample(
      fc.oneof(
        cel.any,
        cel.truth,
        cel.amount,
        cel.many,
        cel.any.map((x) => `{"it": ${x}}`),
      ),
      {
        numRuns: 150,
        seed: Number(process.env['SEED'] ?? 5),
      },
    )
    .filter(passes)
    .map((value, i) => ({ name: `computed_${i}`, value })),
)
const set = compileFeatures(declarations, gapMs, fail)
const { queries, untold } = featureQueries(declarations, set, gapMs)

const long = '😀'.repeat(1_024)

const facts = fc.array(
  fc.record({
    // Over the midnights of some places, and with times in common.
    seconds: fc.integer({ min: 0, max: 100 }).map((n) => n * 61),
    type: fc.constantFrom('a', 'b'),
    value: fc.oneof(
      {
        weight: 5,
        arbitrary: fc.constantFrom<Value[]>(null, true, false, '', '2', 'é', '😀', 0, -0, 1, 2, 2.005, 1e9, [1], {
          a: 1,
        }),
      },
      { weight: 5, arbitrary: fc.integer({ min: -5000, max: 5000 }).map((n) => n / 100) },
      // Of which only the first 1,024 characters count, so that two of them are one.
      { weight: 1, arbitrary: fc.constantFrom<Value[]>(`${long}a`, `${long}b`, `${long.slice(2)}a`) },
    ),
    timezone: fc.constantFrom('', '', 'America/New_York', 'Asia/Kolkata', 'Nowhere/Else'),
    trait: fc.constantFrom<(Value | undefined)[]>(
      undefined,
      undefined,
      undefined,
      'Europe/Paris',
      'Nowhere',
      5,
      true,
      null,
      ['vip', 'é'],
      ['vip', { a: [1.5, null] }],
      [],
      { city: 'Zürich', vip: [1] },
      {},
    ),
    isDuplicate: fc.nat(9).map((n) => n === 0),
    isOutcome: fc.nat(9).map((n) => n === 0),
  }),
  { minLength: 5, maxLength: 60 },
)

/** The features as the profile's row has them. */
function streamedOf(profile: Profile): ReadonlyMap<string, Value> {
  const { numberNames, numbers, stringNames, strings, listNames, lists, mapNames, maps } = readFeatures(
    set,
    profile,
    profile.streamTimeMs,
  )
  const columns: readonly (readonly [readonly string[], readonly Value[]])[] = [
    [numberNames, numbers],
    [stringNames, strings],
    [listNames, lists],
    [mapNames, maps.map((entries) => Object.fromEntries(entries))],
  ]
  return new Map(columns.flatMap(([names, values]) => names.map((name, i) => [name, values[i]!] as const)))
}

describe('the features as SQL over events', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database?.drop())

  it('are what the stream keeps, for every kind in every window and what is computed of them, in any order of arrival', async () => {
    assert.deepEqual(untold, [])
    let customers = 0
    await fc.assert(
      fc.asyncProperty(fc.array(facts, { minLength: 5, maxLength: 20 }), async (histories) => {
        const out = new RowBuffer()
        const first = customers
        const profiles = histories.map((given) => {
          const profile = new Profile(`c${customers++}`)
          for (const [offset, { seconds, type, value, timezone, trait, isDuplicate, isOutcome }] of given.entries()) {
            const event = new Event()
            event.customer = profile.customer
            event.type = isOutcome ? outcomeType : type
            event.id = `e${offset % 30}-${offset}`
            event.timezone = timezone
            if (trait !== undefined) event.traits = new Properties(['timezone'], [trait])
            event.timeMs = Date.UTC(2026, 9, 24, 17, 45) + seconds * 1000
            event.properties = isOutcome
              ? new Properties(['v', 'outcome'], [value, type])
              : new Properties(['v'], [value])
            const enrichment = {
              agent: noAgent,
              campaign: noCampaign,
              referrer: noReferrer,
              channelGroup: '' as const,
              geo: noGeo,
            }
            const session = isOutcome ? outsideSessions : profile.session
            let late = false
            if (!isDuplicate) {
              mergeTraits(profile, event.traits, event.timeMs)
              if (!isOutcome) touchSession(session, event, { idleMs: gapMs, maxMs: 40 * minuteMs })
              profile.streamTimeMs = Math.max(profile.streamTimeMs, event.timeMs)
              const { traits, groups, notReady, streamTimeMs: asOfMs } = profile
              const moment = { event, enrichment, session, traits, groups, notReady, asOfMs }
              late = updateFeatures(set, groups, moment, asOfMs, new Map())
            }
            // The positions tell the order, whichever topic an event came by.
            const topic = ['s', 't'][offset % 2]!
            const { index: sessionIndex, startMs: sessionStartMs } = session
            const place = { offset: 1_000 - offset, position: offset, sessionIndex, sessionStartMs }
            writeEventRow(out, topic, 0, { ...place, event, enrichment, late, duplicate: isDuplicate })
          }
          return profile
        })
        await insertRows(database.client, eventsTable, [out.take()])

        const rows = `SELECT * FROM events FINAL WHERE NOT duplicate AND toUInt32(substring(customer, 2)) >= ${first}`
        const found = new Map<string, unknown[]>()
        for (const [q, { text }] of queries.entries()) {
          const result = await database.client.query({
            query: text(rows, 'stream_time'),
            format: 'JSONCompactEachRow',
            clickhouse_settings: { max_ast_elements: '1000000' },
          })
          for (const [, customer, ...cells] of await result.json<unknown[]>()) found.set(`${q} ${customer}`, cells)
        }
        for (const [c, profile] of profiles.entries()) {
          if (profile.streamTimeMs === 0) continue
          const streamed = streamedOf(profile)
          for (const [q, { features }] of queries.entries()) {
            for (const [i, feature] of features.entries()) {
              const tally = emptyTally(feature.name)
              const cell = found.get(`${q} ${profile.customer}`)?.[i]
              const value = (name: string) => streamed.get(name) ?? null
              addToTally(tally, feature, { customer: profile.customer, value }, cell)
              const declared = declarations.find(({ name }) => name === feature.name)
              const told = { declared, history: histories[c], examples: tally.examples }
              assert.equal(tally.different, 0, JSON.stringify(told))
            }
          }
        }
      }),
      { numRuns: 4, endOnFailure: true },
    )
  })
})
