import type { Moment } from '../features/moment.ts'
import { readsAny } from '../features/reading.ts'
import { contactTimes, type Profile } from '../profiles/profile.ts'
import { noteContact, suppression } from './contact.ts'
import type { Action, Policy } from './policy.ts'

/**
 * One evaluation of the policy for one profile. The order is eligibility → contact rules → arbitration; each candidate
 * gets one reason. A pure function of (profile, event, as-of time, policy).
 */

/** Why a candidate was chosen or not. */
export type Reason =
  | 'chosen'
  /** Its condition is false. */
  | 'not_eligible'
  /** Its condition or value could not be evaluated (a missing property, a wrong type), so it is not eligible. */
  | 'error'
  /** Its condition or value reads a feature that is not ready. */
  | 'not_ready'
  | 'cooldown'
  | 'cap'
  /** The contact rules over all actions hold it back. */
  | 'contact_policy'
  /** Others were worth more. */
  | 'outranked'
  /** Its record is larger than the output topic takes; the next best took its place. */
  | 'too_large'

export interface Candidate {
  readonly action: Action
  reason: Reason
  /** Its value; NaN for one that is not eligible. */
  score: number
}

export interface Decision {
  /** All actions that competed: the eligible ones by rank, then the others by name. */
  readonly candidates: readonly Candidate[]
  /** Those that are published, the best first. */
  readonly chosen: readonly Candidate[]
}

/** The name under which contacts of all actions together are kept in a profile; no action can be called so. */
export const anyAction = '*'

/**
 * What a decision would come to, without making one: no action is eligible, all that are will be held back by their
 * contact rules, or there is something to choose. Most events end here, so nothing is allocated.
 * @param actions those of the policy that compete
 */
export function prospect(
  { arbitration }: Policy,
  actions: readonly Action[],
  profile: Profile,
  moment: Moment,
): 'none' | 'suppressed' | 'open' {
  let prospect: 'none' | 'suppressed' = 'none'
  for (let i = 0; i < actions.length; i++) {
    const { name, contact } = actions[i]!
    if (!isMet(actions[i]!, moment)) continue
    prospect = 'suppressed'
    if (suppression(profile.contacts.get(anyAction), arbitration.contact, moment.asOfMs)) return prospect
    if (!suppression(profile.contacts.get(name), contact, moment.asOfMs)) return 'open'
  }
  return prospect
}

/**
 * @param actions those of the policy that compete
 * @param publish publishes an action under its rank, counted from 1; false where it is too large for that. Then it does not
 *   count, neither for its contact rules nor among those that are chosen
 * @returns undefined when no action is eligible: then there is nothing to choose from
 */
export function decide(
  { arbitration }: Policy,
  actions: readonly Action[],
  profile: Profile,
  moment: Moment,
  publish: (candidate: Candidate, rank: number) => boolean,
): Decision | undefined {
  let eligible: Candidate[] | undefined
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i]!
    if (!isMet(action, moment)) continue
    eligible ??= []
    eligible.push(weigh(action, profile, moment))
  }
  if (eligible === undefined) return undefined
  eligible.sort(byRank)

  const most = arbitration.emit === 'best' ? 1 : arbitration.emit === 'all' ? eligible.length : arbitration.emit.top
  const chosen: Candidate[] = []
  for (const candidate of eligible) {
    if (candidate.reason !== 'chosen') continue
    if (chosen.length === most) candidate.reason = 'outranked'
    else if (suppression(profile.contacts.get(anyAction), arbitration.contact, moment.asOfMs)) {
      candidate.reason = 'contact_policy'
    } else if (!publish(candidate, chosen.length + 1)) candidate.reason = 'too_large'
    else {
      chosen.push(candidate)
      contact(profile, candidate.action.name, candidate.action.contact, moment.asOfMs)
      contact(profile, anyAction, arbitration.contact, moment.asOfMs)
    }
  }
  return { candidates: [...eligible, ...others(actions, eligible, moment)], chosen }
}

function isMet(action: Action, moment: Moment): boolean {
  // Whatever else it says: `!has(views_by.shoes)` would take what is not there yet for what is not there.
  if (moment.notReady !== undefined && readsAny(action.names, moment.notReady)) return false
  const { when, conditions } = action
  const met = when(moment)
  if (met === true) conditions.met++
  else if (met === undefined) conditions.error++
  else conditions.unmet++
  return met === true
}

function weigh(action: Action, profile: Profile, moment: Moment): Candidate {
  const score = action.value(moment)
  if (typeof score !== 'number') return { action, reason: 'error', score: Number.NaN }
  const held = suppression(profile.contacts.get(action.name), action.contact, moment.asOfMs)
  return { action, reason: held ?? 'chosen', score }
}

/** The most valuable first, ties by name; those without a value last. */
function byRank(a: Candidate, b: Candidate): number {
  const [x, y] = [Number.isNaN(a.score), Number.isNaN(b.score)]
  if (x !== y) return x ? 1 : -1
  return (x ? 0 : b.score - a.score) || (a.action.name < b.action.name ? -1 : 1)
}

/** The actions that are not eligible, with their reason; their conditions are evaluated again, since this is rare. */
function others(actions: readonly Action[], eligible: readonly Candidate[], moment: Moment): Candidate[] {
  const seen = new Set(eligible.map(({ action }) => action))
  return actions
    .filter((action) => !seen.has(action))
    .map((action) => ({ action, reason: whyNot(action, moment), score: Number.NaN }))
}

function whyNot(action: Action, moment: Moment): Reason {
  if (moment.notReady !== undefined && readsAny(action.names, moment.notReady)) return 'not_ready'
  return action.when(moment) === undefined ? 'error' : 'not_eligible'
}

/** The actions that compete on an event which has made the condition of the crossing at `index` true, besides others. */
export const joinedBy = ({ onTimer }: Policy, actions: readonly Action[], index: number): readonly Action[] =>
  [...actions, ...onTimer[index]!].sort(byName)

/** Those that compete where several timers fire at one moment. */
export const joinTimers = ({ onTimer }: Policy, indexes: readonly number[]): readonly Action[] =>
  indexes.length === 1 ? onTimer[indexes[0]!]! : indexes.flatMap((index) => onTimer[index]!).sort(byName)

const byName = (a: Action, b: Action) => (a.name < b.name ? -1 : 1)

function contact(profile: Profile, name: string, rules: Action['contact'], atMs: number): void {
  if (rules.cooldownMs === 0 && rules.caps.length === 0) return
  noteContact(contactTimes(profile, name), rules, atMs)
}
