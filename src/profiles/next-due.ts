import { nextEndMs } from '../cases/cases.ts'
import { nextEndMs as nextHoldEndMs } from '../decide/contact-policy/holds.ts'
import { nextDueMs, type Timer } from '../timers/timer.ts'
import type { Profile } from './profile.ts'

/**
 * When something is due for the customer by itself, without an event: a timer, the end of what waits, or the end of a case's
 * window; ms, infinite if nothing is.
 */
export const nextDueOf = (timers: readonly Timer[], profile: Profile): number =>
  Math.min(nextDueMs(timers, profile.timers), nextHoldEndMs(profile.holds), nextEndMs(profile.cases))
