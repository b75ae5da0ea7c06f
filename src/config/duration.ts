import { z } from 'zod'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const longestMs = 36_525 * 86_400_000

const example = '500ms, 30s, 5m, 24h or 7d'
const longer = '; there are no weeks, months or years: say days, 365d for a year'

/** A duration as people write it (`30m`, `24h`, `500ms`, `1h 30m`, `0s`), as whole ms. */
export const duration = z
  .string({ error: ({ input }) => (typeof input === 'number' ? `a duration has a unit: ${example}` : undefined) })
  .regex(/^\d+(ms|s|m|h|d)( ?\d+(ms|s|m|h|d))*$/, {
    error: ({ input }) => `a duration such as ${example}${/\d *(w|M|mo|y)/.test(String(input)) ? longer : ''}`,
  })
  .transform((text) => {
    let totalMs = 0
    for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) totalMs += Number(amount) * unitMs[unit!]!
    return totalMs
  })
  .refine((ms) => ms <= longestMs, 'at most 36525d, a hundred years')

/** One that is not `0s`. */
export const positiveDuration = duration.refine((ms) => ms > 0, 'a time longer than 0')

/** The duration as people write it, largest units first: `1h 30m`. */
export function durationText(ms: number): string {
  const parts: string[] = []
  let restMs = ms
  for (const [unit, sizeMs] of Object.entries(unitMs).reverse()) {
    if (restMs >= sizeMs) parts.push(`${Math.floor(restMs / sizeMs)}${unit}`)
    restMs %= sizeMs
  }
  return parts.join(' ')
}
