import { isDeepStrictEqual } from 'node:util'
import { isOpen, verdictOf } from '../../../cases/case.ts'
import type { PublishedAction } from '../../../emit/action.ts'
import type { Engine } from '../../../engine.ts'
import { Event, type Value } from '../../../events/event.ts'
import type { Moment } from '../../../features/moment.ts'
import { Rejected } from '../../../ingest/rejected.ts'
import { areStatements, type Role } from '../../../ingest/role.ts'
import type { Decided } from '../../../slice-output.ts'
import { eventlessMoment } from '../../../timers/eventless-moment.ts'
import { MemoryProfiles } from '../memory-profiles.ts'
import { RowPipeline } from '../row-pipeline.ts'
import { bestForm, type Explanation, explain, type Features, type Seen } from './explain.ts'
import { customerOf, type GivenKind, kindOf, mappingOf, recordOf } from './given-record.ts'
import type { RuleCase, RuleFile } from './rule-file.ts'
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

/**
 * Plays the case's events, and the time between them, through the service's pipeline.
 * @param profiles without any, as each case begins
 */
export function runCase(
  { engine: declared }: RuleFile,
  { steps, holdout }: RuleCase,
  profiles = new MemoryProfiles(declared.policy.timers),
): Mismatch[] {
  const engine = withoutChance(declared, holdout)
  // Whatever topic records come from, they meet in their customer's profile.
  const areSegments = engine.config.topics.some(
    ({ role = 'events', mapping }) => role === 'events' && mapping === undefined,
  )
  const pipelines = new Map<Role, RowPipeline>()
  const pipelineOf = (role: Role) => {
    const topic = { topic: role, role, mapping: mappingOf(role, areSegments) }
    const pipeline = pipelines.get(role) ?? new RowPipeline(engine, { ...topic, decidesAlways: true })
    pipelines.set(role, pipeline)
    return pipeline
  }
  const mismatches: Mismatch[] = []
  let published: PublishedAction[] = []
  let seen: Seen[] = []
  const note = (decided: Decided, moment: Moment) => seen.push({ decided, features: featuresOf(engine, moment) })
  /** One moment at a time, so that features can be read as each decision saw them. */
  const pass = (index: number, untilMs: number) => {
    while (true) {
      const timeMs = Math.min(profiles.nextDueMs, untilMs)
      const { actions, decisions } = pipelineOf('events').fire(index, timeMs, profiles)
      published.push(...actions)
      for (const one of decisions) note(one, eventlessMoment(profiles.of(one.customer), one.asOfMs))
      if (timeMs === untilMs) return
    }
  }
  for (const [index, step] of steps.entries()) {
    const { event, timeMs, expected } = step
    const customer = customerOf(event)
    const kind = kindOf(event)
    // An event at the very time of a timer comes first: it may be what the timer waits for.
    pass(index, kind === 'time' ? timeMs : timeMs - 1)
    let moment = eventlessMoment(profiles.of(customer), Math.max(timeMs, profiles.of(customer).streamTimeMs))
    // What time brought about since the check before, the latest last; of an event, its own decision alone.
    const passed = () => seen.map(({ decided }) => decided).filter((one) => one.customer === customer)
    let asked = passed()
    if (kind !== 'time') {
      const row = { kind: 'json', line: index, bytes: recordOf(event, timeMs) } as const
      const { actions, decisions, decoded, faults } = pipelineOf(kind).fold([row], 0, profiles)
      const [outcome] = decoded
      if (outcome === undefined || outcome instanceof Rejected || faults.length > 0) {
        const got = outcome instanceof Rejected ? `dead letter ${outcome.reason}: ${outcome.detail}` : String(faults[0])
        const differences = [{ of: 'the event', expected: 'an event', got, actions: [] }]
        return [...mismatches, { after: event, customer, timeMs, differences, explanations: [] }]
      }
      published.push(...actions)
      const profile = profiles.of(customer)
      if (outcome instanceof Event) {
        const own = decisions.find(({ cause }) => cause.timer === '')
        moment = {
          ...eventlessMoment(profile, profile.streamTimeMs),
          event: outcome,
          enrichment: engine.enrich(outcome),
        }
        // A duplicate has no decision; decisions of timers that were due before it are not its own.
        asked = own === undefined ? [] : [own]
        if (own !== undefined) note(own, moment)
      } else {
        // What it has made true fires at once.
        pass(index, timeMs)
        moment = eventlessMoment(profile, Math.max(timeMs, profile.streamTimeMs))
        asked = passed()
      }
    }
    if (expected === undefined) continue

    const features = featuresOf(engine, moment)
    const differences: Difference[] = []
    const compare = (of: string, wanted: Value | undefined, got: Value, actions: readonly string[]) => {
      if (wanted === undefined || isDeepStrictEqual(plain(wanted), plain(got))) return
      differences.push({ of, expected: wanted, got, actions })
    }
    const since = published.filter(({ kind }) => kind === 'action')
    const names = since.map(({ action }) => action)
    compare('actions', expected.actions, names, inOneOnly(expected.actions ?? [], names))
    const takenBack = published.flatMap(({ kind, action }) => (kind === 'withdrawn' ? action : []))
    compare('withdrawn', expected.withdrawn, takenBack, [])
    for (const of of ['treatments', 'slots'] as const) {
      const key = of === 'treatments' ? 'treatment' : 'slot'
      for (const [name, wanted] of Object.entries(expected[of] ?? {})) {
        const sent = since.findLast(({ action }) => action === name)
        compare(`${key} of ${name}`, wanted, sent?.[key] ?? null, sent === undefined ? [name] : [])
      }
    }
    compare('decision', expected.decision, asked.at(-1)?.decision.outcome ?? 'no decision', [])
    for (const [name, entries] of Object.entries(expected.payload ?? {})) {
      const payload = since.findLast(({ action }) => action === name)?.payload
      for (const [entry, value] of Object.entries(entries)) {
        compare(`payload.${entry} of ${name}`, value, payload?.[entry] ?? null, payload === undefined ? [name] : [])
      }
    }
    const candidateOf = (name: string) => asked.flatMap((decided) => bestForm(decided, name) ?? []).at(-1)
    for (const [name, reason] of Object.entries(expected.reasons ?? {})) {
      compare(`reason of ${name}`, reason, candidateOf(name)?.reason ?? noDecision(engine, name, kind), [name])
    }
    for (const [name, gate] of Object.entries(expected.gates ?? {})) {
      compare(`gate of ${name}`, gate, candidateOf(name)?.gate ?? noDecision(engine, name, kind), [name])
    }
    const { cases } = profiles.of(customer)
    const caseOf = (name: string) => cases.findLast(({ action }) => action === name)
    for (const [name, verdict] of Object.entries(expected.cases ?? {})) {
      const latest = caseOf(name)
      compare(`case of ${name}`, verdict, latest === undefined ? 'none' : verdictOf(latest), [])
    }
    const open = cases.filter(isOpen).map(({ action }) => action)
    compare('open', expected.open, open, [])
    for (const [name, worth] of Object.entries(expected.worth ?? {})) {
      const value = caseOf(name)?.value ?? Number.NaN
      compare(`worth of ${name}`, worth, Number.isNaN(value) ? null : value, [])
    }
    for (const [name, value] of Object.entries(expected.features ?? {})) {
      compare(`feature ${name}`, value, features[name] ?? null, [])
    }
    if (differences.length > 0) {
      const inQuestion = new Set(differences.flatMap(({ actions }) => actions))
      const explanations = explain(engine, inQuestion, seen, { features, timers: profiles.of(customer).timers })
      mismatches.push({ after: event, customer, timeMs, differences, explanations })
    }
    published = []
    seen = []
  }
  return mismatches
}

