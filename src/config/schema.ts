import { z } from 'zod'
import type { GoalDeclaration } from '../cases/goal.ts'
import { onOneLine } from '../expressions/on-one-line.ts'
import type { FeatureDeclaration } from '../features/declaration.ts'
import { maxPanes, type Window } from '../features/window.ts'
import { zoneOf } from '../features/windows/calendar.ts'
import { roles } from '../ingest/role.ts'
import type { AbsenceDeclaration } from '../timers/absence.ts'
import { aggregateKeys, aggregateOf, windowFault } from './aggregate-schema.ts'
import { contactPolicy } from './contact-policy-schema.ts'
import { duration, durationText, positiveDuration } from './duration.ts'
import { name } from './name.ts'

/**
 * The shape of `beckon.yaml`: every key, its default, unit and check. The result is complete: no later code fills in a
 * default. An unknown key is a fault. `docs/configuration.md` describes it.
 */

const port = z.int().min(1).max(65_535)
const topicName = z.string().regex(/^[a-zA-Z0-9._-]{1,249}$/, 'a Kafka topic name')
const cel = z.string().min(1)
const positive = z.int().min(1)

/** `host:port` */
function isAddress(text: string): boolean {
  const [, number] = /^[^:\s]+:(\d{1,5})$/.exec(text) ?? []
  return number !== undefined && port.safeParse(Number(number)).success
}

const kafka = z.strictObject({
  brokers: z.array(z.string().refine(isAddress, 'host:port, with a port of 1 to 65535')).min(1),
  /** The consumer group; also the prefix of the transactional ids. */
  group: z.string().min(1).default('beckon'),
  client_id: z.string().min(1).default('beckon'),
  tls: z
    .strictObject({ ca_file: z.string().optional(), cert_file: z.string().optional(), key_file: z.string().optional() })
    .optional(),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string(),
      password: z.string().optional(),
      password_file: z.string().optional(),
    })
    .optional(),
})

const httpUrl = z.url({ protocol: /^https?$/, error: 'a URL that begins with http:// or https://' })

const clickhouse = z.strictObject({
  url: httpUrl,
  database: name.default('beckon'),
  username: z.string().default('default'),
  password: z.string().default(''),
  password_file: z.string().optional(),
  /** The certificate authority to trust for https; else the system's. */
  tls: z.strictObject({ ca_file: z.string() }).optional(),
  /** How much may wait for insertion, in all tables together, before the tasks pause. */
  max_pending_mb: positive.default(64),
})

const registry = z.strictObject({
  url: httpUrl,
  username: z.string().optional(),
  password: z.string().optional(),
  password_file: z.string().optional(),
  /** Like `clickhouse.tls`. */
  tls: z.strictObject({ ca_file: z.string() }).optional(),
})

/** A path into the record, or several; the first one that is not empty counts. */
const paths = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])
const fieldSource = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1),
  z.strictObject({ field: paths }),
  z.strictObject({ cel }),
  z.strictObject({ constant: z.union([z.string(), z.number()]) }),
])
const unit = z.enum(['ms', 's', 'us', 'ns', 'iso'])
const timeSource = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1),
  z.strictObject({ field: paths, unit: unit.default('ms') }),
  z.strictObject({ cel, unit: unit.default('ms') }),
])

/** Where each field of an event comes from in a foreign record: a field's path, a CEL expression, or a constant. */
export const mapping = z.strictObject({
  id: fieldSource.optional(),
  customer: fieldSource.optional(),
  anonymous_id: fieldSource.optional(),
  type: fieldSource.optional(),
  time: timeSource.optional(),
  sent_at: timeSource.optional(),
  received_at: timeSource.optional(),
  session_id: fieldSource.optional(),
  url: fieldSource.optional(),
  title: fieldSource.optional(),
  referrer: fieldSource.optional(),
  user_agent: fieldSource.optional(),
  ip: fieldSource.optional(),
  locale: fieldSource.optional(),
  timezone: fieldSource.optional(),
  channel: fieldSource.optional(),
  /** Of a topic of outcomes: the id of the action that it came of, or the action's name. */
  action_id: fieldSource.optional(),
  action: fieldSource.optional(),
  /** Of a topic of consent: what it is for, and whether it is given. */
  purpose: fieldSource.optional(),
  given: fieldSource.optional(),
  value: fieldSource.optional(),
  currency: fieldSource.optional(),
  /** A map or record whose entries become properties; fields that nothing names become properties too. */
  properties: z.string().min(1).optional(),
  traits: z.string().min(1).optional(),
  /** Renames event types: from the producer's name to ours. */
  types: z.record(z.string(), z.string()).optional(),
})

