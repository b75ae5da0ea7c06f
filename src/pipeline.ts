import assert from 'node:assert/strict'
import { newCase, verdictOf } from './cases/case.ts'
import { begin, type Cases, type Change, defaultWindowMs, endWindows } from './cases/cases.ts'
import { type Settled, settleGoal, settleOutcome } from './cases/settle.ts'
import { wasSeen, withdraw } from './cases/withdraw.ts'
import { mergeConsent } from './consent/consent.ts'
import { drawOf } from './decide/chance.ts'
import { joinEnded, joinedBy, joinTimers } from './decide/competing.ts'
import { endedHolds, withoutEnded, withZoneKnown } from './decide/contact-policy/ended-holds.ts'
import { afterGivingBack, afterOutcome } from './decide/contact-policy/outcomes.ts'
import { withIds } from './decide/contact-policy/past-contacts.ts'
import { decide, prospect } from './decide/decide.ts'
import type { Candidate } from './decide/decision.ts'
import type { Action, Policy } from './decide/policy.ts'
import { type PublishedAction, publishAction } from './emit/action.ts'
import { decisionId } from './emit/action-id.ts'
import type { Cause, Place, Positioned } from './emit/cause.ts'
import { deadLetter, headOnly, whole } from './emit/dead-letter.ts'
import { mostBytes, type Payload, payloadOf } from './emit/payload.ts'
import { withdrawalOf } from './emit/withdrawal.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import { noSession, outsideSessions, type Session, touchSession } from './enrich/session.ts'
import { Event } from './events/event.ts'
import type { OutRecord, RecordBatch } from './events/log.ts'
import { recordBytes } from './events/record-bytes.ts'
import { updateFeatures } from './features/features.ts'
import type { Moment } from './features/moment.ts'
import { readsAny } from './features/reading.ts'
import { ConsentStatement } from './ingest/consent.ts'
import { UnknownSchema } from './ingest/decode.ts'
import { Erasure } from './ingest/erasure.ts'
import type { Statement } from './ingest/ingest.ts'
import { Rejected, rejected } from './ingest/rejected.ts'
import type { Role } from './ingest/role.ts'
import { TraitStatement } from './ingest/traits.ts'
import { eraseProfile } from './profiles/erase.ts'
import { nextDueOf } from './profiles/next-due.ts'
import { noteLater, type Profile } from './profiles/profile.ts'
import { hashId } from './profiles/recent-ids.ts'
import { mergeTraits } from './profiles/traits.ts'
import type { Clock, Decoded, Profiles, Stages } from './slice-input.ts'
import {
  type Decided,
  emptyOutput,
  type FoldedEvent,
  isFull,
  type Output,
  type Quarantined,
  type Tally,
  timersAt,
} from './slice-output.ts'
import { updateAbsences } from './timers/absence.ts'
import { askAgain, crossByEvent, crossByTime } from './timers/crossing.ts'
import { dueAt, endDue } from './timers/due.ts'
import { eventlessMoment, noEnrichment } from './timers/eventless-moment.ts'
import type { CrossingState } from './timers/states.ts'
import { nextDueMs, type Timer } from './timers/timer.ts'
import { noteForUndo } from './undo.ts'

/**
 * Takes one slice of a partition (records of one topic) through the stages, in order:
 *
 *     record batch ─► decode ─► de-duplicate ─► enrich ─► features ─► timers ─► decide ─► emit
 *                                                             clock ─► timers ─► decide ─► emit
 *
 * It is pure: the result depends on the batch, the profiles, `nowMs` and the compiled stages, so the service, a replay
 * and the tests run the same code. Profiles are changed in place. All output is in the result, and none of it counts until
 * the caller has committed it in one transaction. Order: by partition. Bound: the slice.
 */

/** What a slice gave. */
export interface SliceResult extends Output {
  /** The events of this call. */
  readonly events: readonly FoldedEvent[]
  /** How many of this call's records or customers were taken: all of them, unless the output got full. */
  readonly taken: number
}

