import { consentMapping } from '../../../ingest/consent.ts'
import type { FieldMapping } from '../../../ingest/mapping.ts'
import { outcomeMapping } from '../../../ingest/outcome.ts'
import type { Role } from '../../../ingest/role.ts'
import { traitsMapping } from '../../../ingest/traits.ts'
import type { GivenEvent } from './rule-schema.ts'

/** What a step of a case is: a record of a topic with that role, or time that passes. */
export type GivenKind = Role | 'time'

export function kindOf({ type, outcome, consent, traits }: GivenEvent): GivenKind {
  if (type !== undefined) return 'events'
  if (outcome !== undefined) return 'outcomes'
  if (consent !== undefined) return 'consent'
  return traits === undefined ? 'time' : 'traits'
}

type Key = keyof GivenEvent
const always: readonly Key[] = ['at', 'customer', 'then']
const ofOthers: Readonly<Record<Exclude<GivenKind, 'events'>, readonly Key[]>> = {
  outcomes: ['outcome', 'action', 'id', 'value', 'channel', 'properties'],
  consent: ['consent', 'given', 'channel'],
  traits: ['traits'],
  time: [],
}
const notOfEvents: readonly Key[] = ['outcome', 'action', 'consent', 'given']

const said: Readonly<Record<GivenKind, string>> = {
  events: 'what came of an action, or what a customer agrees to, is a line of its own',
  outcomes: `an outcome has only ${[...ofOthers.outcomes, ...always].join(', ')}`,
  consent: `consent has only ${[...ofOthers.consent, ...always].join(', ')}`,
  traits: `a statement of traits has only ${[...ofOthers.traits, ...always].join(', ')}`,
  time: `an event has a type; where time passes there are only ${always.join(', ')}`,
}

/** The keys that do not belong to what the step is, and why. */
export function strayKeys(given: GivenEvent): { readonly keys: readonly string[]; readonly why: string } {
  const kind = kindOf(given)
  const belongs = (key: Key) =>
    kind === 'events' ? !notOfEvents.includes(key) : always.includes(key) || ofOthers[kind].includes(key)
  return { keys: (Object.keys(given) as Key[]).filter((key) => !belongs(key)), why: said[kind] }
}

/** Events of rule tests are in our own words. */
const ownWords: FieldMapping = {
  id: 'id',
  customer: 'customer',
  type: 'type',
  time: 'time',
  sessionId: 'session_id',
  url: 'url',
  title: 'title',
  referrer: 'referrer',
  userAgent: 'user_agent',
  ip: 'ip',
  locale: 'locale',
  timezone: 'timezone',
  channel: 'channel',
  value: 'value',
  currency: 'currency',
  properties: ['properties'],
  traits: ['traits'],
}

/** For events in Segment's words, these are read from their properties as well. */
const segmentWords: FieldMapping = {
  ...ownWords,
  url: ['url', 'properties.url'],
  title: ['title', 'properties.title'],
  referrer: ['referrer', 'properties.referrer'],
}

const ofConsent = consentMapping({
  customer: 'customer',
  purpose: 'consent',
  channel: 'channel',
  given: 'given',
  time: 'time',
})
const ofTraits = traitsMapping({ customer: 'customer', time: 'time', traits: ['traits'] })

/** @param areSegments whether a topic of events has no mapping of its own */
export function mappingOf(role: Role, areSegments: boolean): FieldMapping {
  if (role === 'outcomes') return { ...outcomeMapping, type: 'outcome', properties: ['properties'] }
  if (role === 'consent') return ofConsent
  if (role === 'traits') return ofTraits
  return areSegments ? segmentWords : ownWords
}

const defaultCustomer = 'c1'
export const customerOf = ({ customer = defaultCustomer }: GivenEvent): string => customer

/** As JSON, so that a topic's decoder reads, bounds and cleans it. */
export function recordOf(given: GivenEvent, timeMs: number): Buffer {
  const { at: _at, then: _then, ...rest } = given
  return Buffer.from(JSON.stringify({ time: timeMs, ...rest, customer: customerOf(given) }))
}

/** What a failure calls it; empty where only time passes. */
export function titleOf(given: GivenEvent): string {
  const { type = '', outcome, action = 'no action', consent, given: isGiven } = given
  switch (kindOf(given)) {
    case 'outcomes':
      return `${outcome} of ${action}`
    case 'consent':
      return `consent for ${consent} ${isGiven ? 'given' : 'withdrawn'}`
    case 'traits':
      return 'a statement of traits'
    default:
      return type
  }
}
