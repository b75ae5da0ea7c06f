import type { Consent } from '../consent/consent.ts'
import type { Contacts } from './contact.ts'
import type { Hold } from './contact-policy/holds.ts'
import type { Contact } from './contact-policy/past-contacts.ts'
import type { Reaction } from './contact-policy/suppressions.ts'

/** The parts of a profile that a decision looks at beside the features, and never changes in place. */
export interface Customer {
  /** By action. */
  readonly contacts: Contacts
  /** For the contact policy; in order of time. */
  readonly pastContacts: readonly Contact[]
  /** Outcomes that suppressions look at; in order of time. */
  readonly reactions: readonly Reaction[]
  /** The actions that wait for the end of quiet hours. */
  readonly holds: readonly Hold[]
  readonly consent: Consent
}
