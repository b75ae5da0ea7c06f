import type { Moment } from '../../features/moment.ts'
import { type Contacts, suppression } from '../contact.ts'
import type { Action } from '../policy.ts'

/** Holds back an action that was sent too recently or too often, by its own cool-down and caps. */
export function ownContact(
  { name, contact }: Action,
  { asOfMs }: Moment,
  contacts: Contacts,
): 'cooldown' | 'cap' | undefined {
  return suppression(contacts.get(name), contact, asOfMs)
}
