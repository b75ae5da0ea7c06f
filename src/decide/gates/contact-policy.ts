import type { Moment } from '../../features/moment.ts'
import { anyAction, suppression } from '../contact.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Arbitration } from '../policy.ts'

const refusal: Refusal = { reason: 'contact_policy', gate: '' }

/** Holds back every action while the cool-down or a cap for all actions together does. */
export function contactPolicy(
  { contact }: Arbitration,
  { asOfMs }: Moment,
  { contacts }: Customer,
): Refusal | undefined {
  return suppression(contacts.get(anyAction), contact, asOfMs) && refusal
}
