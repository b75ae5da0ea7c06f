import type { Moment } from '../../features/moment.ts'
import { anyAction, suppression } from '../contact.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Action, Arbitration } from '../policy.ts'

export const ofAllActions: Refusal = { reason: 'contact_policy', gate: '' }

/** Holds back every action that obeys and is not mandatory while the cool-down or a cap for all actions together does. */
export function contactPolicy(
  { contact: { obeys }, mandatory }: Action,
  { contact }: Arbitration,
  { asOfMs }: Moment,
  { contacts }: Customer,
): Refusal | undefined {
  if (obeys === false || mandatory) return undefined
  return suppression(contacts.get(anyAction), contact, asOfMs) && ofAllActions
}
