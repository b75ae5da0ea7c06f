/** Points in time as producers write them, in ms since 1970 UTC. */

import { parseIsoTime } from './iso-time.ts'

/** 2000-01-01 and 2100-01-01 UTC. A time outside is in another unit, or from a broken clock. */
export const earliestMs = 946_684_800_000
export const latestMs = 4_102_444_800_000

/** `iso`: text only. With the other units, ISO 8601 text works too; numbers, also as digits in a text, are in that unit. */
export type TimeUnit = 'day' | 's' | 'ms' | 'us' | 'ns' | 'iso'

const digits = /^\d{1,20}(?:\.\d{1,9})?$/

/** The time in a text, as ISO 8601 or as digits in the unit. 0 for an empty text, NaN for one that is no time. */
export function parseTime(text: string, unit: TimeUnit): number {
  if (text === '') return 0
  if (unit === 'iso' || !digits.test(text)) return parseIsoTime(text)
  // As a number, ns would lose their last digits.
  return unit === 'ns' ? Number(BigInt(text.split('.')[0]!) / 1_000_000n) : toMs(Number(text), unit)
}

/** Whether a time can be right: see `earliestMs`. */
export function isPlausible(ms: number): boolean {
  return ms >= earliestMs && ms < latestMs
}

/** Whole ms. As a number, ns since 1970 are exact to 256 ns, which is well within a ms. */
export function toMs(time: number, unit: TimeUnit): number {
  switch (unit) {
    case 'ms':
      return Math.floor(time)
    case 's':
      return Math.round(time * 1000)
    case 'us':
      return Math.floor(time / 1000)
    case 'ns':
      return Math.floor(time / 1_000_000)
    case 'day':
      return time * 86_400_000
    case 'iso':
      return Number.NaN
  }
}
