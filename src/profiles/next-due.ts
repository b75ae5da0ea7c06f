import { nextEndMs } from '../decide/contact-policy/holds.ts'
import { nextDueMs, type Timer } from '../timers/timer.ts'
import type { Profile } from './profile.ts'

/** When something is due for the customer by itself, without an event; ms, infinite if nothing is. */
export const nextDueOf = (timers: readonly Timer[], profile: Profile): number =>
  Math.min(nextDueMs(timers, profile.timers), nextEndMs(profile.holds))
