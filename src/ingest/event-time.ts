/** Points in time as producers write them, in ms since 1970 UTC. */

/** 2000-01-01 and 2100-01-01 UTC. What lies outside is in another unit, or of a broken clock. */
export const earliestMs = 946_684_800_000
export const latestMs = 4_102_444_800_000

/** `iso`: text only. With the other units a text is still read as ISO 8601, and a number in that unit. */
export type TimeUnit = 'day' | 's' | 'ms' | 'us' | 'iso'

/** Whole ms. */
export function toMs(time: number, unit: TimeUnit): number {
  switch (unit) {
    case 'ms':
      return Math.floor(time)
    case 's':
      return Math.round(time * 1000)
    case 'us':
      return Math.floor(time / 1000)
    case 'day':
      return time * 86_400_000
    case 'iso':
      return Number.NaN
  }
}