const processingFault = rejected('processing', 'the event made the processing fail')

/** A record on which the decoder threw. */
class Undecodable extends Rejected {
  readonly fault: unknown

  constructor(fault: unknown) {
    super(processingFault.reason, processingFault.detail)
    this.fault = fault
  }
}

/** The code threw while it processed an event or a timer; the slice's profiles and output must not be used. */
export class ProcessingError extends Error {
  constructor(cause: unknown) {
    super('the processing failed', { cause })
  }
}

/** Once a slice has this many bytes of dead letters, only the beginning of each further one is kept. */
const deadLetterBudget = 4 * 1024 * 1024
const noRoom = rejected('no_room', 'the customer has stated consent for more purposes and channels than are kept')
const nothing: Quarantined = { offsets: new Set(), timers: new Set() }
const tooLarge = rejected('output_limit', 'an action is larger than the output topic takes')

/** More than an action takes beside its payload, its customer and its event: names from the rules, hashes and numbers. */
const otherBytes = 16 * 1024
/** About what a candidate of a stored decision takes. */
const candidateBytes = 100
const longestRank = 2 ** 31 - 1

/** What the events of one call share. */
interface SliceContext {
  readonly topic: string
  readonly partition: number
  readonly role: Role
  readonly profiles: Profiles
  readonly nowMs: number
  readonly output: Output
  readonly leftOut: Quarantined
}

export class Pipeline {
  readonly #stages: Stages
  readonly #undoes: boolean
  #events: FoldedEvent[] = []
  readonly #moment: Moment
  readonly #hasCrossings: boolean
  /** Then each action has a case; else only those with a goal, and those that consent may take back. */
  readonly #hasOutcomes: boolean

