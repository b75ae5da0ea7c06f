import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { mergeConsent, noConsent } from '../../src/consent/consent.ts'
import { compileEngine, type Engine } from '../../src/engine.ts'
import type { RecordBatch } from '../../src/events/log.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import { Pipeline } from '../../src/pipeline.ts'
import { layoutOf, readState, writeState } from '../../src/profiles/codec.ts'
import type { Profile } from '../../src/profiles/profile.ts'
import { compileStages } from '../../src/stages.ts'
import { RowBuffer } from '../../src/store/row-binary.ts'
import { MemoryProfiles } from '../../src/tools/replay/memory-profiles.ts'

/** A profile with something in each of its parts, and every kind of feature over every kind of window that it takes. */

const windows = {
  panes: { size: '1h', pane: '10m' },
  sliding: { sliding: '30m' },
  session: 'session',
  lifetime: 'lifetime',
  day: { calendar: 'day', timezone: 'Europe/Prague' },
  week: { calendar: 'week', timezone: 'customer' },
  month: { calendar: 'month' },
  events: { events: 5 },
}
type WindowName = keyof typeof windows
const all = Object.keys(windows) as WindowName[]

const price = 'properties.price'
const page = 'properties.page'
const steps = ['type == "view"', 'type == "cart"', 'type == "order"']

const kinds: Readonly<Record<string, { readonly declared: object; readonly over?: readonly WindowName[] }>> = {
  count: { declared: { count: {}, where: 'type == "view"' } },
  count_by: { declared: { count: {}, by: page, max_keys: 3 } },
  sum: { declared: { sum: price } },
  sum_by: { declared: { sum: price, by: page } },
  avg: { declared: { avg: price } },
  variance: { declared: { variance: price, scale: 2 } },
  stddev: { declared: { stddev: price } },
  min: { declared: { min: price } },
  max: { declared: { max: price } },
  first: { declared: { first: page } },
  last: { declared: { last: 'properties.member' } },
  last_n: { declared: { last_n: page, n: 3 } },
  distinct: { declared: { distinct: page, max_values: 4 } },
  top: { declared: { top: page, k: 2 } },
  most_frequent: { declared: { most_frequent: page } },
  least_frequent: { declared: { least_frequent: page } },
  quantile: { declared: { quantile: price, q: 0.9, error: 0.05 } },
  rate: { declared: { rate: {}, per: '1m' }, over: ['panes', 'sliding'] },
  rate_of: { declared: { rate: price, per: '1h' }, over: ['panes', 'sliding'] },
  smoothed_rate: { declared: { smoothed_rate: 'type == "order"', prior: 0.2 } },
  decayed_sum: { declared: { decayed_sum: price, half_life: '1d' }, over: ['lifetime'] },
  time_since: { declared: { time_since: {} } },
  time_since_first: { declared: { time_since_first: {} } },
  active_days: { declared: { active_days: {} } },
  funnel: { declared: { funnel: steps, within: '1h' }, over: ['sliding', 'lifetime'] },
  sequence: { declared: { sequence: steps, within: '1h' }, over: ['sliding', 'lifetime'] },
  sequence_strict: { declared: { sequence: steps.slice(0, 2), within: '1h', strict: true }, over: ['lifetime'] },
}

const features = [
  ...Object.entries(kinds).flatMap(([kind, { declared, over = all }]) =>
    over.map((window) => ({ name: `${kind}_${window}`, ...declared, window: windows[window] })),
  ),
  { name: 'share', value: 'sum_panes / (sum_lifetime + 1.0)' },
]

const actions = [
  { name: 'greet', when: 'count_lifetime % 4 == 0', contact: { cooldown: '10m', caps: [{ max: 5, per: '1d' }] } },
  { name: 'remind', on: { absent: 'order', after: 'cart', for: '30m' }, when: 'true' },
  { name: 'lure', on: 'becomes_true', when: 'count_panes >= 2', contact: { cooldown: '1h' } },
]

/** With cases. The golden folds know none. */
export const actionsWithGoals = actions.map((action) =>
  action.name === 'greet' ? { ...action, goal: { when: 'order', within: '6h', value: 'properties.price' } } : action,
)

/** With past contacts, and an action that waits. */
export const contactPolicy = {
  limits: [{ name: 'few', max: 9, per: '7d' }],
  suppressions: [{ name: 'two_noes', after: 'rejection', times: 2, within: '30d', off: '90d' }],
  quiet_hours: [{ name: 'all_day', of: { actions: ['lure'] }, from: '00:01', to: '00:00', timezone: 'Europe/Prague' }],
}

/** 2025-03-29 21:00 UTC, two hours before a day of 23 hours begins in Prague. */
export const startMs = 1_743_282_000_000
const minuteMs = 60_000
export const sampled = 'ada'

const types = ['view', 'view', 'cart', 'view', 'order']

