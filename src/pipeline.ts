import assert from 'node:assert/strict'
import { type Candidate, type Decision, decide, joinedBy, joinTimers, prospect } from './decide/decide.ts'
import type { Action, Policy } from './decide/policy.ts'
import { type PublishedAction, publishAction } from './emit/action.ts'
import type { Cause, Place, Positioned } from './emit/cause.ts'
import { deadLetter } from './emit/dead-letter.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import { noSession, type SessionBounds, touchSession } from './enrich/session.ts'
import { Event } from './events/event.ts'
import type { OutRecord, RecordBatch } from './events/log.ts'
import { type FeatureSet, updateFeatures } from './features/features.ts'
import type { Moment } from './features/moment.ts'
import { readsAny } from './features/reading.ts'
import { UnknownSchema } from './ingest/decode.ts'
import { Erasure } from './ingest/erasure.ts'
import { hashId } from './ingest/recent-ids.ts'
import { type Rejected, type Reason as RejectReason, rejected } from './ingest/rejected.ts'
import { eraseProfile } from './profiles/erase.ts'
import { noteLater, type Profile } from './profiles/profile.ts'
import { mergeTraits } from './profiles/traits.ts'
import { type SliceChunks, SliceRows } from './store/slice-rows.ts'
import { updateAbsences } from './timers/absence.ts'
import { crossByEvent, crossByTime } from './timers/crossing.ts'
import { eventlessMoment, noEnrichment } from './timers/eventless-moment.ts'
import type { AbsenceState, CrossingState } from './timers/states.ts'
import { dueMs, nextDueMs, type Timer } from './timers/timer.ts'

/**
 * One slice of a partition, records of one of its topics, through the stages, in order:
 *
 *     record batch ─► decode ─► de-duplicate ─► enrich ─► features ─► timers ─► decide ─► emit
 *                                                             clock ─► timers ─► decide ─► emit
 *
 * It is pure: the result depends on the batch, the profiles, `nowMs` and the compiled stages, so the service, a replay
 * and the tests run the same code. Profiles are changed in place; all that leaves is in the result, and nothing of it
 * counts before the caller has committed it in one transaction. Order: by partition. Bound: the slice.
 */

/** The compiled stages: what the configuration says, ready to run. */
export interface Stages {
  /** Decodes and validates the i-th record; undefined for a record to skip (a tombstone). */
  readonly decode: (batch: RecordBatch, i: number, nowMs: number) => Decoded
  readonly enrich: (event: Event) => Enrichment
  readonly session: SessionBounds
  readonly dedupe: { readonly windowMs: number; readonly maxIds: number }
  readonly features: FeatureSet
  readonly policy: Policy
  readonly encodeAction: (action: PublishedAction) => OutRecord
  /** Sees each decision, for the reasons. */
  readonly onDecision?: (decision: Decision, cause: Cause) => void
  readonly deadLetterTopic: string
  /** The largest record that the output topics take; bytes. */
  readonly maxRecordBytes: number
}

/** What a slice gave. */
export interface SliceResult extends Output {
  /** The rows of this call's records. */
  readonly rows: SliceChunks
}

export interface Output {
  /** Actions and dead letters, in the order of the input. */
  readonly records: OutRecord[]
  readonly actions: PublishedAction[]
  readonly tally: Tally
  /** What the code threw for events that became dead letters with the reason `processing`. */
  readonly faults: unknown[]
}

/** Counts of one slice, for the metrics. */
export interface Tally {
  events: number
  skipped: number
  /** Customers erased. */
  erasures: number
  duplicates: number
  /** Events too late for at least one feature, and how many for each, by its name. */
  late: number
  readonly lateBy: Map<string, number>
  /** Timers that fired. */
  timers: number
  readonly deadLetters: Map<RejectReason, number>
  /** Those published, by name; and those too large for that. */
  readonly actions: Map<string, number>
  readonly tooLarge: Map<string, number>
  /** By result: an action chosen, all candidates suppressed, no candidate. */
  readonly decisions: { chosen: number; suppressed: number; none: number }
}

