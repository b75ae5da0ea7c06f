import type { Moment } from '../features/moment.ts'
import type { Customer } from './customer.ts'
import type { Refusal } from './decision.ts'
import { condition } from './gates/condition.ts'
import { consent } from './gates/consent.ts'
import { contactPolicy } from './gates/contact-policy.ts'
import { declared } from './gates/declared.ts'
import { limits } from './gates/limits.ts'
import { ownContact } from './gates/own-contact.ts'
import { quietHours } from './gates/quiet-hours.ts'
import { readiness } from './gates/readiness.ts'
import { suppressions } from './gates/suppressions.ts'
import { treatmentCondition } from './gates/treatment-condition.ts'
import type { Action, Policy, Treatment } from './policy.ts'

/**
 * The gates between an action and a customer, in order, one file each. The first gate that holds the action back gives the
 * reason; undefined lets it through. A new gate is a file and a line here.
 */

/** May it be considered at all? An action that does not pass has no value and no rank. */
export const notEligible = (action: Action, moment: Moment) =>
  readiness(action, moment) ?? condition(action, moment) ?? declared(action, moment)

/** May it take this form? */
export const notFitting = (treatment: Treatment, moment: Moment) => treatmentCondition(treatment, moment)

/** May the customer still be contacted with it after other actions of the same decision? Of all gates only these know of them. */
export const usedUp = (
  action: Action,
  treatment: Treatment,
  moment: Moment,
  customer: Customer,
  { arbitration }: Policy,
): Refusal | undefined =>
  contactPolicy(action, arbitration, moment, customer) ?? limits(action, treatment, moment, customer)

/**
 * May the customer be contacted with it now, in this form? What is mandatory skips limits, but not what is never to be.
 * @param nowMs the slice's clock
 */
export const heldBack = (
  action: Action,
  treatment: Treatment,
  moment: Moment,
  customer: Customer,
  { arbitration }: Policy,
  nowMs: number,
): Refusal | undefined =>
  consent(action, treatment, customer) ??
  ownContact(action, moment, customer) ??
  contactPolicy(action, arbitration, moment, customer) ??
  suppressions(treatment, moment, customer) ??
  limits(action, treatment, moment, customer) ??
  quietHours(action, treatment, moment, customer, nowMs)
