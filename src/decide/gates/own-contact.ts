import type { Moment } from '../../features/moment.ts'
import { type Suppression, suppression } from '../contact.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Action } from '../policy.ts'

const refusals: Readonly<Record<Suppression, Refusal>> = {
  cooldown: { reason: 'cooldown', gate: '' },
  cap: { reason: 'cap', gate: '' },
}

/** Holds back an action that was sent too recently or too often, by its own cool-down and caps. */
export function ownContact({ name, contact }: Action, { asOfMs }: Moment, { contacts }: Customer): Refusal | undefined {
  const why = suppression(contacts.get(name), contact, asOfMs)
  return why && refusals[why]
}