/** Nothing is explored, and only the customers that the case names are in the holdout: a test says what the rules say. */
function withoutChance(engine: Engine, holdout: readonly string[]): Engine {
  const { policy } = engine
  const armOf = (customer: string) => (holdout.includes(customer) ? 'holdout' : policy.armOf(customer) && 'treated')
  return { ...engine, policy: { ...policy, epsilon: 0, armOf } }
}

/** With prototypes, which decoded values lack. */
const plain = (value: Value) => JSON.parse(JSON.stringify(value)) as unknown

/** Why there is no reason for an action. */
function noDecision({ config }: Engine, name: string, kind: GivenKind): string {
  const { on } = config.actions.find((action) => action.name === name)!
  if (kind === 'time' || areStatements(kind)) return 'no decision: time brought about none'
  if (on === 'becomes_true') return 'no decision: its condition did not become true with the event'
  if (on !== undefined) return 'no decision: it is of a timer'
  return kind === 'outcomes' ? 'no decision: its condition does not read the outcome' : 'no decision: a duplicate'
}

function inOneOnly(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].filter((name) => !(a.includes(name) && b.includes(name)))
}

function featuresOf({ features }: Engine, moment: Moment): Features {
  return Object.fromEntries(features.features.map(({ name, read }) => [name, read(moment) ?? null]))
}