  /**
   * @param onThrow what to do when the code throws while it processes an event or a timer. `undo` takes back what it changed,
   *   quarantines it and goes on; that costs a copy of the profile before each one. `rethrow` costs nothing, but leaves
   *   profiles that must not be used any more
   */
  constructor(stages: Stages, onThrow: 'undo' | 'rethrow' = 'undo') {
    this.#stages = stages
    this.#undoes = onThrow === 'undo'
    this.#hasCrossings = stages.policy.timers.some(({ kind }) => kind === 'crossing')
    this.#hasOutcomes = [...stages.roles.values()].includes('outcomes')
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
   * The first half: decodes records [from, to), so that the caller can load the profiles of their customers. Where a schema
   * is unknown, the caller fetches it and decodes again.
   */
  decode(batch: RecordBatch, from: number, to: number, nowMs: number): Decoded[] {
    const decoded: Decoded[] = []
    for (let i = from; i < to; i++) {
      try {
        decoded.push(this.#stages.decode(batch, i, nowMs))
      } catch (fault) {
        decoded.push(new Undecodable(fault))
      }
    }
    return decoded
  }

  /**
   * The second half: folds the events into their profiles and decides.
   * @param decoded what `decode` returned for the records from `from` on
   * @param profiles must have the slice's customers loaded
   * @param output the slice's output so far, where it is folded piece by piece; it is added to
   * @param leftOut what was quarantined when the slice was first folded; it is left out even if it would not throw now
   * @throws ProcessingError where throws are not undone
   */
  fold(
    batch: RecordBatch,
    from: number,
    decoded: readonly Decoded[],
    profiles: Profiles,
    nowMs: number,
    output = emptyOutput(),
    leftOut = nothing,
  ): SliceResult {
    this.#events = []
    const { topic, partition } = batch
    const { tally } = output
    const role = this.#stages.roles.get(topic) ?? 'events'
    const slice = { topic, partition, role, profiles, nowMs, output, leftOut }
    let taken = 0
    while (taken < decoded.length && (taken === 0 || !isFull(output))) {
      const event = decoded[taken]
      const i = from + taken++
      tally.events++
      if (leftOut.offsets.size > 0 && leftOut.offsets.has(batch.offset(i))) continue
      let rejection: Rejected | undefined
      if (event instanceof Event || event instanceof TraitStatement || event instanceof ConsentStatement)
        rejection = this.#one(slice, batch.offset(i), event)
      else if (event === undefined) tally.skipped++
      else if (event instanceof Erasure) this.#erase(event, batch.offset(i), profiles, tally)
      else {
        assert(!(event instanceof UnknownSchema), 'the schema is fetched before the fold')
        rejection = event
        if (event instanceof Undecodable) quarantine(output, batch.offset(i), event.fault)
      }
      if (rejection !== undefined) this.#reject(batch, i, rejection, nowMs, output)
    }
    return { ...output, events: this.#takeEvents(), taken }
  }

  #reject(batch: RecordBatch, i: number, rejection: Rejected, nowMs: number, output: Output): void {
    const { deadLetters } = output.tally
    deadLetters.set(rejection.reason, (deadLetters.get(rejection.reason) ?? 0) + 1)
    const keeps = output.deadLetterBytes < deadLetterBudget ? whole : headOnly
    const letter = deadLetter(this.#stages.deadLetterTopic, batch, i, rejection, nowMs, keeps)
    const bytes = recordBytes(letter)
    output.records.push(letter)
    output.bytes += bytes
    output.deadLetterBytes += bytes
  }

  /**
   * Runs after a slice's events: fires the customers' timers that are due by the clock. Each fires at most once, however often
   * this is called. An absence is decided as of the clock, or of the stream time where that is ahead. A crossing is decided
   * as of its own time, so the same events always give the same crossings.
   * @param end the first offset that the slice does not include
   * @param customers in the order in which to fire; their profiles must be loaded
   * @param leftOut as in `fold`
   * @throws ProcessingError as `fold`
   */
  fire(
    end: Place,
    customers: readonly string[],
    profiles: Profiles,
    clock: Clock,
    output = emptyOutput(),
    leftOut = nothing,
  ): SliceResult {
    this.#events = []
    let taken = 0
    while (taken < customers.length && (taken === 0 || !isFull(output))) {
      const customer = customers[taken++]!
      const profile = profiles.of(customer)
      const position = profiles.origin + end.offset
      if (!profiles.take(profile, position)) continue
      this.#fireDue(profile, { ...end, position }, clock, output, leftOut)
      profiles.schedule(profile)
    }
    return { ...output, events: this.#takeEvents(), taken }
  }

  /**
   * It does not load the customer's profile from the store, since nothing in it counts any more. In a replay the store may
   * have a later row; the events after this one make that row again.
   */
  #erase({ customer }: Erasure, offset: number, profiles: Profiles, tally: Tally): void {
    const profile = profiles.of(customer)
    const position = profiles.origin + offset
    if (!profiles.take(profile, position)) return
    eraseProfile(profile, position + 1)
    profiles.schedule(profile)
    tally.erasures++
  }

  /** One event or statement. @returns why it is a dead letter, undefined where it is none. */
  #one(slice: SliceContext, offset: number, event: Event | Statement): Rejected | undefined {
    const { profiles, output } = slice
    const profile = profiles.of(event.customer)
    const position = profiles.origin + offset
    if (!profiles.take(profile, position)) return undefined
    const undo = this.#undoes ? noteForUndo(profile, output, this.#events) : undefined
    try {
      if (!(event instanceof Event)) return this.#state(slice, offset, position, event, profile)
      return this.#throughStages(slice, offset, position, event, profile)
    } catch (fault) {
      this.#takeBack(undo, fault, output)
      profiles.schedule(profile)
      quarantine(output, offset, fault)
      return processingFault
    }
  }

  #throughStages(
    slice: SliceContext,
    offset: number,
    position: number,
    event: Event,
    profile: Profile,
  ): Rejected | undefined {
    const streamTimeMs = Math.max(profile.streamTimeMs, event.timeMs)
    const isNew = this.#addId(profile, event, streamTimeMs)
    const enrichment = this.#stages.enrich(event)
    // What came of an action is nothing that the customer did in a session.
    const session = slice.role === 'events' ? profile.session : outsideSessions
    if (!isNew) {
      slice.output.tally.duplicates++
      this.#note(offset, position, event, enrichment, session, false, true)
      return undefined
    }
    const isFirst = profile.streamTimeMs === 0
    this.#fireCrossingsBefore(slice, offset, position, profile, streamTimeMs)
    this.#updateCustomer(profile, event, streamTimeMs, session)
    const moment = this.#momentOf(event, enrichment, profile, session)
    const late = this.#updateFeatures(profile, moment, slice.output.tally)
    this.#note(offset, position, event, enrichment, session, late, false)
    moment.session = profile.session
    const { cases } = profile
    if (cases.length > 0 || slice.role === 'outcomes') this.#updateCases(slice, position, profile, moment)
    const competing = this.#updateTimers(slice, profile, isFirst, moment)
    if (profile.holds.length > 0) this.#endUnknownZones(profile, moment, slice.profiles)
    const rejection = this.#decideOnEvent(slice, offset, position, competing, profile, moment)
    if (profile.cases !== cases) slice.profiles.schedule(profile)
    return rejection
  }

  /** Notes what is known of the customer from now on. It is nothing that they did, so no session, window or stream time moves. */
  #state(
    { topic, partition, nowMs, profiles, output }: SliceContext,
    offset: number,
    position: number,
    statement: Statement,
    profile: Profile,
  ): Rejected | undefined {
    if (statement instanceof TraitStatement) {
      const { event } = statement
      mergeTraits(profile, event.traits, event.timeMs)
      this.#note(offset, position, event, noEnrichment, outsideSessions, false, false)
      this.#askAgain(profile, profiles, nowMs)
      if (profile.holds.length > 0) {
        const now = eventlessMoment(profile, Math.max(profile.streamTimeMs, nowMs))
        this.#endUnknownZones(profile, now, profiles)
      }
      count(output.tally.statements, 'traits')
      return undefined
    }
    const consent = mergeConsent(profile.consent, statement)
    if (consent === undefined) return noRoom
    const isKnown = this.#stages.policy.purposes.has(statement.purpose)
    const result = !isKnown ? 'unknown_purpose' : statement.given ? 'given' : 'withdrawn'
    count(output.tally.statements, `consent_${consent === profile.consent ? 'superseded' : result}`)
    const at = { topic, partition, offset, position }
    output.consents.push({ statement, at })
    if (consent === profile.consent) return undefined
    profile.consent = consent
    if (profile.cases.length > 0) this.#withdraw(profile, statement.timeMs, at, profiles, output)
    return undefined
  }

