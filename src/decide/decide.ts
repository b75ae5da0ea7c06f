import type { Moment } from '../features/moment.ts'
import { byName } from './competing.ts'
import { withContact } from './contact.ts'
import type { Customer } from './customer.ts'
import type { Candidate, Decision, Reason, Refusal } from './decision.ts'
import { heldBack, notEligible } from './gates.ts'
import type { Action, Arbitration, Policy } from './policy.ts'

/**
 * How a decision would end, without making it: no action is eligible, all eligible ones are held back, or there is
 * something to choose from. Most events end here, so nothing is allocated.
 * @param actions the policy's actions that compete
 */
export function prospect(
  { arbitration }: Policy,
  actions: readonly Action[],
  customer: Customer,
  moment: Moment,
): 'none' | 'suppressed' | 'open' {
  let prospect: 'none' | 'suppressed' = 'none'
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i]!
    if (notEligible(action, moment) !== undefined) continue
    prospect = 'suppressed'
    const refusal = heldBack(action, moment, customer, arbitration)
    if (refusal === undefined) return 'open'
    if (refusal.reason === 'contact_policy') return prospect
  }
  return prospect
}

/**
 * One evaluation of the policy for one customer: gates, then arbitration. Each candidate gets one reason. This changes
 * nothing: whoever publishes the chosen actions puts `after` in the profile.
 * @param actions the policy's actions that compete
 * @param fits whether the action can be published with this rank, which counts from 1. One that can't be published takes no
 *   place and does not count for contact rules
 */
export function decide(
  { arbitration }: Policy,
  actions: readonly Action[],
  customer: Customer,
  moment: Moment,
  fits: (candidate: Candidate, rank: number) => boolean,
): Decision {
  const eligible: Weighed[] = []
  const others: Candidate[] = []
  for (const action of actions) {
    const refusal = notEligible(action, moment)
    if (refusal === undefined) eligible.push(weigh(action, moment, customer, arbitration))
    else others.push({ action, treatment: '', ...refusal, score: Number.NaN, probability: 0, slot: '' })
  }
  const { chosen, after } = arbitrate(eligible.sort(byRank), moment, customer, arbitration, fits)
  const outcome = chosen.length > 0 ? 'chosen' : eligible.length > 0 ? 'suppressed' : 'none'
  const nothing = chosen.length > 0 ? 0 : 1
  const candidates = [...eligible, ...others]
  return { outcome, candidates, chosen, after, nothing, nothingScore: Number.NaN }
}

/** No gate holds it back. */
const open: Refusal = { reason: 'chosen', gate: '' }

/** A candidate on its way through the arbitration. */
interface Weighed extends Candidate {
  reason: Reason
  gate: string
  probability: number
}

function weigh(action: Action, moment: Moment, customer: Customer, arbitration: Arbitration): Weighed {
  const score = action.value(moment)
  const about = { action, treatment: '', probability: 0, slot: '' }
  if (typeof score !== 'number') return { ...about, reason: 'error', gate: '', score: Number.NaN }
  const { reason, gate } = heldBack(action, moment, customer, arbitration) ?? open
  return { ...about, reason, gate, score }
}

/** Fills the places with the best candidates that no gate holds back. A chosen one counts as a contact for the next ones. */
function arbitrate(
  ranked: readonly Weighed[],
  moment: Moment,
  customer: Customer,
  arbitration: Arbitration,
  fits: (candidate: Candidate, rank: number) => boolean,
): { readonly chosen: readonly Candidate[]; readonly after: Customer } {
  const { emit } = arbitration
  const places = emit === 'best' ? 1 : emit === 'all' ? ranked.length : emit.top
  const chosen: Candidate[] = []
  let after = customer
  for (const candidate of ranked) {
    if (candidate.reason !== 'chosen') continue
    if (chosen.length === places) candidate.reason = 'outranked'
    else Object.assign(candidate, heldBack(candidate.action, moment, after, arbitration))
    if (candidate.reason !== 'chosen') continue
    candidate.probability = 1
    if (!fits(candidate, chosen.length + 1)) {
      Object.assign(candidate, { reason: 'too_large', probability: 0 })
      continue
    }
    chosen.push(candidate)
    after = { contacts: withContact(after.contacts, candidate.action, arbitration, moment.asOfMs) }
  }
  return { chosen, after }
}

/** The most valuable first, ties by name; actions without a value last. */
function byRank(a: Candidate, b: Candidate): number {
  const [x, y] = [Number.isNaN(a.score), Number.isNaN(b.score)]
  if (x !== y) return x ? 1 : -1
  return (x ? 0 : b.score - a.score) || byName(a.action, b.action)
}
