import { isDeepStrictEqual } from 'node:util'
import type { Reason } from '../../../decide/decision.ts'
import type { PublishedAction } from '../../../emit/action.ts'
import type { Engine } from '../../../engine.ts'
import { Event, type Value } from '../../../events/event.ts'
import type { Moment } from '../../../features/moment.ts'
import type { FieldMapping } from '../../../ingest/mapping.ts'
import { Rejected } from '../../../ingest/rejected.ts'
import type { Decided } from '../../../slice-output.ts'
import { eventlessMoment } from '../../../timers/eventless-moment.ts'
import { MemoryProfiles } from '../memory-profiles.ts'
import { RowPipeline } from '../row-pipeline.ts'
import { type Explanation, explain, type Features, type Seen } from './explain.ts'
import type { RuleCase, RuleFile, Step } from './rule-file.ts'
import type { GivenEvent } from './rule-schema.ts'

/** The differences that a check found. */
export interface Mismatch {
  /** The event after which it was checked, or the time that passed. */
  readonly after: GivenEvent
  readonly customer: string
  readonly timeMs: number
  /** What was expected and what came, for `actions`, `reason of vip`, `feature views_5m` … */
  readonly differences: readonly Difference[]
  /** Why each of the actions concerned came or did not come. */
  readonly explanations: readonly Explanation[]
}

interface Difference {
  readonly of: string
  readonly expected: Value
  readonly got: Value
  /** The actions that it concerns. */
  readonly actions: readonly string[]
}

/** The events of rule tests are in our own words. */
const givenMapping: FieldMapping = {
  id: 'id',
  customer: 'customer',
  type: 'type',
  time: 'time',
  sessionId: 'session_id',
  url: 'url',
  title: 'title',
  referrer: 'referrer',
  userAgent: 'user_agent',
  ip: 'ip',
  locale: 'locale',
  timezone: 'timezone',
  channel: 'channel',
  value: 'value',
  currency: 'currency',
  properties: ['properties'],
  traits: ['traits'],
}

/** For events in Segment's words, these are read from their properties as well. */
const segmentMapping: FieldMapping = {
  ...givenMapping,
  url: ['url', 'properties.url'],
  title: ['title', 'properties.title'],
  referrer: ['referrer', 'properties.referrer'],
}

const defaultCustomer = 'c1'

/** Plays the case's events, and the time between them, through the service's pipeline; each case begins with no profiles. */
export function runCase({ engine }: RuleFile, { steps }: RuleCase): Mismatch[] {
  // Whatever topic events come from, they meet in their customer's profile.
  const pipeline = new RowPipeline(engine, {
    topic: 'events',
    mapping: engine.config.topics.some(({ mapping }) => mapping === undefined) ? segmentMapping : givenMapping,
    decidesAlways: true,
  })
  const profiles = new MemoryProfiles(engine.policy.timers)
  const mismatches: Mismatch[] = []
  let since: PublishedAction[] = []
  let seen: Seen[] = []
  const note = (decided: Decided, moment: Moment) => seen.push({ decided, features: featuresOf(engine, moment) })
  /** One moment at a time, so that features can be read as each decision saw them. */
  const pass = (index: number, untilMs: number) => {
    while (true) {
      const timeMs = Math.min(profiles.nextDueMs, untilMs)
      const { actions, decisions } = pipeline.fire(index, timeMs, profiles)
      since.push(...actions)
      for (const one of decisions) note(one, eventlessMoment(profiles.of(one.customer), one.asOfMs))
      if (timeMs === untilMs) return
    }
  }
  for (const [index, step] of steps.entries()) {
    const { event, timeMs, expected } = step
    const customer = event.customer ?? defaultCustomer
    // An event at the very time of a timer comes first: it may be what the timer waits for.
    pass(index, event.type === undefined ? timeMs : timeMs - 1)
    let moment = eventlessMoment(profiles.of(customer), Math.max(timeMs, profiles.of(customer).streamTimeMs))
    let reasons: Record<string, Reason> = {}
    if (event.type !== undefined) {
      // As JSON, so that a topic's decoder reads, bounds and cleans it.
      const row = { kind: 'json', line: index, bytes: Buffer.from(JSON.stringify(fieldsOf(step))) } as const
      const { actions, decisions, decoded, faults } = pipeline.fold([row], 0, profiles)
      const [outcome] = decoded
      if (!(outcome instanceof Event) || faults.length > 0) {
        const got = outcome instanceof Rejected ? `dead letter ${outcome.reason}: ${outcome.detail}` : String(faults[0])
        const differences = [{ of: 'the event', expected: 'an event', got, actions: [] }]
        return [...mismatches, { after: event, customer, timeMs, differences, explanations: [] }]
      }
      since.push(...actions)
      const profile = profiles.of(outcome.customer)
      moment = { ...eventlessMoment(profile, profile.streamTimeMs), event: outcome, enrichment: engine.enrich(outcome) }
      // A duplicate has no decision; decisions of timers that were due before it are not its own.
      const own = decisions.find(({ cause }) => cause.timer === '')
      reasons = Object.fromEntries(own?.decision.candidates.map(({ action, reason }) => [action.name, reason]) ?? [])
      if (own !== undefined) note(own, moment)
    }
    if (expected === undefined) continue

    const features = featuresOf(engine, moment)
    const differences: Difference[] = []
    const compare = (of: string, wanted: Value | undefined, got: Value, actions: readonly string[]) => {
      if (wanted === undefined || isDeepStrictEqual(plain(wanted), plain(got))) return
      differences.push({ of, expected: wanted, got, actions })
    }
    const names = since.map(({ action }) => action)
    compare('actions', expected.actions, names, inOneOnly(expected.actions ?? [], names))
    for (const [name, entries] of Object.entries(expected.payload ?? {})) {
      const payload = since.findLast(({ action }) => action === name)?.payload
      for (const [entry, value] of Object.entries(entries)) {
        compare(`payload.${entry} of ${name}`, value, payload?.[entry] ?? null, payload === undefined ? [name] : [])
      }
    }
    for (const [name, reason] of Object.entries(expected.reasons ?? {})) {
      compare(`reason of ${name}`, reason, Object.hasOwn(reasons, name) ? reasons[name]! : noDecision(engine, name), [
        name,
      ])
    }
    for (const [name, value] of Object.entries(expected.features ?? {})) {
      compare(`feature ${name}`, value, features[name] ?? null, [])
    }
    if (differences.length > 0) {
      const inQuestion = new Set(differences.flatMap(({ actions }) => actions))
      const explanations = explain(engine, inQuestion, seen, { features, timers: profiles.of(customer).timers })
      mismatches.push({ after: event, customer, timeMs, differences, explanations })
    }
    since = []
    seen = []
  }
  return mismatches
}

function fieldsOf({ event, timeMs }: Step): object {
  const { at: _at, then: _then, customer = defaultCustomer, ...rest } = event
  return { time: timeMs, customer, ...rest }
}

/** With prototypes, which decoded values lack. */
const plain = (value: Value) => JSON.parse(JSON.stringify(value)) as unknown

/** Why there is no reason for an action. */
function noDecision({ config }: Engine, name: string): string {
  const { on } = config.actions.find((action) => action.name === name)!
  if (on === 'becomes_true') return 'no decision: its condition did not become true with the event'
  return on === undefined ? 'no decision: a duplicate' : 'no decision: it is of a timer'
}

function inOneOnly(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].filter((name) => !(a.includes(name) && b.includes(name)))
}

function featuresOf({ features }: Engine, moment: Moment): Features {
  return Object.fromEntries(features.features.map(({ name, read }) => [name, read(moment) ?? null]))
}