  /** Takes back the actions still open to which the customer agrees no more. */
  #withdraw(profile: Profile, timeMs: number, at: Positioned, profiles: Profiles, output: Output): void {
    const { policy, encodeAction } = this.#stages
    const change = withdraw(profile.cases, profile.consent, timeMs)
    for (const one of change.changed) {
      const withdrawal = withdrawalOf(one, profile.customer, at, policy.version)
      const record = encodeAction(withdrawal)
      output.bytes += recordBytes(record)
      output.records.push(record)
      output.actions.push(withdrawal)
      count(output.tally.outcomes, `${one.action}\nwithdrawn\nclosed`)
      if (!wasSeen(one)) Object.assign(profile, afterGivingBack(policy, profile, { ...one, name: one.action }))
    }
    if (change.changed.length === 0) return
    countVerdicts(output.tally, change.changed)
    changeCases(profile, change, at, output)
    profiles.schedule(profile)
  }

  /** Has the conditions that wait to become true evaluated by the clock, since what is known of the customer has changed. */
  #askAgain(profile: Profile, profiles: Profiles, nowMs: number): void {
    if (!this.#hasCrossings) return
    this.#stages.policy.timers.forEach(({ kind }, i) => {
      const state = profile.timers[i]
      if (kind === 'crossing' && state !== undefined) askAgain(state as CrossingState, profile.streamTimeMs, nowMs)
    })
    profiles.schedule(profile)
  }

  /** False for a duplicate. */
  #addId(profile: Profile, { id }: Event, streamTimeMs: number): boolean {
    const { windowMs, maxIds } = this.#stages.dedupe
    return profile.recentIds.add(hashId(id), streamTimeMs, windowMs, maxIds)
  }

  /** Fires conditions that became true with time, before the event came. */
  #fireCrossingsBefore(
    slice: SliceContext,
    offset: number,
    position: number,
    profile: Profile,
    streamTimeMs: number,
  ): void {
    const beforeMs = streamTimeMs - 1
    const { timers } = this.#stages.policy
    if (!this.#hasCrossings || nextDueMs(timers, profile.timers, 'crossing') > beforeMs) return
    const { topic, partition, nowMs, output, leftOut } = slice
    const clock = { nowMs, clockMs: beforeMs }
    this.#fireDue(profile, { topic, partition, offset, position }, clock, output, leftOut, 'crossing')
  }

  #updateCustomer(profile: Profile, event: Event, streamTimeMs: number, session: Session): void {
    profile.streamTimeMs = streamTimeMs
    if (session === profile.session) touchSession(session, event, this.#stages.session)
    if (event.traits.names.length > 0) mergeTraits(profile, event.traits, event.timeMs)
  }

  /** What expressions see. All events share one object. */
  #momentOf(event: Event, enrichment: Enrichment, profile: Profile, session: Session): Moment {
    const moment = this.#moment
    moment.event = event
    moment.enrichment = enrichment
    moment.session = session
    moment.traits = profile.traits
    moment.groups = profile.groups
    moment.notReady = profile.notReady
    moment.asOfMs = profile.streamTimeMs
    return moment
  }

  /** @returns whether the event is too late for at least one feature */
  #updateFeatures(profile: Profile, moment: Moment, tally: Tally): boolean {
    const late = updateFeatures(this.#stages.features, profile.groups, moment, profile.streamTimeMs, tally.lateBy)
    if (late) tally.late++
    if (profile.later !== undefined) noteLater(profile, moment.event, moment.enrichment, moment.session)
    return late
  }

  /** Notes what the event says of actions that were sent before. */
  #updateCases({ role, partition, output }: SliceContext, position: number, profile: Profile, moment: Moment): void {
    const at = { partition, position }
    const { streamTimeMs } = profile
    const note = (settled: Settled) => {
      count(output.tally.outcomes, `${settled.of?.action ?? ''}\n${settled.outcome}\n${settled.effect}`)
      if (settled.effect === 'closed' || settled.effect === 'revised') countVerdicts(output.tally, settled.changed)
      changeCases(profile, settled, at, output)
    }
    if (role === 'outcomes') {
      const settled = settleOutcome(profile.cases, moment.event, streamTimeMs)
      note(settled)
      const sent = settled.of && { ...settled.of, name: settled.of.action }
      Object.assign(profile, afterOutcome(this.#stages.policy, profile, moment.event, sent))
    }
    const reached = settleGoal(profile.cases, this.#stages.policy.goals, moment, streamTimeMs)
    if (reached !== undefined) note(reached)
  }

  #beginCase(profile: Profile, sent: PublishedAction, at: Positioned, output: Output): void {
    const { policy } = this.#stages
    const { id, action, treatment, channel, group, tags, purpose, arm, time: timeMs, probability, value: score } = sent
    const goal = policy.goals.get(action)
    if (goal === undefined && purpose === '' && !this.#hasOutcomes) return
    const endMs = timeMs + (goal?.withinMs ?? defaultWindowMs)
    const of = { id, action, treatment, channel, group, tags, purpose, arm, policy: policy.version }
    const begun = newCase({ ...of, timeMs, endMs, probability, score, hasGoal: goal !== undefined })
    const change = begin(profile.cases, begun, profile.streamTimeMs)
    countVerdicts(output.tally, change.changed)
    changeCases(profile, change, at, output)
  }

  /** @returns the actions that compete */
  #updateTimers(
    { role, profiles }: SliceContext,
    profile: Profile,
    isFirst: boolean,
    moment: Moment,
  ): readonly Action[] {
    const { timers, onEvent, onOutcome } = this.#stages.policy
    const touched = updateAbsences(timers, profile, moment)
    const asked = role === 'events' ? onEvent : onOutcome
    const competing = this.#hasCrossings ? this.#evaluateAll(profile, isFirst, moment, asked) : asked
    if (touched || this.#hasCrossings) profiles.schedule(profile)
    return competing
  }

  /** What waits because nobody knew where the customer is waits no longer, if it is known now. */
  #endUnknownZones(profile: Profile, moment: Moment, profiles: Profiles): void {
    const holds = withZoneKnown(this.#stages.policy, profile.holds, moment)
    if (holds === profile.holds) return
    profile.holds = holds
    profiles.schedule(profile)
  }

  /** Most events end here: nothing is eligible, or all of it is held back (which is stored of some customers). */
  #decideOnEvent(
    { topic, partition, profiles, nowMs, output }: SliceContext,
    offset: number,
    position: number,
    competing: readonly Action[],
    profile: Profile,
    moment: Moment,
  ): Rejected | undefined {
    const { policy, decidesAlways } = this.#stages
    const outlook = prospect(policy, competing, profile, moment, nowMs)
    const oneIn = outlook === 'suppressed' ? sampled(policy, profile.customer) : 1
    if (outlook !== 'open' && !decidesAlways && oneIn === 0) {
      output.tally.decisions[outlook]++
      return undefined
    }
    const cause = { topic, partition, offset, position, timer: '', dueMs: 0 }
    const { holds } = profile
    const rejection = this.#decide(competing, profile, moment, cause, always(cause), nowMs, output, oneIn)
    if (profile.holds !== holds) profiles.schedule(profile)
    return rejection
  }

  /** @throws ProcessingError where there is nothing to undo with */
  #takeBack(undo: (() => void) | undefined, fault: unknown, output: Output): void {
    if (undo === undefined) {
      this.#takeEvents()
      throw fault instanceof ProcessingError ? fault : new ProcessingError(fault)
    }
    undo()
    output.undone++
  }

  /** Evaluates on an event the conditions that wait to become true. @returns the actions that compete: these too, and those asked */
  #evaluateAll(profile: Profile, isFirst: boolean, moment: Moment, asked: readonly Action[]): readonly Action[] {
    const { policy } = this.#stages
    let competing = asked
    for (let i = 0; i < policy.timers.length; i++) {
      const timer = policy.timers[i]!
      if (timer.kind !== 'crossing') continue
      // Its earlier value is unknown while its features are not ready; the first event after that notes it.
      if (moment.notReady !== undefined && readsAny(timer.names, moment.notReady)) continue
      // For a new customer no condition was met before. For others, a newly added condition may have been true for long.
      if (crossByEvent(timer, profile, i, moment, !isFirst)) competing = joinedBy(policy, competing, i)
    }
    return competing
  }

  /** Fires what is due for a profile by the clock, in the order of the times. @param kind fires only timers of this kind */
  #fireDue(
    profile: Profile,
    at: Positioned,
    clock: Clock,
    output: Output,
    leftOut: Quarantined,
    kind?: Timer['kind'],
  ): void {
    const { timers } = this.#stages.policy
    for (;;) {
      const momentMs = kind === undefined ? nextDueOf(timers, profile) : nextDueMs(timers, profile.timers, kind)
      if (momentMs > clock.clockMs) return
      const name = timersAt(momentMs, profile.customer)
      const due = dueAt(timers, profile.timers, momentMs, kind)
      if (kind === undefined && profile.cases.length > 0) {
        endCases(profile, momentMs, at, output)
        if (nextDueOf(timers, profile) > momentMs) continue
      }
      const undo = this.#undoes ? noteForUndo(profile, output, this.#events) : undefined
      try {
        if (!leftOut.timers.has(name)) this.#fireMoment(profile, due, momentMs, at, clock, output)
      } catch (fault) {
        this.#takeBack(undo, fault, output)
        output.faults.push(fault)
        output.quarantined.timers.push(name)
      }
      endDue(timers, profile.timers, due, momentMs)
      if (kind === undefined) profile.holds = withoutEnded(profile.holds, momentMs)
    }
  }

  /**
   * Fires the timers that are due at one moment. Their actions compete in one decision, with those whose wait for the end of
   * quiet hours is over: as of the clock, or, where a condition has become true, as of the moment.
   */
  #fireMoment(
    profile: Profile,
    due: readonly number[],
    momentMs: number,
    at: Positioned,
    { nowMs, clockMs }: Clock,
    output: Output,
  ): void {
    const { policy } = this.#stages
    const asOf = (ms: number) => eventlessMoment(profile, Math.max(profile.streamTimeMs, ms))
    let atMs = clockMs
    const fired = due.filter((index) => {
      const timer = policy.timers[index]!
      if (timer.kind === 'absence') return true
      const hasTurned = crossByTime(timer, profile.timers[index] as CrossingState, asOf(momentMs))
      if (hasTurned) atMs = momentMs
      return hasTurned
    })
    const moment = asOf(atMs)
    const ended = endedHolds(policy, profile, momentMs, moment.asOfMs)
    if (fired.length + ended.length === 0) return
    output.tally.timers += fired.length + ended.length
    const causes = [
      ...fired.map((index): Cause => ({ ...at, timer: policy.timers[index]!.name, dueMs: momentMs })),
      ...ended.map(
        ({ hold: { rule, sinceMs } }): Cause => ({ ...at, timer: `${rule} ended`, dueMs: momentMs, sinceMs }),
      ),
    ]
    const names = new Set(causes.map(({ timer }) => timer))
    const cause = { ...causes[0]!, timer: [...names].join('; ') }
    const causeOf = (action: Action) => {
      const index = fired.findIndex((timer) => policy.onTimer[timer]!.includes(action))
      return causes[index >= 0 ? index : fired.length + ended.findIndex((one) => one.action.name === action.name)]!
    }
    const competing = joinEnded(joinTimers(policy, fired), ended)
    this.#decide(competing, profile, moment, cause, causeOf, nowMs, output)
  }

  /**
   * Decides, and publishes what is chosen.
   * @param cause what the decision is about
   * @param causeOf what caused one of its actions
   * @param oneIn such decisions are put out of one customer in so many
   * @returns why the event is a dead letter, where an action was too large to publish; else undefined
   */
  #decide(
    competing: readonly Action[],
    profile: Profile,
    moment: Moment,
    cause: Cause,
    causeOf: (action: Action) => Cause,
    nowMs: number,
    output: Output,
    oneIn = 1,
  ): Rejected | undefined {
    const { policy, encodeAction, maxRecordBytes, decidesAlways, onDecision } = this.#stages
    const { customer } = profile
    const of = { id: decisionId(cause, customer), arm: policy.armOf(customer), policy: policy.version }
    const payloads = new Map<Candidate, Payload>()
    const publishAs = (candidate: Candidate, rank: number, payload: Payload) =>
      publishAction(candidate, rank, payload, moment, causeOf(candidate.action), of)
    // It is asked before the rank and the probability are known, so it must not depend on how many digits they have.
    const fits = (candidate: Candidate): boolean => {
      const payload = payloadOf(candidate.treatment!, moment)
      payloads.set(candidate, payload)
      const { id, type } = moment.event
      if (mostBytes(payload) + mostBytes([customer, id, type]) + otherBytes <= maxRecordBytes) return true
      const longest = publishAs({ ...candidate, probability: 1 / 3 }, longestRank, payload)
      return (encodeAction(longest).value?.length ?? 0) <= maxRecordBytes
    }
    const draw = policy.epsilon > 0 ? drawOf('explore', of.id) : 1
    const decision = decide(policy, competing, profile, moment, { draw, arm: of.arm, nowMs, fits })
    onDecision?.({
      cause,
      moment,
      competing,
      customer: profile,
      decision,
      again: (otherPolicy, actionsOf, at, whom) => {
        const clockMs = nowMs + at.asOfMs - moment.asOfMs
        return decide(otherPolicy, actionsOf, whom, at, { draw, arm: of.arm, nowMs: clockMs, fits: () => true })
      },
    })
    output.tally.decisions[decision.outcome]++
    if (decision.outcome === 'none' && !decidesAlways) return undefined
    const { contacts, pastContacts, reactions, holds } = decision.after
    profile.contacts = contacts
    profile.pastContacts = pastContacts
    profile.reactions = reactions
    profile.holds = holds
    const actions = decision.chosen.map((candidate, i) => publishAs(candidate, i + 1, payloads.get(candidate)!))
    const records = actions.map(encodeAction)
    profile.pastContacts = withIds(pastContacts, actions)
    const { id, arm, policy: version } = of
    // Field by field: a literal that spreads another object takes 15 µs here.
    publish(
      { id, arm, policy: version, oneIn, cause, customer, asOfMs: moment.asOfMs, nowMs, decision, actions },
      records,
      output,
    )
    for (const action of actions) this.#beginCase(profile, action, cause, output)
    return decision.candidates.some(({ reason }) => reason === 'too_large') ? tooLarge : undefined
  }

  #note(
    offset: number,
    position: number,
    event: Event,
    enrichment: Enrichment,
    session: Session,
    late: boolean,
    duplicate: boolean,
  ): void {
    const { index: sessionIndex, startMs: sessionStartMs } = session
    this.#events.push({ offset, position, event, enrichment, sessionIndex, sessionStartMs, late, duplicate })
  }

  #takeEvents(): FoldedEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }
}