const topic = z.strictObject({
  name: topicName,
  /** What its records are: events, if left out. */
  role: z.enum(roles).optional(),
  /** The wire format with a registry, the wire format with a schema file, bare Avro with a schema file, or JSON. */
  format: z.enum(['registry', 'wire', 'avro', 'json']).default('registry'),
  /** The `.avsc` file for `wire` and `avro`, relative to the file that names it. */
  schema: z.string().optional(),
  /** Present for a foreign schema; absent: the fields of schemas/event.avsc. */
  mapping: mapping.optional(),
  /** Whether the record's key must be the customer's id. */
  key: z.enum(['customer', 'any']).default('any'),
  /** A tombstone (a record without a value) is counted and skipped, is a dead letter, or erases the customer in its key. */
  tombstones: z.enum(['skip', 'dead_letter', 'erase']).default('skip'),
})

const output = z
  .strictObject({
    actions: topicName.default('beckon.actions'),
    dead_letters: topicName.default('beckon.dead_letters'),
    /** What a recovery needs besides the input: one small record per slice. It has as many partitions as the input. */
    journal: topicName.default('beckon.journal'),
    /** Where `beckon deploy` publishes rules. It is looked at only where it is there. */
    rules: topicName.default('beckon.rules'),
    /** `registry` registers schemas/action.avsc at start; `wire` writes it with `schema_id`; `json` for small set-ups. */
    format: z.enum(['registry', 'wire', 'json']).default('json'),
    schema_id: positive.default(1),
  })
  .prefault({})

const enrich = z
  .strictObject({
    user_agent: z.boolean().default(true),
    bots: z.boolean().default(true),
    campaign: z.boolean().default(true),
    referrer: z.boolean().default(true),
    /** Your own domains: a referrer from one of them is `internal`. */
    internal_domains: z.array(z.string()).default([]),
    clock_skew: z.boolean().default(true),
    /** A MaxMind `.mmdb` file; without one there is no geo. */
    geo_database: z.string().optional(),
    session: z
      .strictObject({ idle: positiveDuration.default(1_800_000), max: positiveDuration.default(86_400_000) })
      .prefault({}),
  })
  .prefault({})

const dedupe = z
  .strictObject({
    window: duration.default(3_600_000),
    /** The most event ids kept per customer. */
    max_ids: positive.max(100_000).default(1_000),
  })
  .prefault({})

const limits = z
  .strictObject({
    /** An event further than this ahead of the clock is a dead letter. */
    future: duration.default(300_000),
    max_event_kb: positive.max(1_000).default(64),
    /** Whether a negative `quantity` of an event means a return or makes it a dead letter. */
    negative_quantity: z.enum(['take', 'dead_letter']).default('take'),
  })
  .prefault({})

const slice = z
  .strictObject({
    /** The most events in one transaction. */
    max_events: positive.max(100_000).default(20_000),
    /** How often profiles are written to ClickHouse. */
    checkpoint: duration.default(1_000),
  })
  .prefault({})

const memory = z
  .strictObject({
    /** How much memory profiles may take; if left out, half of Node's heap limit. */
    profiles_mb: positive.optional(),
  })
  .prefault({})

const ops = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: port.default(9_464),
    log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  })
  .prefault({})

const parity = z.strictObject({
  /** How often a sample of profiles is compared with SQL over the events; at most as long as a Node timer can wait. */
  every: duration.refine((ms) => ms >= 1_000 && ms < 2 ** 31, 'from 1 s to 24 days'),
  /** Customers per check. */
  sample: positive.max(100_000).default(1_000),
})

const windowShape = z.union([
  z.enum(['session', 'lifetime']),
  z.strictObject({
    size: duration.optional(),
    pane: duration.optional(),
    sliding: duration.optional(),
    calendar: z.enum(['day', 'week', 'month']).optional(),
    /** An IANA name, or `customer` for the one in the customer's events; UTC if left out. */
    timezone: z.string().optional(),
    events: positive.max(1_000).optional(),
  }),
])

