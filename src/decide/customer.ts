import type { Contacts } from './contact.ts'

/** The parts of a profile that a decision looks at beside the features, and never changes in place. */
export interface Customer {
  /** By action. */
  readonly contacts: Contacts
}
