import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Event } from '../events/event.ts'
import type { Pipeline } from '../pipeline.ts'
import { Profile } from '../profiles/profile.ts'
import { lackingAfter } from './carry-over.ts'
import type { AggregateDeclaration, AggregateFeature, FeatureDeclaration } from './declaration.ts'
import type { FeatureSet } from './features.ts'
import type { NotReady } from './moment.ts'
import { type PastEvent, planRefold, Refold } from './refold.ts'
import { compile, read } from './test-fold.ts'
import { change, minuteMs, pipelineOf, someEvents, take } from './test-stream.ts'
import type { Window } from './window.ts'

/**
 * One profile through several changes of the rules, with refolds at any point, or none, in between. Whatever is ready reads
 * as it does in a profile that had those rules from the first event on.
 */

const v = 'properties.v'
const steps = ['type == "a"', 'type == "b"', 'type == "a"']
const kinds = fc.constantFrom<AggregateDeclaration>(
  { name: 'count' },
  { name: 'sum', of: v, scale: 2 },
  { name: 'avg', of: v, scale: 2 },
  { name: 'stddev', of: v, scale: 2 },
  { name: 'min', of: v },
  { name: 'max', of: v },
  { name: 'first', of: v },
  { name: 'last', of: v },
  { name: 'last_n', of: v, n: 3 },
  { name: 'last_n', of: v, n: 20 },
  // Past a bound of 2 the order of the events would matter, were it not settled.
  { name: 'distinct', of: v, max: 2 },
  { name: 'top', of: v, k: 2, max: 2 },
  { name: 'most_frequent', of: v, max: 2 },
  { name: 'quantile', of: v, q: 0.5, error: 0.01 },
  { name: 'smoothed_rate', of: 'type == "b"', prior: 0.1, weight: 3 },
  { name: 'least_frequent', of: v, max: 2 },
  { name: 'time_since' },
  { name: 'time_since_first' },
  { name: 'active_days' },
  { name: 'count', by: { key: 'type', max: 2 } },
  { name: 'sum', of: v, scale: 1, by: { key: v, max: 3 } },
)
const panes = [10, 20, 60, 300].map((n): Window => ({ kind: 'panes', sizeMs: n * minuteMs, paneMs: 10 * minuteMs }))
const sliding = [30, 90, 600].flatMap((n) =>
  [3, 5].map((maxEvents): Window => ({ kind: 'sliding', sizeMs: n * minuteMs, maxEvents })),
)
/** Windows of one line may lay the events into the same rows. */
const families: readonly fc.Arbitrary<Window>[] = [
  fc.constantFrom(...panes),
  fc.constantFrom(...sliding),
  fc.constantFrom(1, 2, 3, 5, 20).map((count): Window => ({ kind: 'events', count })),
  fc.constantFrom('day', 'week', 'month').map((period): Window => ({ kind: 'calendar', period, timezone: 'customer' })),
  fc.constant<Window>({ kind: 'calendar', period: 'day', timezone: 'Europe/Paris' }),
  fc.constant<Window>({ kind: 'session' }),
  fc.constant<Window>({ kind: 'lifetime' }),
]
type Unnamed = Omit<AggregateFeature, 'name'>
type Rest = Pick<AggregateFeature, 'where' | 'latenessMs'>
const rests = fc
  .tuple(
    fc.constantFrom(undefined, undefined, 'type == "b"', 'session_events < 3'),
    fc.constantFrom(undefined, undefined, 5, 40, 200),
  )
  .map(
    ([where, minutes]): Rest => ({
      ...(where === undefined ? {} : { where }),
      ...(minutes === undefined ? {} : { latenessMs: minutes * minuteMs }),
    }),
  )
const inOrder = (rest: fc.Arbitrary<Rest>) =>
  fc
    .record({
      name: fc.constantFrom('funnel', 'sequence', 'strict'),
      minutes: fc.constantFrom(30, 90),
      maxEvents: fc.constantFrom(2, 4),
      slidingMinutes: fc.constantFrom(undefined, undefined, 60, 300),
      rest,
    })
    .map(({ name, minutes, maxEvents, slidingMinutes, rest }): Unnamed => {
      const common = { steps, withinMs: minutes * minuteMs, maxEvents }
      const sizeMs = (slidingMinutes ?? 0) * minuteMs
      return {
        kind: name === 'funnel' ? { name, ...common } : { name: 'sequence', ...common, strict: name === 'strict' },
        window: sizeMs === 0 ? { kind: 'lifetime' } : { kind: 'sliding', sizeMs, maxEvents },
        ...rest,
      }
    })
/** Features of few placements, so that several share one. */
const pools = fc
  .tuple(fc.subarray([...families], { minLength: 1, maxLength: 3 }), fc.array(rests, { minLength: 1, maxLength: 2 }))
  .chain(([windows, some]) => {
    const rest = fc.constantFrom(...some)
    const aggregate = fc
      .tuple(kinds, fc.oneof(...windows), rest)
      .map(([kind, window, rest]): Unnamed => ({ kind, window, ...rest }))
    const one = fc.oneof({ weight: 7, arbitrary: aggregate }, { weight: 1, arbitrary: inOrder(rest) })
    return fc.array(one, { minLength: 3, maxLength: 12 })
  })
