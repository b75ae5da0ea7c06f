import type { Moment } from '../../features/moment.ts'
import type { Action, Treatment } from '../policy.ts'
import type { Selectable } from '../selector.ts'
import { isWithin, type Limit } from './limits.ts'

/**
 * The actions that went to a customer, in order of time: what limits and exclusions count. Each is kept with the names
 * that it had when it was decided, so rules that come later count it by these.
 */
export interface Contact extends Selectable {
  /** The action's id: it may be given back by it. Empty where it was not published. */
  readonly id: string
  /** As of when it was decided; ms. */
  readonly timeMs: number
  readonly tags: readonly string[]
  /** Whether it counts for limits; exclusions look at it all the same. */
  readonly counts: boolean
}

/** It is noted before it is published, so without its id. */
export function contactOf(
  { name, group, tags, contact }: Action,
  { channel }: Pick<Treatment, 'channel'>,
  timeMs: number,
): Contact {
  return { id: '', timeMs, name, group, tags, channel, counts: contact.counts !== false }
}

/** The contacts of a moment with the ids that they were published with. What was not published, in a holdout, has none. */
export function withIds(
  contacts: readonly Contact[],
  published: readonly { readonly id: string; readonly action: string; readonly time: number }[],
): readonly Contact[] {
  if (published.length === 0) return contacts
  return contacts.map((contact) => {
    if (contact.id !== '') return contact
    const found = published.find(({ action, time }) => action === contact.name && time === contact.timeMs)
    return found === undefined ? contact : { ...contact, id: found.id }
  })
}

/** Most customers have none, so they share it. */
export const noPastContacts: readonly Contact[] = []

/** How many contacts are kept beyond what a limit counts: so many can be given back and no limit forgets one. */
const spare = 20
/** A decision may be as of a little earlier than one before it, where that was a timer's; so much longer contacts are kept. */
const backMs = 86_400_000

/**
 * The contacts with one more, without those that no limit can look at again. Bound: the sum of what the limits count, and
 * `spare` for each.
 * @param limits all of the policy
 */
export function withPastContact(
  contacts: readonly Contact[],
  contact: Contact,
  limits: readonly Limit[],
  moment: Moment,
): readonly Contact[] {
  if (limits.length === 0) return contacts
  const all = contacts.slice()
  // A timer decides as of now, a little ahead of stream time; so one on an event may come after one with a later time.
  let place = all.length
  while (place > 0 && all[place - 1]!.timeMs > contact.timeMs) place--
  all.splice(place, 0, contact)
  const counted = limits.map(() => 0)
  const kept: Contact[] = []
  for (const one of all.reverse()) {
    let isNeeded = false
    for (const [i, limit] of limits.entries()) {
      if (limit.max === 0 || !limit.counts(one) || !isWithin(limit, one.timeMs + backMs, moment)) continue
      if (counted[i]!++ < limit.max + spare) isNeeded = true
    }
    if (isNeeded) kept.push(one)
  }
  return kept.reverse()
}

/** The contacts without the one of this id; the same list where it is not there. */
export function withoutPastContact(contacts: readonly Contact[], id: string): readonly Contact[] {
  return contacts.some((contact) => contact.id === id) ? contacts.filter((contact) => contact.id !== id) : contacts
}
