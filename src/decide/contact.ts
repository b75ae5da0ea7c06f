import type { Action, Arbitration, ContactRules } from './policy.ts'

/** The times of a customer's past actions, by action name; ms, in order. */
export type Contacts = ReadonlyMap<string, readonly number[]>

/** The name under which the contacts of all actions together are kept. No action can have this name. */
export const anyAction = '*'

/**
 * Cool-downs and caps, exact and rolling, from the times of past actions. A cool-down of 30 min suppresses while less than
 * 30 min have passed. A cap of 2 in 24 h counts the actions of the last 24 h; one exactly 24 h ago no longer counts.
 */
export type Suppression = 'cooldown' | 'cap'

/** Why the rules hold an action back at `asOfMs`; undefined if they don't. */
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

/** How many of the latest past actions' times to keep: as many as the rules look at. */
export const timesKept = ({ cooldownMs, caps }: ContactRules): number =>
  caps.reduce((most, { max }) => Math.max(most, max), cooldownMs > 0 ? 1 : 0)

/** Past this, times are forgotten though a window has them: the most that a cap may count. */
const maxKept = 1_000

/** A copy of the contacts with one more, noted for the action itself and for all together, if rules look at them. */
export function withContact(
  contacts: Contacts,
  { name, contact }: Action,
  { contact: contactOfAll }: Arbitration,
  atMs: number,
): Contacts {
  const after = new Map(contacts)
  addContact(after, name, contact, atMs)
  if (contact.counts !== false) addContact(after, anyAction, contactOfAll, atMs)
  return after
}

/** A copy of the contacts without an action's that was given back, as of then; the same ones where none is known. */
export function withoutContact(contacts: Contacts, name: string, counts: boolean, atMs: number): Contacts {
  const keys = counts ? [name, anyAction] : [name]
  const found = keys.flatMap((key) => {
    const times = contacts.get(key) ?? []
    const place = times.lastIndexOf(atMs)
    return place < 0 ? [] : [[key, times.toSpliced(place, 1)] as const]
  })
  return found.length === 0 ? contacts : new Map([...contacts, ...found])
}

function addContact(after: Map<string, readonly number[]>, key: string, rules: ContactRules, atMs: number): void {
  if (timesKept(rules) === 0) return
  const times = after.get(key)?.slice() ?? []
  noteContact(times, rules, atMs)
  after.set(key, times)
}

/**
 * Notes an action, and forgets the times that no rule will look at again: those beyond what the rules count, once they are out of
 * every window. So one that is given back makes none forgotten that still counts. Stream time never goes back; but a timer decides
 * as of now, a little ahead of stream time. So an action on an event may be noted after one with a later time.
 */
export function noteContact(times: number[], rules: ContactRules, atMs: number): void {
  let place = times.length
  while (place > 0 && times[place - 1]! > atMs) place--
  times.splice(place, 0, atMs)
  const kept = timesKept(rules)
  const longestMs = rules.caps.reduce((longest, { perMs }) => Math.max(longest, perMs), rules.cooldownMs)
  while (times.length > kept && (times.length > maxKept || atMs - times[0]! >= longestMs)) times.shift()
}