/** Of one customer in how many held back decisions are stored; 0 where they are not, or not of this one. */
function sampled({ heldBackOneIn }: Policy, customer: string): number {
  return heldBackOneIn > 0 && hashId(customer) % heldBackOneIn === 0 ? heldBackOneIn : 0
}

/** Not inside the method: a closure there would cost an allocation even for events that return before it is used. */
const always = (cause: Cause) => () => cause

function publish(decided: Decided, records: readonly OutRecord[], output: Output): void {
  const { tally } = output
  for (const { action, reason } of decided.decision.candidates) {
    const counts = reason === 'chosen' ? tally.actions : reason === 'too_large' ? tally.tooLarge : undefined
    counts?.set(action.name, (counts.get(action.name) ?? 0) + 1)
  }
  for (const record of records) output.bytes += recordBytes(record)
  output.records.push(...records)
  output.actions.push(...decided.actions)
  output.bytes += candidateBytes * decided.decision.candidates.length
  output.decisions.push(decided)
}

function endCases(profile: Profile, momentMs: number, at: Positioned, output: Output): void {
  const ended = endWindows(profile.cases, momentMs)
  countVerdicts(output.tally, ended.changed)
  changeCases(profile, ended, at, output)
}

function changeCases(
  profile: Profile,
  { cases, changed }: Change,
  { partition, position }: Pick<Positioned, 'partition' | 'position'>,
  output: Output,
): void {
  profile.cases = cases
  for (const now of changed) output.cases.push({ partition, position, customer: profile.customer, now })
}

function countVerdicts({ verdicts }: Tally, cases: Cases): void {
  for (const one of cases) count(verdicts, `${one.action}\n${verdictOf(one)}`)
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function quarantine({ faults, quarantined }: Output, offset: number, fault: unknown): void {
  faults.push(fault)
  quarantined.offsets.push(offset)
}
