import type { Moment } from '../features/moment.ts'
import { anyAction } from './contact.ts'
import { type Hold, isHeld, withHold } from './contact-policy/holds.ts'
import { stateOf } from './contact-policy/outcomes.ts'
import type { Customer } from './customer.ts'
import type { Candidate, Decision, Reason, Refusal } from './decision.ts'
import { drawFirst, type Exploration, orderOf, probabilities } from './explore.ts'
import { ofAllActions } from './gates/contact-policy.ts'
import { heldBack, notEligible, notFitting } from './gates.ts'
import { fillPlaces, type Given, outranked, type Slate, tooLarge } from './places.ts'
import type { Action, Arm, Policy, Treatment } from './policy.ts'
import { byRank, priorityOf } from './priority.ts'

/**
 * How a decision would end, without making it: no action is eligible, all eligible ones are held back, or there is
 * something to choose from. Most events end here, so nothing is allocated.
 * @param actions the policy's actions that compete
 * @param nowMs the slice's clock
 */
export function prospect(
  policy: Policy,
  actions: readonly Action[],
  customer: Customer,
  moment: Moment,
  nowMs = moment.asOfMs,
): 'none' | 'suppressed' | 'open' {
  let prospect: 'none' | 'suppressed' = 'none'
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i]!
    if (notEligible(action, moment) !== undefined) continue
    for (let j = 0; j < action.treatments.length; j++) {
      const treatment = action.treatments[j]!
      if (notFitting(treatment, moment) !== undefined) continue
      prospect = 'suppressed'
      const refusal = heldBack(action, treatment, moment, customer, policy, nowMs)
      if (refusal === undefined) return 'open'
      // A hold has to be noted. Once it is, what waits costs no more than what is dropped.
      if (refusal.reason === 'held' && !action.isShadow && !isHeld(customer.holds, action.name, moment.asOfMs))
        return 'open'
      if (refusal === ofAllActions && policy.allObey) return prospect
    }
  }
  return prospect
}

/** What is not in the rules, the profile or the moment. */
export interface Circumstances {
  /** A number in [0, 1) that decides whether and what to explore. */
  readonly draw: number
  /** What an experiment does with the customer; empty where there is none. */
  readonly arm: Arm
  /** The slice's clock; ms. If left out, the moment's. */
  readonly nowMs?: number
  /** Whether the action can be published in that form. One that can't be takes no place and does not count for contact rules. */
  readonly fits: (candidate: Candidate) => boolean
}

/**
 * One evaluation of the policy for one customer: gates, then arbitration. Each candidate, an action in one of its forms, gets
 * one reason. This changes nothing: whoever publishes the chosen actions puts `after` in the profile.
 * @param actions the policy's actions that compete
 */
export function decide(
  policy: Policy,
  actions: readonly Action[],
  customer: Customer,
  moment: Moment,
  { draw, arm, nowMs = moment.asOfMs, fits }: Circumstances,
): Decision {
  const given = { policy, moment, customer, nowMs }
  const eligible: Weighed[] = []
  const others: Candidate[] = []
  for (const action of actions) weigh(action, given, eligible, others)
  eligible.sort(byRank)
  const nothingScore = worthOfNothing(policy, moment)
  const open = eligible.filter((one) => one.reason === 'chosen' && isWorthIt(one, policy, nothingScore))
  const live = open.filter(({ action }) => !action.isShadow)
  const { chosen, nothing, after } = arbitrate(live, given, arm, nothingScore, draw, fits)
  if (open.length > live.length) arbitrateShadows(open, live, given)
  const candidates = [...eligible, ...others]
  const holds = holdsAfter(eligible, chosen, after, given, nothingScore)
  const state = holds === after.holds ? after : { ...stateOf(after), holds }
  return { outcome: outcomeOf(eligible, chosen), candidates, chosen, after: state, nothing, nothingScore }
}

/** No gate holds it back. */
const open: Refusal = { reason: 'chosen', gate: '' }

/** A candidate on its way through the arbitration. */
interface Weighed extends Candidate {
  readonly treatment: Treatment
  reason: Reason
  gate: string
  probability: number
  slot: string
}

function weigh(
  action: Action,
  { policy, moment, customer, nowMs }: Given,
  eligible: Weighed[],
  others: Candidate[],
): void {
  const refusal = notEligible(action, moment)
  if (refusal !== undefined) {
    others.push(refused(action, undefined, refusal))
    return
  }
  for (const treatment of action.treatments) {
    const unfit = notFitting(treatment, moment)
    if (unfit !== undefined) {
      others.push(refused(action, treatment, unfit))
      continue
    }
    const score = priorityOf(action, treatment, moment)
    const isWorthless = Number.isNaN(score)
    const { reason, gate } = isWorthless
      ? failed
      : (heldBack(action, treatment, moment, customer, policy, nowMs) ?? open)
    eligible.push({ action, treatment, reason, gate, score, probability: 0, slot: '' })
  }
}

const failed: Refusal = { reason: 'error', gate: '' }

const refused = (action: Action, treatment: Treatment | undefined, { reason, gate }: Refusal): Candidate => ({
  action,
  treatment,
  reason,
  gate,
  score: Number.NaN,
  probability: 0,
  slot: '',
})