const feature = z
  .strictObject({
    name,
    ...aggregateKeys,
    where: cel.optional(),
    window: windowShape.optional(),
    /** The most single events (more exactly: ms with any) that a sliding window, a funnel or a sequence keeps. */
    max_events: positive.min(2).max(10_000).default(1_000),
    /** An event that is later than this changes nothing; if left out, the window's default. */
    lateness: duration.optional(),
    /** For a feature computed from other features: CEL over them and the traits. */
    value: cel.optional(),
  })
  .transform((declared, context): FeatureDeclaration => {
    const { name, where, lateness, value } = declared
    const fault = (message: string, key?: string) => {
      context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] })
    }
    const kind = aggregateOf(declared, fault)
    if (kind === undefined) {
      const unused = (['where', 'window', 'lateness'] as const).filter(
        (key) => declared[key] !== undefined && value !== undefined,
      )
      for (const key of unused) fault(`a feature with value takes no ${key}: it is computed from other features`, key)
      return value === undefined ? z.NEVER : { name, value }
    }
    if (declared.window === undefined) {
      fault('missing', 'window')
      return z.NEVER
    }
    const over = window(declared.window, declared.max_events, (message) => fault(message, 'window'))
    const unfit = windowFault(kind, over)
    if (unfit !== undefined) fault(unfit, 'window')
    if ('steps' in kind && kind.steps.length * declared.max_events > maxSteps) {
      fault(`at most ${Math.floor(maxSteps / kind.steps.length)} with so many steps`, 'max_events')
    }
    return {
      name,
      kind,
      ...(where === undefined ? {} : { where }),
      window: over,
      ...(lateness === undefined ? {} : { latenessMs: lateness }),
    }
  })

/** The most events times steps: each read goes through the steps of all single events. */
const maxSteps = 50_000

/** If no pane is given, a window has twelve, so what it covers is at most a twelfth short of its size. */
const defaultPanes = 12

const reaches = ['size', 'sliding', 'calendar', 'events'] as const

function window(declared: z.output<typeof windowShape>, maxEvents: number, fault: (message: string) => void): Window {
  if (typeof declared === 'string') return { kind: declared }
  const { size, pane, sliding, calendar, timezone, events } = declared
  const found = reaches.filter((key) => declared[key] !== undefined)
  if (found.length !== 1) {
    const those = found.length === 0 ? 'none' : found.join(' and ')
    fault(`a window is session, lifetime, or has one of ${reaches.join(', ')}; found ${those}`)
  }
  if (pane !== undefined && size === undefined) fault('a pane is a part of a size')
  if (timezone !== undefined && calendar === undefined) fault('only a calendar has a timezone')
  if (events !== undefined) return { kind: 'events', count: events }
  if (calendar !== undefined) {
    if (timezone !== undefined && timezone !== 'customer' && zoneOf(timezone) === undefined) {
      fault(`${timezone} is not a timezone that Node and ClickHouse know: use a name such as Europe/Paris, or customer`)
    }
    return { kind: 'calendar', period: calendar, timezone: timezone ?? 'UTC' }
  }
  if (sliding !== undefined) {
    if (sliding === 0) fault('a window is longer than 0')
    return { kind: 'sliding', sizeMs: sliding, maxEvents }
  }
  return panesOf(size ?? 0, size === undefined ? () => {} : fault, pane)
}

function panesOf(size: number, fault: (message: string) => void, pane = size / defaultPanes): Window {
  const panes = size / pane
  if (size === 0 || pane === 0) fault('a window and its panes are longer than 0')
  else if (!Number.isInteger(pane)) fault('the size does not divide into 12 panes of whole ms: say the pane')
  else if (!Number.isInteger(panes)) fault('the size of a window is a multiple of its pane')
  else if (panes > maxPanes) fault(`at most ${maxPanes} panes a window; this one has ${panes}: take a larger pane`)
  return { kind: 'panes', sizeMs: size, paneMs: pane }
}

const cap = z.strictObject({
  max: z.int().min(1, 'at least 1: to have an action never, take it out').max(1_000),
  per: positiveDuration,
})

const contactKeys = {
  cooldown: duration.default(0),
  caps: z.array(cap).default([]),
}

const rulesOf = ({ cooldown, caps }: { cooldown: number; caps: readonly z.output<typeof cap>[] }) => ({
  cooldownMs: cooldown,
  caps: caps.map(({ max, per }) => ({ max, perMs: per })),
})

const contact = z.strictObject(contactKeys).prefault({}).transform(rulesOf)

/** An action's own, and whether it has a part in the rules for several. */
const ownContact = z
  .strictObject({ ...contactKeys, counts: z.boolean().optional(), obeys: z.boolean().optional() })
  .prefault({})
  .transform(({ counts, obeys, ...own }) => ({
    ...rulesOf(own),
    ...(counts === undefined ? {} : { counts }),
    ...(obeys === undefined ? {} : { obeys }),
  }))

/** CEL; or just words, which are an event type. */
const eventCondition = cel.transform((text) => {
  const isType = /^[A-Za-z_][\w-]*( [\w-]+)*$/.test(text) && !/\bin\b|^(true|false)$/.test(text)
  return { text: onOneLine(text), cel: isType ? `type == ${JSON.stringify(text)}` : text }
})

