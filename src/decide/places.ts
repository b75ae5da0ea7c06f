import type { Moment } from '../features/moment.ts'
import { withContact } from './contact.ts'
import { withoutHold } from './contact-policy/holds.ts'
import { contactOf, withPastContact } from './contact-policy/past-contacts.ts'
import type { Customer } from './customer.ts'
import type { Candidate, Refusal } from './decision.ts'
import { usedUp } from './gates.ts'
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
  /** `after` is the customer's state, once that is shown. */
  readonly reserved: { readonly after: Customer }
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
  given: Given,
  order: Iterable<Candidate>,
  refuse?: (candidate: Candidate, refusal: Refusal) => void,
  fits: (candidate: Candidate) => boolean = always,
): Slate {
  const { places } = given.policy
  const room = places.map(({ count }) => count)
  let free = room.reduce((sum, count) => sum + count, 0)
  const placed: Placed[] = []
  const reserved = new Reserved(given)
  for (const candidate of order) {
    if (free === 0 && refuse === undefined) break
    const { action, treatment } = candidate
    const isPlaced = placed.some((other) => other.candidate.action === action)
    const place = isPlaced ? undefined : treatment!.places.find((at) => room[at]! > 0)
    if (place === undefined) {
      refuse?.(candidate, outranked)
      continue
    }
    const refusal = reserved.refusalOf(action, treatment!)
    if (refusal !== undefined) refuse?.(candidate, refusal)
    else if (!fits(candidate)) refuse?.(candidate, tooLarge)
    else {
      room[place]!--
      free--
      placed.push({ candidate, slot: places[place]!.slot })
      reserved.add(action, treatment!)
    }
  }
  return { placed, reserved }
}

/**
 * What the placed actions take of what the customer may be told: their contacts. They are noted when somebody asks, since
 * whoever fills a last place need not know.
 */
class Reserved {
  readonly #given: Given
  #after: Customer
  readonly #pending: (readonly [Action, Treatment])[] = []

  constructor(given: Given) {
    this.#given = given
    this.#after = given.customer
  }

  add(action: Action, treatment: Treatment): void {
    this.#pending.push([action, treatment])
  }

  /** Why the action, which nothing held back before the others were placed, can't be placed after them. */
  refusalOf(action: Action, treatment: Treatment): Refusal | undefined {
    const { policy, moment } = this.#given
    return policy.contactsInteract ? usedUp(action, treatment, moment, this.after, policy) : undefined
  }

  /** The customer's state once the actions are published; their ids are not known yet. */
  get after(): Customer {
    const { policy, moment } = this.#given
    for (const [action, treatment] of this.#pending.splice(0)) {
      const { consent, contacts, pastContacts, reactions, holds } = this.#after
      const contact = contactOf(action, treatment, moment.asOfMs)
      this.#after = {
        consent,
        contacts: withContact(contacts, action, policy.arbitration, moment.asOfMs),
        pastContacts: withPastContact(pastContacts, contact, policy.contactPolicy.limits, moment),
        reactions,
        holds: withoutHold(holds, action.name),
      }
    }
    return this.#after
  }
}

export const tooLarge: Refusal = { reason: 'too_large', gate: '' }
const always = () => true
