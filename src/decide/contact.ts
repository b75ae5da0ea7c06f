import type { Action, Arbitration, ContactRules } from './policy.ts'

/** The times of a customer's past actions, by their name; ms, in order. */
export type Contacts = ReadonlyMap<string, readonly number[]>

/** The name under which the contacts of all actions together are kept; no action can be called so. */
export const anyAction = '*'

/**
 * Cool-downs and caps, exact and rolling, from the times of past actions. A cool-down of 30 min suppresses while less than
 * 30 min have passed; a cap of 2 in 24 h counts the actions of the last 24 h, one exactly 24 h ago no longer.
 */
export type Suppression = 'cooldown' | 'cap'

/** Why the rules hold an action back at `asOfMs`; undefined where they let it go. */
export function suppression(
  times: readonly number[] | undefined,
  rules: ContactRules,
  asOfMs: number,
): Suppression | undefined {
  if (times === undefined || times.length === 0) return undefined
  if (rules.cooldownMs > 0 && asOfMs - times[times.length - 1]! < rules.cooldownMs) return 'cooldown'
  for (const { max, perMs } of rules.caps) {
    const counts = times.length >= max && asOfMs - times[times.length - max]! < perMs
    if (counts) return 'cap'
  }
  return undefined
}

/** Of how many past actions, the latest, the times are kept: of as many as the rules look back to. */
export const timesKept = ({ cooldownMs, caps }: ContactRules): number =>
  caps.reduce((most, { max }) => Math.max(most, max), cooldownMs > 0 ? 1 : 0)

/** The contacts with one more: of the action itself and of all together, so far as rules look at them. */
export function withContact(
  contacts: Contacts,
  { name, contact }: Action,
  { contact: contactOfAll }: Arbitration,
  atMs: number,
): Contacts {
  const after = new Map(contacts)
  addContact(after, name, contact, atMs)
  addContact(after, anyAction, contactOfAll, atMs)
  return after
}

function addContact(after: Map<string, readonly number[]>, key: string, rules: ContactRules, atMs: number): void {
  if (timesKept(rules) === 0) return
  const times = after.get(key)?.slice() ?? []
  noteContact(times, rules, atMs)
  after.set(key, times)
}

/**
 * Notes an action, and forgets the times that no rule will look at again. Stream time never goes back; but a timer decides
 * as of now, which is a little ahead of it, so an event's action may come after one of a later time.
 */
export function noteContact(times: number[], rules: ContactRules, atMs: number): void {
  let place = times.length
  while (place > 0 && times[place - 1]! > atMs) place--
  times.splice(place, 0, atMs)
  const kept = timesKept(rules)
  if (times.length > kept) times.splice(0, times.length - kept)
}
