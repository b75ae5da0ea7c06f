import { z } from 'zod'
import { didYouMean } from '../expressions/expression.ts'
import { zoneOf } from '../features/windows/calendar.ts'
import { serverZones } from '../features/windows/server-zones.ts'
import { positiveDuration } from './duration.ts'
import { name } from './name.ts'

/** The shape of `contact_policy`: who may be addressed how often, after what, and when. */

const selector = z.strictObject({
  actions: z.array(name).default([]),
  groups: z.array(name).default([]),
  tags: z.array(name).default([]),
  channels: z.array(z.string().min(1)).default([]),
})

const zone = z.string().superRefine((written, context) => {
  if (zoneOf(written) !== undefined) return
  const message = `${written} is no timezone that Node and ClickHouse know${didYouMean(written, [...serverZones])}`
  context.addIssue({ code: 'custom', message })
})
const zoneOrCustomer = z.union([z.literal('customer'), zone])

/** Which actions count and which obey: `of` says both at once. */
const sides = { of: selector.optional(), counts: selector.optional(), obeys: selector.optional() }
type Sides = { readonly [K in keyof typeof sides]?: z.output<typeof selector> | undefined }

function bothOf({ of, counts, obeys }: Sides, fault: (message: string, key: string) => void) {
  if (of !== undefined && (counts ?? obeys) !== undefined)
    fault('of says both, so there is no counts or obeys beside it', 'of')
  const all = of ?? selector.parse({})
  return { counts: counts ?? all, obeys: obeys ?? all }
}

type Context = z.core.$RefinementCtx
const reporter = (context: Context) => (message: string, key?: string) =>
  context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] })

const limit = z
  .strictObject({
    name,
    ...sides,
    max: z.int().min(0).max(1_000).optional(),
    per: z.union([z.enum(['day', 'week']), positiveDuration]).optional(),
    timezone: zoneOrCustomer.optional(),
    cooldown: positiveDuration.optional(),
  })
  .transform(({ name, max, per, timezone, cooldown, ...which }, context) => {
    const fault = reporter(context)
    const both = bothOf(which, fault)
    if (cooldown !== undefined) {
      if (max !== undefined || per !== undefined) fault('a limit has a cooldown, or max and per', 'cooldown')
      if (timezone !== undefined) fault('only a day or a week has a timezone', 'timezone')
      return { name, ...both, max: 1, per: { rollingMs: cooldown } }
    }
    if (max === undefined || (per === undefined && max > 0)) {
      fault('a limit has max and per, or a cooldown')
      return z.NEVER
    }
    if (typeof per === 'string') return { name, ...both, max, per: { period: per, timezone: timezone ?? 'customer' } }
    if (timezone !== undefined) fault('only a day or a week has a timezone', 'timezone')
    // Never is never, whatever it is per.
    return { name, ...both, max, per: { rollingMs: per ?? 1 } }
  })

const exclusion = z
  .strictObject({
    name,
    never: selector,
    after: selector.optional(),
    for: positiveDuration.optional(),
    with: selector.optional(),
  })
  .transform(({ name, never, after, for: forMs, with: other }, context) => {
    const fault = reporter(context)
    if (other !== undefined && after === undefined && forMs === undefined) return { name, never, with: other }
    if (other === undefined && after !== undefined && forMs !== undefined) return { name, never, after, forMs }
    fault('an exclusion has after and for, or with')
    return z.NEVER
  })

const suppression = z
  .strictObject({
    name,
    ...sides,
    /** One outcome, or several that count alike. */
    after: z.union([name.transform((one) => [one]), z.array(name).min(1)]),
    times: z.int().min(1).max(100).default(1),
    within: positiveDuration.optional(),
    off: positiveDuration,
  })
  .transform(({ name, after, times, within, off, ...which }, context) => {
    const fault = reporter(context)
    if (times > 1 && within === undefined) fault('within which time they have to come', 'times')
    return { name, outcomes: after, times, withinMs: within ?? 1, offMs: off, ...bothOf(which, fault) }
  })

/** `21:30`, as ms since midnight. */
const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day from 00:00 to 23:59')
  .transform((text) => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) * 60_000)

const quietHours = z
  .strictObject({
    name,
    of: selector.prefault({}),
    from: timeOfDay,
    to: timeOfDay,
    timezone: zoneOrCustomer.default('customer'),
    // biome-ignore lint/suspicious/noThenProperty: it is a word of the file's language; no such object is awaited.
    then: z.enum(['hold', 'drop']).default('hold'),
  })
  .transform(({ from, to, then, ...rest }, context) => {
    if (from === to) reporter(context)('from and to are the same: to be quiet always, take a limit with max: 0', 'to')
    return { ...rest, fromMs: from, toMs: to, holds: then === 'hold' }
  })

export const contactPolicy = z.strictObject({
  /** Of customers of whom nothing says where they are. */
  timezone: zone.optional(),
  /** By country, for those of whom only that is known. */
  country_timezones: z
    .record(z.string(), zone)
    .superRefine((zones, context) => {
      for (const country of Object.keys(zones)) {
        if (/^[A-Z]{2}$/.test(country)) continue
        const message = `${country} is no country: two capital letters, as of ISO 3166`
        context.addIssue({ code: 'custom', message, path: [country] })
      }
    })
    .default({}),
  limits: z.array(limit).default([]),
  exclusions: z.array(exclusion).default([]),
  suppressions: z.array(suppression).default([]),
  quiet_hours: z.array(quietHours).default([]),
})