/** The profiles in memory. */
export interface Profiles {
  /** What is added to an offset of the slice's topic to get the position, in which all topics of the partition are counted. */
  readonly origin: number
  of(customer: string): Profile
  /** Notes that what lies at the position changes it; false where it includes that already, and must stay as it is. */
  take(profile: Profile, position: number): boolean
  /** Notes that its timers changed. */
  schedule(profile: Profile): void
}

/** The clocks that timers fire under; ms. */
export interface Clock {
  /** That of the slice. */
  readonly nowMs: number
  /** The partition's: timers due by then fire, and decide as of then. */
  readonly clockMs: number
}

/** A decoded record: an event, a customer to erase, why it is neither, a schema to fetch first, or nothing to do. */
export type Decoded = Event | Erasure | Rejected | UnknownSchema | undefined

const processingFault = rejected('processing', 'the event made the processing fail')
const tooLarge = rejected('output_limit', 'an action is larger than the output topic takes')

export class Pipeline {
  readonly #stages: Stages
  readonly #rows = new SliceRows()
  readonly #moment: Moment
  readonly #hasCrossings: boolean

  constructor(stages: Stages) {
    this.#stages = stages
    this.#hasCrossings = stages.policy.timers.some(({ kind }) => kind === 'crossing')
    this.#moment = {
      event: new Event(),
      enrichment: noEnrichment,
      session: noSession(),
      traits: new Map(),
      groups: [],
      notReady: undefined,
      asOfMs: 0,
    }
  }

  /**
   * The first half: records [from, to) as events, so that the caller can load the profiles of their customers. Where one
   * is of an unknown schema, the caller fetches it and decodes again.
   */
  decode(batch: RecordBatch, from: number, to: number, nowMs: number): Decoded[] {
    const decoded: Decoded[] = []
    for (let i = from; i < to; i++) decoded.push(this.#stages.decode(batch, i, nowMs))
    return decoded
  }

  /**
   * The second half: folds the events into their profiles and decides.
   * @param decoded what `decode` gave for the records from `from` on
   * @param profiles those of the slice's customers are loaded
   * @param output what the slice gave so far, where it is folded piece by piece; added to
   */
  fold(
    batch: RecordBatch,
    from: number,
    decoded: readonly Decoded[],
    profiles: Profiles,
    nowMs: number,
    output = emptyOutput(),
  ): SliceResult {
    const { records, tally } = output
    for (let k = 0; k < decoded.length; k++) {
      const event = decoded[k]
      const i = from + k
      tally.events++
      let rejection: Rejected | undefined
      if (event instanceof Event) rejection = this.#one(batch, batch.offset(i), event, profiles, nowMs, output)
      else if (event === undefined) tally.skipped++
      else if (event instanceof Erasure) this.#erase(event, batch.offset(i), profiles, tally)
      else {
        assert(!(event instanceof UnknownSchema), 'the schema is fetched before the fold')
        rejection = event
      }
      if (rejection === undefined) continue
      tally.deadLetters.set(rejection.reason, (tally.deadLetters.get(rejection.reason) ?? 0) + 1)
      records.push(deadLetter(this.#stages.deadLetterTopic, batch, i, rejection, nowMs))
    }
    return { ...output, rows: this.#rows.take() }
  }

  /**
   * Behind a slice's events: fires the timers of customers that are due by the clock, each at most once however often it is
   * asked. The decision on an absence is as of the clock, or of the stream time where that is ahead; that on a crossing as
   * of its own time, so that the same events give the same crossings whenever they are taken.
   * @param end the first offset that the slice does not include
   * @param customers in order; their profiles are loaded
   */
  fire(
    end: Place,
    customers: readonly string[],
    profiles: Profiles,
    clock: Clock,
    output = emptyOutput(),
  ): SliceResult {
    for (const customer of customers) {
      const profile = profiles.of(customer)
      const position = profiles.origin + end.offset
      if (!profiles.take(profile, position)) continue
      this.#fireDue(profile, { ...end, position }, clock, output)
      profiles.schedule(profile)
    }
    return { ...output, rows: this.#rows.take() }
  }

  /**
   * What the store has of the customer is not asked for: nothing of it counts any more, and a row of later that a replay may
   * come upon is made again by the events behind this.
   */
  #erase({ customer }: Erasure, offset: number, profiles: Profiles, tally: Tally): void {
    const profile = profiles.of(customer)
    const position = profiles.origin + offset
    if (!profiles.take(profile, position)) return
    eraseProfile(profile, position + 1)
    profiles.schedule(profile)
    tally.erasures++
  }

  /** One event. @returns why it is a dead letter, undefined where it is none. */
  #one(
    { topic, partition }: RecordBatch,
    offset: number,
    event: Event,
    profiles: Profiles,
    nowMs: number,
    output: Output,
  ): Rejected | undefined {
    const profile = profiles.of(event.customer)
    const position = profiles.origin + offset
    if (!profiles.take(profile, position)) return undefined
    try {
      const { enrich, session, dedupe, features, policy } = this.#stages
      const streamTimeMs = Math.max(profile.streamTimeMs, event.timeMs)
      const isNew = profile.recentIds.add(hashId(event.id), streamTimeMs, dedupe.windowMs, dedupe.maxIds)
      const enrichment = enrich(event)
      if (!isNew) {
        output.tally.duplicates++
        this.#rows.event(topic, partition, offset, position, event, enrichment, profile.session, false, true)
        return undefined
      }
      const isFirst = profile.streamTimeMs === 0
      const beforeMs = streamTimeMs - 1
      if (this.#hasCrossings && nextDueMs(policy.timers, profile.timers, 'crossing') <= beforeMs) {
        this.#fireDue(profile, { topic, partition, offset, position }, { nowMs, clockMs: beforeMs }, output, 'crossing')
      }
      profile.streamTimeMs = streamTimeMs
      touchSession(profile.session, event, session)
      if (event.traits.names.length > 0) mergeTraits(profile, event.traits, event.timeMs)

      const moment = this.#moment
      moment.event = event
      moment.enrichment = enrichment
      moment.session = profile.session
      moment.traits = profile.traits
      moment.groups = profile.groups
      moment.notReady = profile.notReady
      moment.asOfMs = streamTimeMs

      const late = updateFeatures(features, profile.groups, moment, streamTimeMs, output.tally.lateBy)
      if (late) output.tally.late++
      this.#rows.event(topic, partition, offset, position, event, enrichment, profile.session, late, false)
      if (profile.later !== undefined) noteLater(profile, event, enrichment)
      const touched = updateAbsences(policy.timers, profile, moment)
      const competing = this.#hasCrossings ? this.#evaluateAll(profile, isFirst, moment) : policy.onEvent
      if (touched || this.#hasCrossings) profiles.schedule(profile)

      const outlook = prospect(policy, competing, profile, moment)
      if (outlook === 'open') {
        const cause = { topic, partition, offset, position, timer: '', dueMs: 0 }
        const came = this.#decide(competing, profile, moment, cause, () => cause, nowMs, output)
        if (came !== 'none') return came === 'too_large' ? tooLarge : undefined
      }
      output.tally.decisions[outlook === 'none' ? 'none' : 'suppressed']++
      return undefined
    } catch (fault) {
      this.#rows.dropOpenRows()
      output.faults.push(fault)
      return processingFault
    }
  }

  /** With an event: evaluates what waits to become true. @returns the actions that compete */
  #evaluateAll(profile: Profile, isFirst: boolean, moment: Moment): readonly Action[] {
    const { policy } = this.#stages
    let competing = policy.onEvent
    for (let i = 0; i < policy.timers.length; i++) {
      const timer = policy.timers[i]!
      if (timer.kind !== 'crossing') continue
      // What it was is not known then; it is noted with the first event after.
      if (moment.notReady !== undefined && readsAny(timer.names, moment.notReady)) continue
      // Of a customer never seen before nothing was met; of others a new condition may have been, for long.
      if (crossByEvent(timer, profile, i, moment, !isFirst)) competing = joinedBy(policy, competing, i)
    }
    return competing
  }

  /** Fires a profile's timers that are due by the clock, in the order of their times. @param kind only those of that kind */
  #fireDue(profile: Profile, at: Positioned, clock: Clock, output: Output, kind?: Timer['kind']): void {
    for (;;) {
      const dueMs = nextDueMs(this.#stages.policy.timers, profile.timers, kind)
      if (dueMs > clock.clockMs) return
      this.#fireMoment(profile, dueMs, at, clock, output, kind)
    }
  }

  /**
   * The timers that are due at one moment: what they bring about competes in one decision. None of them is due any more then,
   * whatever comes of it. An absence is decided as of the clock, but as of the moment where a condition has turned at it.
   */
  #fireMoment(
    profile: Profile,
    momentMs: number,
    at: Positioned,
    { nowMs, clockMs }: Clock,
    output: Output,
    kind?: Timer['kind'],
  ): void {
    const { policy } = this.#stages
    const due = policy.timers
      .map((timer, index) => ({ timer, index, state: profile.timers[index] }))
      .filter(({ timer, state }) => (kind ?? timer.kind) === timer.kind && dueMs(timer, state) === momentMs)
    const asOf = (ms: number) => eventlessMoment(profile, Math.max(profile.streamTimeMs, ms))
    try {
      // First of all, where evaluating one of them throws.
      for (const { timer, state } of due) {
        if (timer.kind === 'absence') (state as AbsenceState).fired = true
        else (state as CrossingState).nextMs = Number.POSITIVE_INFINITY
      }
      let atMs = clockMs
      const fired: number[] = []
      for (const { timer, state, index } of due) {
        if (timer.kind === 'crossing') {
          if (!crossByTime(timer, state as CrossingState, asOf(momentMs))) continue
          atMs = momentMs
        }
        fired.push(index)
      }
      if (fired.length === 0) return
      output.tally.timers += fired.length
      const causes = fired.map((index): Cause => ({ ...at, timer: policy.timers[index]!.name, dueMs: momentMs }))
      const cause = { ...causes[0]!, timer: causes.map(({ timer }) => timer).join('; ') }
      const causeOf = (action: Action) => causes[fired.findIndex((index) => policy.onTimer[index]!.includes(action))]!
      const competing = joinTimers(policy, fired)
      const came = this.#decide(competing, profile, asOf(atMs), cause, causeOf, nowMs, output)
      if (came === 'none') output.tally.decisions.none++
    } catch (fault) {
      this.#rows.dropOpenRows()
      output.faults.push(fault)
    }
  }

  /**
   * Decides, and publishes what is chosen.
   * @param cause what the decision is on
   * @param causeOf what brings an action of it about
   * @returns `none` where nothing was eligible, `too_large` where an action was that could not be published
   */
  #decide(
    competing: readonly Action[],
    profile: Profile,
    moment: Moment,
    cause: Cause,
    causeOf: (action: Action) => Cause,
    nowMs: number,
    { records, actions, tally }: Output,
  ): 'none' | 'decided' | 'too_large' {
    const { policy, encodeAction, maxRecordBytes, onDecision } = this.#stages
    let came: 'decided' | 'too_large' = 'decided'
    const publish = (candidate: Candidate, rank: number): boolean => {
      const action = publishAction(candidate, rank, moment, causeOf(candidate.action), policy.version)
      const record = encodeAction(action)
      const fits = (record.value?.length ?? 0) <= maxRecordBytes
      const counts = fits ? tally.actions : tally.tooLarge
      counts.set(action.action, (counts.get(action.action) ?? 0) + 1)
      if (fits) {
        records.push(record)
        actions.push(action)
        this.#rows.action(action, cause.position, nowMs)
      } else came = 'too_large'
      return fits
    }
    const decision = decide(policy, competing, profile, moment, publish)
    if (decision === undefined) return 'none'
    onDecision?.(decision, cause)
    if (decision.chosen.length > 0) tally.decisions.chosen++
    else tally.decisions.suppressed++
    this.#rows.decision(cause, moment.event.customer, moment.asOfMs, nowMs, policy.version, decision)
    return came
  }
}

export function emptyOutput(): Output {
  const decisions = { chosen: 0, suppressed: 0, none: 0 }
  const counts = { lateBy: new Map(), deadLetters: new Map(), actions: new Map(), tooLarge: new Map(), decisions }
  const tally = { events: 0, skipped: 0, erasures: 0, duplicates: 0, late: 0, timers: 0, ...counts }
  return { records: [], actions: [], tally, faults: [] }
}