/** Late ones and duplicates among them, and a text that is longer than what aggregates keep of one. */
export const sampleEvents = Array.from({ length: 40 }, (_, i) => ({
  messageId: `m${i === 17 ? 16 : i}`,
  userId: sampled,
  event: types[i % types.length],
  timestamp: new Date(startMs + i * 7 * minuteMs - (i % 6 === 5 ? 20 * minuteMs : 0) + (i > 20 ? 45 * minuteMs : 0)),
  properties: {
    price: (i * 37) % 11 === 0 ? 0.1 + i : i * 1.25,
    page: `p${(i * i) % 6}`,
    member: i === 39 ? 'é'.repeat(1_100) : i % 3 === 0,
  },
  context: {
    page: { url: 'https://shop.test/start' },
    timezone: 'America/New_York',
    traits: {
      plan: 'pro',
      age: 30 + i,
      vip: i % 2 === 0,
      tags: ['a', i],
      address: { city: 'Praha' },
      beta: i < 9 || null,
    },
  },
}))

export interface GoldenProfile {
  /** As `policies` keeps it. */
  readonly policyText: string
  /** As `profiles` keeps it, in base64. */
  readonly state: string
  readonly profile: ReturnType<typeof plain>
}

/** The events as the code of today folds them. */
export async function sampleProfile(): Promise<GoldenProfile> {
  const engine = sampleEngine(actionsWithGoals, { contact_policy: contactPolicy })
  const { policy } = engine
  const pipeline = new Pipeline(compileStages(engine, 'json'))
  const profiles = new MemoryProfiles(policy.timers)
  const nowMs = startMs + 86_400_000
  const batch = await sampleBatch()
  pipeline.fold(batch, 0, pipeline.decode(batch, 0, batch.count, nowMs), profiles, nowMs)
  const statement = { purpose: 'news', channel: 'email', given: true, timeMs: startMs }
  profiles.of(sampled).consent = mergeConsent(noConsent, statement)!
  const about = { name: 'greet', group: 'hello', tags: ['soft'], channel: 'email' }
  profiles.of(sampled).reactions = [{ outcome: 'rejection', timeMs: startMs, ...about }]
  // As it is read back, since a table of ids is laid out otherwise then.
  const profile = profileOf(engine, stateOf(engine, profiles.of(sampled)))
  return { policyText: engine.policyText, state: stateOf(engine, profile), profile: plain(engine, profile) }
}

/** @param more sections of the configuration */
export function sampleEngine(given: readonly object[] = actions, more: object = {}): Engine {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-golden-'))
  const file = join(folder, 'beckon.yaml')
  const config = {
    kafka: { brokers: ['localhost:9092'] },
    clickhouse: { url: 'http://localhost:8123' },
    topics: [{ name: 'clicks', format: 'json' }],
    features,
    actions: given,
    ...more,
  }
  try {
    writeFileSync(file, JSON.stringify(config))
    return compileEngine(loadConfig(file, {}))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function sampleBatch(): Promise<RecordBatch> {
  const log = new MemoryLog(() => startMs)
  await log.createTopics([{ topic: 'clicks', partitions: 1 }])
  const value = (event: object) => Buffer.from(JSON.stringify(event))
  await log.append(
    sampleEvents.map((event) => ({ topic: 'clicks', partition: 0, key: sampled, value: value(event), headers: {} })),
  )
  for await (const batch of log.read('clicks', 0, 0, sampleEvents.length)) return batch
  throw new Error('the log gave no batch')
}

export function stateOf({ features, policy }: Engine, profile: Profile): string {
  const out = new RowBuffer(64 * 1024)
  writeState(out, profile, layoutOf(features, policy.timers))
  out.endRow()
  return out.take().bytes.toString('base64')
}

export const profileOf = ({ features, policy }: Engine, state: string): Profile =>
  readState(sampled, Buffer.from(state, 'base64'), layoutOf(features, policy.timers))

/** All that a profile says, as JSON has it. */
export function plain({ features }: Engine, profile: Profile) {
  const { streamTimeMs, session, traits, traitTimes, consent, contacts, timers, cases, recentIds, groups, notReady } =
    profile
  const { pastContacts, reactions, holds } = profile
  const moment = { groups, notReady, session, traits, asOfMs: streamTimeMs }
  const ids: [number, number][] = []
  recentIds.forEach((hash, timeMs) => {
    ids.push([hash, timeMs])
  })
  const values = features.features.map(({ name, read }) => [name, read(moment) ?? null])
  const said = {
    streamTimeMs,
    session,
    traits: Object.fromEntries(traits),
    traitTimes: Object.fromEntries(traitTimes),
    // Left out by formats that did not have it.
    ...(consent.size > 0 ? { consent: [...consent].map(([purpose, said]) => [purpose, [...said]]) } : {}),
    contacts: Object.fromEntries(contacts),
    ...(holds.length > 0 ? { pastContacts, reactions, holds } : {}),
    timers,
    cases: cases.length > 0 ? cases : undefined,
    ids: ids.sort(([a], [b]) => a - b),
    features: Object.fromEntries(values),
  }
  return JSON.parse(JSON.stringify(said)) as typeof said
}