const timer = z
  .strictObject({
    absent: eventCondition,
    after: eventCondition,
    for: positiveDuration,
  })
  .transform(
    ({ absent, after, for: forMs }): AbsenceDeclaration => ({
      name: `no ${absent.text} in ${durationText(forMs)} after ${after.text}`,
      absent: absent.cel,
      after: after.cel,
      forMs,
    }),
  )

/** Of 1, or in percent. */
const share = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d+(\.\d+)? ?%$/, 'a share such as 0.05 or 5 %')
      .transform((text) => Number.parseFloat(text) / 100),
  ])
  .refine((of) => of >= 0 && of <= 1, 'from 0 to 1, or 0 % to 100 %')

const factor = z.union([z.number(), cel])
const payload = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.strictObject({ cel })]))
const slots = z.array(name).min(1)

/** What is left out is as the action has it. */
const treatment = z.strictObject({
  name,
  channel: z.string().optional(),
  when: cel.optional(),
  factor: factor.optional(),
  slots: slots.optional(),
  payload: payload.optional(),
})
const goal = z
  .strictObject({
    when: eventCondition,
    within: positiveDuration,
    value: z.union([z.number(), cel]).optional(),
  })
  .transform(
    ({ when, within, value }): GoalDeclaration => ({
      when: when.cel,
      withinMs: within,
      ...(value === undefined ? {} : { value }),
    }),
  )

const action = z
  .strictObject({
    name,
    /** What rules and reports may call it by, beside its name. */
    group: name.optional(),
    tags: z.array(name).optional(),
    /** What it addresses the customer for: then it takes their consent, by its channel. */
    purpose: z.string().min(1).max(64).optional(),
    /** When it is decided: on every event, when `when` becomes true, or when something has not happened in time. */
    on: z.union([z.literal('event').transform(() => undefined), z.literal('becomes_true'), timer]).optional(),
    when: cel,
    value: factor.default(1),
    /** The other factors of its priority. */
    propensity: factor.optional(),
    context: factor.optional(),
    lever: factor.optional(),
    mandatory: z.boolean().optional(),
    mode: z.enum(['live', 'shadow']).optional(),
    contact: ownContact,
    channel: z.string().default(''),
    expires: duration.default(0),
    /** What counts as its success, within a time of the decision. */
    goal: goal.optional(),
    payload: payload.default({}),
    slots: slots.optional(),
    treatments: z.array(treatment).min(1).optional(),
  })
  .transform(({ expires, ...rest }) => ({ ...rest, expiresMs: expires }))

/** `of` without any name: for all actions. */
const gate = z.strictObject({
  name,
  kind: z.enum(['eligible', 'applicable', 'suitable']),
  of: z
    .strictObject({
      actions: z.array(name).default([]),
      groups: z.array(name).default([]),
      tags: z.array(name).default([]),
    })
    .prefault({}),
  allow: cel,
})

const arbitration = z
  .strictObject({
    emit: z.union([z.enum(['best', 'all']), z.strictObject({ top: positive })]).optional(),
    contact,
    /** By name, how many actions go there. */
    slots: z.record(name, positive).optional(),
    factors: z
      .array(z.enum(['propensity', 'context', 'value', 'lever']))
      .min(1)
      .optional(),
    nothing: factor.optional(),
    explore: z.strictObject({ epsilon: share }).optional(),
    held_back: z.strictObject({ one_in: positive }).optional(),
  })
  .refine(({ emit, slots }) => emit === undefined || slots === undefined, {
    path: ['emit'],
    error: 'slots say how many actions go out; leave one of the two out',
  })
  .transform(({ emit = 'best' as const, ...rest }) => ({ emit, ...rest }))
  .prefault({})

/** Of the customers a share, by hash, that is decided for and left alone. */
const holdout = z.strictObject({ share, salt: z.string().min(1) })

/** The whole file. */
export const configSchema = z.strictObject({
  kafka,
  clickhouse,
  registry: registry.optional(),
  topics: z.array(topic).min(1),
  output,
  enrich,
  dedupe,
  limits,
  slice,
  memory,
  ops,
  /** Absent: no checks. */
  parity: parity.optional(),
  features: z.array(feature).default([]),
  actions: z.array(action).default([]),
  /** Said once for many actions: what has to hold beside an action's own condition. */
  gates: z.array(gate).default([]),
  /** Absent: no rules but those of the actions and the arbitration. */
  contact_policy: contactPolicy.optional(),
  arbitration,
  /** Absent: nobody is left alone for comparison. */
  holdout: holdout.optional(),
})

export type Config = z.output<typeof configSchema>
export type TopicConfig = Config['topics'][number]