/** NaN where nothing does not compete, or its worth can't be evaluated. */
function worthOfNothing({ nothing }: Policy, moment: Moment): number {
  const worth = nothing?.(moment)
  return typeof worth === 'number' ? worth : Number.NaN
}

/** What is worth less than nothing is not sent; nor is anything, while it can't be told what that is. */
function isWorthIt(one: Weighed, { nothing }: Policy, nothingScore: number): boolean {
  if (nothing === undefined || one.action.mandatory || one.score >= nothingScore) return true
  one.reason = Number.isNaN(nothingScore) ? 'error' : 'nothing'
  return false
}

/** What waits from now on: all that would go out, were it not for quiet hours. What has gone out in another form waits no more. */
function holdsAfter(
  eligible: readonly Weighed[],
  chosen: readonly Candidate[],
  { holds: before }: Customer,
  { policy, moment, nowMs }: Given,
  nothingScore: number,
): readonly Hold[] {
  let holds = before
  for (const one of eligible) {
    const { action, treatment } = one
    if (one.reason !== 'held' || action.isShadow || !isWorthIt(one, policy, nothingScore)) continue
    const better = chosen.filter((other) => byRank(other, one) < 0).length
    const isOut = chosen.some((other) => other.action === action)
    if (isOut || better >= policy.places.reduce((sum, { count }) => sum + count, 0)) Object.assign(one, outranked)
    else holds = withHold(holds, action, treatment, moment, nowMs)
  }
  return holds
}

interface Arbitrated {
  readonly chosen: readonly Candidate[]
  /** The probability that no action is shown. */
  readonly nothing: number
  readonly after: Customer
}

/** @param live the open candidates by rank, without the shadows */
function arbitrate(
  live: readonly Weighed[],
  given: Given,
  arm: Arm,
  nothingScore: number,
  draw: number,
  fits: (candidate: Candidate) => boolean,
): Arbitrated {
  const { epsilon } = given.policy
  const refuse = (candidate: Candidate, refusal: Refusal) => Object.assign(candidate, refusal)
  const explores = epsilon > 0
  // Any of them may be drawn, so it must be known of each; without exploration only of those whose turn comes.
  const ranked = explores ? live.filter((one) => fits(one) || !refuse(one, tooLarge)) : live
  const mandatory = ranked.filter(({ action }) => action.mandatory).length
  const exploration: Exploration = { epsilon, ranked, mandatory, withNothing: !Number.isNaN(nothingScore) }
  const first = drawFirst(exploration, draw)
  if (first === 'nothing') for (const one of ranked.slice(mandatory)) one.reason = 'nothing'
  const slate = fillPlaces(given, orderOf(exploration, first), refuse, explores ? undefined : fits)
  for (const { candidate, slot } of slate.placed) Object.assign(candidate, { slot, probability: 1 })
  let nothing = slate.placed.length > 0 ? 0 : 1
  if (explores) {
    const { contacts } = given.customer
    const ofAll = new Map([[anyAction, contacts.get(anyAction) ?? []]])
    // An action's own contacts hold back no other one, and are many to copy for each arm.
    const shared = { ...given, customer: { ...stateOf(given.customer), contacts: ofAll } }
    const all = probabilities(exploration, (order) => fillPlaces(shared, order))
    nothing = all.nothing
    for (const one of ranked) one.probability = all.of.get(one)!
  }
  return arm === 'holdout' ? withhold(ranked, slate) : arbitrated(slate, nothing)
}

const arbitrated = ({ placed, reserved: { after } }: Slate, nothing: number): Arbitrated => ({
  chosen: placed.map(({ candidate }) => candidate),
  nothing,
  after,
})

/**
 * Of what was decided for a customer of the holdout only the mandatory goes out. All of it counts as a contact, so that such a
 * customer is decided for as often as any other.
 */
function withhold(ranked: readonly Weighed[], { placed, reserved }: Slate): Arbitrated {
  for (const one of ranked) {
    if (one.action.mandatory) continue
    one.probability = 0
    one.slot = ''
    if (one.reason === 'chosen') one.reason = 'holdout'
  }
  const sent = placed.filter(({ candidate }) => candidate.action.mandatory)
  return arbitrated({ placed: sent, reserved }, sent.length > 0 ? 0 : 1)
}

/** Each action in the shadow as if it were the only one there: beside the live ones, without chance, and at no cost to them. */
function arbitrateShadows(open: readonly Weighed[], live: readonly Weighed[], given: Given): void {
  const rivals = live.filter(({ reason }) => reason !== 'too_large')
  for (const action of new Set(open.map((one) => one.action))) {
    if (!action.isShadow) continue
    const own = (candidate: Candidate) => candidate.action === action
    const order = [...rivals, ...open.filter(own)].sort(byRank)
    const refuse = (candidate: Candidate, refusal: Refusal) => own(candidate) && Object.assign(candidate, refusal)
    for (const { candidate } of fillPlaces(given, order, refuse).placed) {
      if (own(candidate)) Object.assign(candidate, { reason: 'shadow' })
    }
  }
}

function outcomeOf(eligible: readonly Candidate[], chosen: readonly Candidate[]): Decision['outcome'] {
  if (chosen.length > 0) return 'chosen'
  for (const outcome of ['holdout', 'shadow', 'nothing'] as const) {
    if (eligible.some(({ reason }) => reason === outcome)) return outcome
  }
  return eligible.length > 0 ? 'suppressed' : 'none'
}
