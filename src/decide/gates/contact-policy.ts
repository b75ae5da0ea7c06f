import type { Moment } from '../../features/moment.ts'
import { anyAction, type Contacts, suppression } from '../contact.ts'
import type { Arbitration } from '../policy.ts'

/** Holds back every action while the cool-down or a cap for all actions together does. */
export function contactPolicy(
  { contact }: Arbitration,
  { asOfMs }: Moment,
  contacts: Contacts,
): 'contact_policy' | undefined {
  return suppression(contacts.get(anyAction), contact, asOfMs) && 'contact_policy'
}
