import type { Moment } from '../features/moment.ts'
import { withContact } from './contact.ts'
import { withoutHold } from './contact-policy/holds.ts'
import { contactOf, withPastContact } from './contact-policy/past-contacts.ts'
import type { Customer } from './customer.ts'
import type { Candidate, Refusal } from './decision.ts'
import { heldBack } from './gates.ts'
import type { Action, Policy, Treatment } from './policy.ts'

/** One of the places that a decision gives away. */
export interface Placed {
  readonly candidate: Candidate
  /** The place's name; empty where the rules name none. */
  readonly slot: string
}

/** What would be shown. */
export interface Slate {
  readonly placed: readonly Placed[]
  /** The customer's state, once that is shown. */
  readonly after: Customer
}

/** What a slate needs to know. */
export interface Given {
  readonly policy: Policy
  readonly moment: Moment
  readonly customer: Customer
  /** The slice's clock; ms. */
  readonly nowMs: number
}

export const outranked: Refusal = { reason: 'outranked', gate: '' }

/**
 * Gives the places away, in the candidates' order: each gets the first place that it fits and that is free, by the order in
 * which the rules name them. One that was placed counts as a contact for the next ones, and takes the action out.
 * @param order open candidates. The mandatory ones are first
 * @param refuse told of each one that gets no place; without it the rest is passed over once no place is free
 * @param fits whether it can be published; one that can't be takes no place
 */
export function fillPlaces(
  { policy, moment, customer, nowMs }: Given,
  order: Iterable<Candidate>,
  refuse?: (candidate: Candidate, refusal: Refusal) => void,
  fits: (candidate: Candidate) => boolean = always,
): Slate {
  const { places } = policy
  const room = places.map(({ count }) => count)
  let free = room.reduce((sum, count) => sum + count, 0)
  const placed: Placed[] = []
  let after = customer
  for (const candidate of order) {
    if (free === 0 && refuse === undefined) break
    const { action, treatment } = candidate
    const isPlaced = placed.some((other) => other.candidate.action === action)
    const place = isPlaced ? undefined : treatment!.places.find((at) => room[at]! > 0)
    if (place === undefined) {
      refuse?.(candidate, outranked)
      continue
    }
    const refusal = after === customer ? undefined : heldBack(action, treatment!, moment, after, policy, nowMs)
    if (refusal !== undefined) refuse?.(candidate, refusal)
    else if (!fits(candidate)) refuse?.(candidate, tooLarge)
    else {
      room[place]!--
      free--
      placed.push({ candidate, slot: places[place]!.slot })
      after = afterContact(after, action, treatment!, policy, moment)
    }
  }
  return { placed, after }
}

/** The customer's state once the action is published; its id is not known yet. */
function afterContact(
  { consent, contacts, pastContacts, reactions, holds }: Customer,
  action: Action,
  treatment: Treatment,
  { arbitration, contactPolicy }: Policy,
  moment: Moment,
): Customer {
  const contact = contactOf(action, treatment, moment.asOfMs)
  return {
    consent,
    contacts: withContact(contacts, action, arbitration, moment.asOfMs),
    pastContacts: withPastContact(pastContacts, contact, contactPolicy.limits, moment),
    reactions,
    holds: withoutHold(holds, action.name),
  }
}

const tooLarge: Refusal = { reason: 'too_large', gate: '' }
const always = () => true
