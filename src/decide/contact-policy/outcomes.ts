import type { Event } from '../../events/event.ts'
import { outcomeOf } from '../../events/outcome.ts'
import { withoutContact } from '../contact.ts'
import type { Customer } from '../customer.ts'
import type { Policy } from '../policy.ts'
import type { Selectable } from '../selector.ts'
import { type Contact, withoutPastContact } from './past-contacts.ts'
import { withReaction } from './suppressions.ts'

/** The action did not reach the customer, so it counts for no limit. Of one that failed, nobody knows. */
const givesBack: ReadonlySet<string> = new Set(['not_delivered', 'expired', 'withdrawn'])

/** An action that was sent: its id, its name and as of when it was decided. */
export interface Sent extends Selectable {
  readonly id: string
  /** ms */
  readonly timeMs: number
  readonly tags: readonly string[]
}

/**
 * What an outcome changes for contact rules: it gives a contact back, or counts toward a suppression.
 * @param sent the action that it is of, where that is known: as it was when it was decided
 * @returns the same object where nothing changes
 */
export function afterOutcome(policy: Policy, customer: Customer, event: Event, sent: Sent | undefined): Customer {
  const outcome = outcomeOf(event)
  const of = sent ?? sentOf(customer.pastContacts, event)
  const after = givesBack.has(outcome) && of !== undefined ? afterGivingBack(policy, customer, of) : customer
  const names = of ?? policy.declared.get(textOf(event, 'action'))
  if (names === undefined) return after
  const { name, group, tags = [], channel } = names
  const reaction = { outcome, timeMs: event.timeMs, name, group, tags, channel }
  const reactions = withReaction(after.reactions, reaction, policy.contactPolicy.suppressions)
  return reactions === after.reactions ? after : { ...stateOf(after), reactions }
}

/** The customer's state without the contact: no rule counts it any more. The same object where none counted it. */
export function afterGivingBack(policy: Policy, customer: Customer, { id, name, timeMs }: Sent): Customer {
  const pastContacts = withoutPastContact(customer.pastContacts, id)
  const counts = policy.declared.get(name)?.contact.counts !== false
  const contacts = withoutContact(customer.contacts, name, counts, timeMs)
  if (pastContacts === customer.pastContacts && contacts === customer.contacts) return customer
  return { ...stateOf(customer), pastContacts, contacts }
}

/** Only these parts: a profile is more. */
export const stateOf = ({ consent, contacts, pastContacts, reactions, holds }: Customer): Customer => ({
  consent,
  contacts,
  pastContacts,
  reactions,
  holds,
})

/** By its id; or, where only the action is named, its latest one by then. */
function sentOf(contacts: readonly Contact[], event: Event): Contact | undefined {
  const [id, action] = [textOf(event, 'action_id'), textOf(event, 'action')]
  if (id !== '') return contacts.find((contact) => contact.id === id)
  return contacts.findLast(({ name, timeMs }) => name === action && timeMs <= event.timeMs)
}

function textOf({ properties }: Event, name: string): string {
  const value = properties.get(name)
  return typeof value === 'string' ? value : ''
}
