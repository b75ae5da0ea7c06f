import { z } from 'zod'
import { type Verdict, verdicts } from '../../../cases/case.ts'
import { duration } from '../../../config/duration.ts'
import { type Outcome, outcomes, type Reason } from '../../../decide/decision.ts'
import type { Value } from '../../../events/event.ts'
import { parseIsoTime } from '../../../ingest/iso-time.ts'

/** The shape of a file of rule tests; `docs/rule-tests.md` describes it. */

export interface Expected {
  /** The actions of all events since the last check, in their order. */
  readonly actions?: readonly string[] | undefined
  /** The actions that were taken back since the last check, in that order. */
  readonly withdrawn?: readonly string[] | undefined
  /** By action, the treatment and the slot of the latest one among `actions`. */
  readonly treatments?: Readonly<Record<string, string>> | undefined
  readonly slots?: Readonly<Record<string, string>> | undefined
  /** How the decision ended whose reasons those are. */
  readonly decision?: Outcome | undefined
  /** By action, how the last event's decision fell; where time passes, the latest since the last check. */
  readonly reasons?: Readonly<Record<string, Reason>> | undefined
  /** By action, the name of the gate or the rule that said no in that decision; empty where none did. */
  readonly gates?: Readonly<Record<string, string>> | undefined
  /** By action, what has come of the customer's latest one. */
  readonly cases?: Readonly<Record<string, Verdict>> | undefined
  /** The customer's open cases, by action, in the order in which they began. */
  readonly open?: readonly string[] | undefined
  /** By action, what has come of the customer's latest one was worth; null: nothing said. */
  readonly worth?: Readonly<Record<string, number | null>> | undefined
  /** Their values at the last event's decision; null: the feature has no value. */
  readonly features?: Readonly<Record<string, Value>> | undefined
  /** By action: entries in the payload of the latest one among `actions`. */
  readonly payload?: Readonly<Record<string, Readonly<Record<string, Value>>>> | undefined
}

/** Typed so that a new reason of the engine has to be added here. */
const reasons: Readonly<Record<Reason, null>> = {
  chosen: null,
  not_eligible: null,
  error: null,
  not_ready: null,
  eligible: null,
  applicable: null,
  suitable: null,
  consent: null,
  cooldown: null,
  cap: null,
  contact_policy: null,
  held: null,
  quiet_hours: null,
  outranked: null,
  nothing: null,
  too_large: null,
  holdout: null,
  shadow: null,
}

const text = z.string()
const value = z.json() as z.ZodType<Value>

const expected = z.union([
  z.array(text).transform((actions): Expected => ({ actions })),
  z.strictObject({
    actions: z.array(text).optional(),
    withdrawn: z.array(text).optional(),
    treatments: z.record(text, text).optional(),
    slots: z.record(text, text).optional(),
    decision: z.enum(outcomes).optional(),
    reasons: z.record(text, z.enum(Object.keys(reasons) as Reason[])).optional(),
    gates: z.record(text, text).optional(),
    cases: z.record(text, z.enum(verdicts)).optional(),
    open: z.array(text).optional(),
    worth: z.record(text, z.number().nullable()).optional(),
    features: z.record(text, value).optional(),
    payload: z.record(text, z.record(text, value)).optional(),
  }),
])

/** When an event is: its time, or how long after the event before it. */
type At = { readonly timeMs: number } | { readonly afterMs: number }

/** A time without a date is on this day, in UTC. */
const day = '2026-01-01'

const at = text.transform((written, context): At => {
  if (written.startsWith('+')) {
    const after = duration.safeParse(written.slice(1))
    if (after.success) return { afterMs: after.data }
  } else {
    const timeMs = parseIsoTime(/^\d\d:/.test(written) ? `${day}T${written}` : written)
    if (!Number.isNaN(timeMs)) return { timeMs }
  }
  context.addIssue({ code: 'custom', message: 'a time such as 10:00, 10:00:30, 2026-03-01T10:00:00Z, or +5m' })
  return z.NEVER
})

const given = z.strictObject({
  at: at.optional(),
  /** If this, `outcome`, `consent` and `traits` are left out, nothing happens, and only time passes. */
  type: text.min(1).optional(),
  /** What came of an action, which is named: the customer's latest of that name is meant. */
  outcome: text.min(1).optional(),
  action: text.optional(),
  /** What the customer gives consent for or withdraws it from: by `channel`, or by all if that is left out. */
  consent: text.min(1).optional(),
  given: z.boolean().optional(),
  id: text.optional(),
  customer: text.optional(),
  session_id: text.optional(),
  url: text.optional(),
  title: text.optional(),
  referrer: text.optional(),
  user_agent: text.optional(),
  ip: text.optional(),
  locale: text.optional(),
  timezone: text.optional(),
  channel: text.optional(),
  value: z.number().optional(),
  currency: text.optional(),
  properties: z.record(text, value).optional(),
  /** Of an event; by themselves, what another system knows of the customer. */
  traits: z.record(text, value).optional(),
  /** What is expected as soon as the event has been decided on. */
  // biome-ignore lint/suspicious/noThenProperty: it is a word of the file's language; no such object is awaited.
  then: expected.optional(),
})

export type GivenEvent = z.output<typeof given>

const cases = z
  .array(
    z.strictObject({
      name: text.min(1),
      /** The customers who are in the holdout; nobody else is, whatever the configuration's share. */
      holdout: z.array(text).optional(),
      given: z.array(given).min(1),
      expect: expected.optional(),
    }),
  )
  .min(1)

/**
 * With `config`, the configuration to test, relative to the file. Without, the file is a configuration itself, which may include
 * others: its further keys are checked as such.
 */
export const ruleSchema = z.looseObject({ config: text.optional(), cases }).superRefine((file, context) => {
  if (file.config === undefined) return
  const keys = Object.keys(file).filter((key) => key !== 'config' && key !== 'cases')
  if (keys.length > 0) context.addIssue({ code: 'unrecognized_keys', keys, input: file })
})

/** 10:00. */
const startMs = parseIsoTime(`${day}T10:00`)
const stepMs = 1_000

/** The events' times, ms: the first is at 10:00 and each a second after the one before, unless they say another time. */
export function timesOf(events: readonly GivenEvent[]): number[] {
  let timeMs = startMs - stepMs
  return events.map((event) => {
    const when = event.at ?? { afterMs: stepMs }
    timeMs = 'timeMs' in when ? when.timeMs : timeMs + when.afterMs
    return timeMs
  })
}
