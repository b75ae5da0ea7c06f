import type { ContactRules } from './policy.ts'

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
  if (asOfMs - times[times.length - 1]! < rules.cooldownMs) return 'cooldown'
  for (const { max, perMs } of rules.caps) {
    const counts = times.length >= max && asOfMs - times[times.length - max]! < perMs
    if (counts) return 'cap'
  }
  return undefined
}

/** Notes an action, and forgets the times that no rule will look at again. Stream time never goes back. */
export function noteContact(times: number[], rules: ContactRules, atMs: number): void {
  times.push(atMs)
  const kept = rules.caps.reduce((most, { max }) => Math.max(most, max), 1)
  if (times.length > kept) times.splice(0, times.length - kept)
}
