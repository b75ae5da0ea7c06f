import type { Moment } from '../../features/moment.ts'
import { quarterHourMs, type Zone } from '../../features/windows/calendar.ts'
import type { Refusal } from '../decision.ts'

const dayMs = 86_400_000

/** Times of day at which nobody is to be disturbed; ms since midnight, half-open, over midnight where `fromMs` is the later. */
export interface Hours {
  readonly fromMs: number
  readonly toMs: number
}

/** Compiled quiet hours. */
export interface QuietHours extends Hours {
  /** undefined where nothing says where the customer is: then nobody can know that it is not quiet. */
  readonly zone: (moment: Moment) => Zone | undefined
  readonly holds: boolean
  /** What it says of an action that waits, and of one that is dropped. */
  readonly held: Refusal
  readonly dropped: Refusal
}

/**
 * Whether the clocks there show one of these times. It is asked for an instant, so an hour that clocks skip is never quiet,
 * and one that they show twice is quiet twice.
 */
export function isQuiet({ fromMs, toMs }: Hours, zone: Zone, timeMs: number): boolean {
  const clockMs = zone.clockMs(timeMs)
  return fromMs < toMs ? clockMs >= fromMs && clockMs < toMs : clockMs >= fromMs || clockMs < toMs
}

/** The first moment from `timeMs` on that is not quiet; ms. */
export function quietUntilMs(hours: Hours, zone: Zone, timeMs: number): number {
  let atMs = timeMs
  // Clocks run evenly within a quarter hour of UTC, and nowhere else for sure.
  while (isQuiet(hours, zone, atMs)) {
    const nextMs = (Math.floor(atMs / quarterHourMs) + 1) * quarterHourMs
    atMs = Math.min(nextMs, atMs + ((hours.toMs - zone.clockMs(atMs) + dayMs) % dayMs))
  }
  return atMs
}

/**
 * Whether it is quiet for a decision: as of its own time, or by the clock where that is ahead, as it is behind an outage. Where
 * nobody knows the timezone it is.
 */
export function isQuietFor(hours: QuietHours, moment: Moment, nowMs: number): boolean {
  const zone = hours.zone(moment)
  if (zone === undefined) return true
  return isQuiet(hours, zone, moment.asOfMs) || (nowMs > moment.asOfMs && isQuiet(hours, zone, nowMs))
}

/**
 * Until when, if it is quiet for the decision; ms, infinite where the timezone is not known. It is not before `nowMs`, also for
 * what comes late, as of a night that is over: no two waits for one action end at the same moment, which is part of its id.
 */
export function untilMs(hours: QuietHours, moment: Moment, nowMs: number): number {
  const zone = hours.zone(moment)
  if (zone === undefined) return Number.POSITIVE_INFINITY
  const { asOfMs } = moment
  const endMs = isQuiet(hours, zone, asOfMs) ? quietUntilMs(hours, zone, asOfMs) : nowMs
  return endMs > nowMs ? endMs : quietUntilMs(hours, zone, nowMs)
}
