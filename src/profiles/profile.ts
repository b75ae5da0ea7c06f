import { type Cases, noCases } from '../cases/cases.ts'
import { type Consent, noConsent } from '../consent/consent.ts'
import { type Hold, noHolds } from '../decide/contact-policy/holds.ts'
import { type Contact, noPastContacts } from '../decide/contact-policy/past-contacts.ts'
import { noReactions, type Reaction } from '../decide/contact-policy/suppressions.ts'
import type { Enrichment } from '../enrich/enrichment.ts'
import { noSession, type Session } from '../enrich/session.ts'
import type { Event, Value } from '../events/event.ts'
import type { Panes } from '../features/aggregate.ts'
import type { NotReady } from '../features/moment.ts'
import type { PastEvent } from '../features/refold.ts'
import { noTimers, type TimerStates } from '../timers/states.ts'
import { RecentIds } from './recent-ids.ts'

/**
 * All that is kept about one customer. Its parts belong to the stages, which change them in place, event by event.
 * `codec.ts` writes them into the profile's row.
 */
export class Profile {
  readonly customer: string
  /** The first position of the partition that is not folded in yet: a replay skips what comes before it. */
  position = 0
  /** The customer was erased at the position before this one, and no earlier event may count; 0: never. */
  erasedBefore = 0
  /** The largest event time seen so far; ms. 0 before the first event. */
  streamTimeMs = 0
  /** The panes of each feature group, by the group's index; undefined until an event touches it. */
  groups: (Panes | undefined)[] = []
  /** The features that lack events from before they were declared; undefined for none, which is the usual case. */
  notReady: NotReady | undefined = undefined
  /** While features are computed from the events in the store: the events that have come since that began, in order. */
  later: PastEvent[] | undefined = undefined
  readonly session = noSession()
  /** The latest value of each trait by event time; and the time of its latest statement, kept for removed traits too. */
  traits: ReadonlyMap<string, Value> = noTraits
  traitTimes: ReadonlyMap<string, number> = noTimes
  readonly recentIds = new RecentIds()
  consent: Consent = noConsent
  /** Times of the actions published to the customer, ascending, by action name; kept as long as a cap looks back. */
  contacts: ReadonlyMap<string, readonly number[]> = noContacts
  timers: TimerStates = noTimers
  /** What the contact policy looks at: past contacts, what came of them, and the actions that wait. Replaced, never changed. */
  pastContacts: readonly Contact[] = noPastContacts
  reactions: readonly Reaction[] = noReactions
  holds: readonly Hold[] = noHolds
  /** What came of the actions published to the customer. */
  cases: Cases = noCases
  /** Changed since its row was last written. */
  dirty = false
  /** How often it was changed since its row was last written. */
  changes = 0
  /** Used since `evict` last visited it. */
  used = true
  /** About what it takes in memory; bytes, as of its last snapshot. */
  bytes = newProfileBytes

  constructor(customer: string) {
    this.customer = customer
  }
}

// Most customers have none of these, and an empty map takes 200 bytes, so these are shared. To add, make a new map.
const noTraits: ReadonlyMap<string, Value> = new Map()
const noTimes: ReadonlyMap<string, number> = new Map()
const noContacts: ReadonlyMap<string, number[]> = new Map()

/** The profile object, the session, and the first panes and ids; measured on the heap. */
const newProfileBytes = 1_200

/** A customer who sends more events than this while its features are computed (seconds) is tried again later. */
const maxLater = 2_000

/**
 * Notes an event that comes while the profile's features are computed from the events in the store.
 * @param session the event's
 */
export function noteLater(profile: Profile, event: Event, enrichment: Enrichment, session: Session): void {
  const { later } = profile
  if (later === undefined) return
  if (later.length === maxLater) profile.later = undefined
  else later.push({ event, enrichment, sessionIndex: session.index, sessionStartMs: session.startMs })
}