/** Which of the pool each of the rules has. */
const choices = fc.array(fc.array(fc.nat(11), { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 5 })
const deeds = ['become', 'become', 'save', 'begin', 'begin', 'place', 'place', 'lose'] as const
/** What is done, and before which event; in three of four cases the store loses nothing. */
const plans = fc
  .tuple(fc.nat(3), fc.array(fc.tuple(fc.nat(60), fc.constantFrom(...deeds)), { minLength: 4, maxLength: 24 }))
  .map(([n, planned]) => planned.filter(([, deed]) => n === 0 || deed !== 'lose'))

class Rules {
  readonly declared: readonly FeatureDeclaration[]
  readonly features: FeatureSet
  readonly pipeline: Pipeline
  /** It had these rules all along. */
  readonly whole = new Profile('c')

  constructor(pool: readonly Unnamed[], choice: readonly number[]) {
    const chosen = [...new Set(choice.map((n) => n % pool.length))]
    this.declared = [
      ...chosen.map((n) => ({ name: `f${n}`, ...pool[n]! }) as FeatureDeclaration),
      { name: 'computed', value: `{"of": f${chosen[0]}}` },
    ]
    this.features = compile(this.declared)
    this.pipeline = pipelineOf(this.features)
  }
}

/** The profile that goes through the changes, and the store beside it. */
class Changing {
  rules: Rules
  profile = new Profile('c')
  /** In the order in which they came. */
  stored: PastEvent[] = []
  refolds = 0
  #refold: Refold | undefined
  /** Whether the store has lost events: what is computed from the rest may lack them. */
  #hasLost = false
  #unsure: NotReady = new Set()

  constructor(rules: Rules) {
    this.rules = rules
  }

  take(event: Event): void {
    const taken = take(this.rules.pipeline, this.profile, event)
    if (taken !== undefined) this.stored.push(taken)
  }

  become(next: Rules): void {
    const unsure = new Set([...this.#unsure, ...(this.profile.notReady ?? [])])
    // What is taken over from what lacks events lacks them too.
    if (this.#hasLost) this.#unsure = lackingAfter(this.rules.features, unsure, next.features) ?? new Set()
    this.profile = change(this.profile, this.rules.features, next.features)
    this.#refold = undefined
    this.rules = next
  }

  save(): void {
    // A profile that is stored forgets what came during a refold, which begins again.
    this.#refold = undefined
    this.profile = change(this.profile, this.rules.features, this.rules.features)
  }

  begin(): void {
    const { notReady, streamTimeMs } = this.profile
    if (notReady === undefined) return
    const plan = planRefold(this.rules.features, notReady)
    this.#refold = new Refold(plan)
    const sinceMs = streamTimeMs - plan.spanMs
    for (const past of this.stored) if (past.event.timeMs >= sinceMs) this.#refold.add(past)
    this.profile.later = []
  }

  place(): void {
    if (this.#refold === undefined) return
    if (this.#hasLost) this.#unsure = new Set([...this.#unsure, ...this.profile.notReady!])
    for (const past of this.profile.later!) this.#refold.add(past)
    this.#refold.replaceIn(this.profile.groups, this.profile.streamTimeMs)
    this.profile.notReady = undefined
    this.profile.later = undefined
    this.#refold = undefined
    this.refolds++
  }

  /** A `TTL` deletes most of what is old, and the odd row with it. */
  lose(): void {
    this.#hasLost = true
    this.stored = this.stored.filter((_, n) => n > (this.stored.length * 2) / 3 && n % 7 !== 3)
  }

  check(after: string): void {
    const { features, whole, declared } = this.rules
    const [found, wanted] = [read(features, this.profile), read(features, whole)]
    for (const one of declared) {
      const isReady = !this.profile.notReady?.has(one.name)
      if (isReady && this.#hasLost && this.#unsure.has(one.name)) continue
      assert.deepEqual(found[one.name], isReady ? wanted[one.name] : undefined, `${after}: ${JSON.stringify(one)}`)
    }
  }
}

const numRuns = 250

test('whatever the rules become and whenever they are refolded, what is ready reads as if they had always been so', () => {
  let refolds = 0
  fc.assert(
    fc.property(pools, choices, someEvents, plans, (pool, chosen, events, planned) => {
      const all = chosen.map((choice) => new Rules(pool, choice))
      const changing = new Changing(all[0]!)
      let next = 0
      for (const [i, event] of events.entries()) {
        for (const [n, deed] of planned) {
          if (n % events.length !== i) continue
          if (deed === 'become') changing.become(all[++next % all.length]!)
          else changing[deed]()
          changing.check(`${deed} before ${i}`)
        }
        for (const { pipeline, whole } of all) take(pipeline, whole, event)
        changing.take(event)
        changing.check(`event ${i}`)
      }
      refolds += changing.refolds
    }),
    { numRuns },
  )
  assert.ok(refolds > numRuns / 10, `${refolds} refolds`)
})
