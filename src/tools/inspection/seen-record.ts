import type { Enrichment } from '../../enrich/enrichment.ts'
import type { Event, Value } from '../../events/event.ts'
import { toValue } from '../../expressions/to-value.ts'
import { ConsentStatement } from '../../ingest/consent.ts'
import { Erasure } from '../../ingest/erasure.ts'
import { nameOf } from '../../ingest/mapping.ts'
import { Rejected } from '../../ingest/rejected.ts'
import { TraitStatement } from '../../ingest/traits.ts'
import type { DecodedRecord } from './decode-record.ts'
import type { Found } from './records.ts'

type Fields = Readonly<Record<string, Value>>

/** How the service reads a record. What an event does not have is left out. */
export interface SeenRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The record's own timestamp, ms. */
  readonly timestamp: number
  readonly is: 'event' | 'traits' | 'consent' | 'dead_letter' | 'erasure' | 'skipped'
  /** Only for a dead letter. */
  readonly reason?: string
  readonly detail?: string
  /** Only for an event, like what is derived. */
  readonly type?: string
  /** As ISO 8601. */
  readonly time?: string
  /** The customer, and everything else that the event or statement says. */
  readonly event?: Fields
  /** What is derived from it without its customer's profile; so there is no session. */
  readonly enrichment?: Fields
}

/** @param shows whether to show values; if not, only their types */
export function seenRecord(
  { batch, i }: Found,
  decoded: DecodedRecord,
  enrich: (event: Event) => Enrichment,
  shows: boolean,
): SeenRecord {
  const place = {
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offset(i),
    timestamp: batch.timestamp(i),
  }
  const show = (fields: Fields) => (shows ? fields : (masked(fields) as Fields))
  if (decoded === undefined) return { ...place, is: 'skipped' }
  if (decoded instanceof Rejected)
    return { ...place, is: 'dead_letter', reason: decoded.reason, detail: decoded.detail }
  if (decoded instanceof Erasure) return { ...place, is: 'erasure', event: show({ customer: decoded.customer }) }
  if (decoded instanceof ConsentStatement) {
    const { timeMs, given, ...said } = decoded
    return { ...place, is: 'consent', time: isoTime(timeMs), event: show({ ...said, given }) }
  }
  if (decoded instanceof TraitStatement) {
    const { event } = decoded
    return { ...place, is: 'traits', time: isoTime(event.timeMs), event: show(fieldsOf(event)) }
  }
  return {
    ...place,
    is: 'event',
    type: decoded.type,
    time: isoTime(decoded.timeMs),
    event: show(fieldsOf(decoded)),
    enrichment: enriched(enrich(decoded), show),
  }
}

const isoTime = (ms: number) => new Date(ms).toISOString()

const texts = [
  'customer',
  'anonymousId',
  'id',
  'sessionId',
  'url',
  'title',
  'referrer',
  'userAgent',
  'ip',
  'locale',
  'timezone',
  'channel',
  'currency',
] as const

function fieldsOf(event: Event): Fields {
  const fields: Record<string, Value> = {}
  for (const name of texts) if (event[name] !== '') fields[nameOf(name)] = event[name]
  if (event.sentAtMs > 0) fields['sent_at'] = isoTime(event.sentAtMs)
  if (event.receivedAtMs > 0) fields['received_at'] = isoTime(event.receivedAtMs)
  if (!Number.isNaN(event.value)) fields['value'] = event.value
  for (const name of ['properties', 'traits'] as const) {
    if (event[name].names.length > 0) fields[name] = toValue(event[name])
  }
  return fields
}

/** The classes are ours, so they are always shown; the rest comes from what was sent. */
function enriched(
  { agent, campaign, referrer, channelGroup, geo }: Enrichment,
  show: (fields: Fields) => Fields,
): Fields {
  const classes = {
    device: agent.device,
    bot: agent.bot,
    browser: agent.browser,
    os: agent.os,
    referrer_class: referrer.class,
    channel_group: channelGroup,
  }
  const rest = {
    referrer_source: referrer.source,
    country: geo.country,
    city: geo.city,
    ...Object.fromEntries(
      Object.entries(campaign).map(([name, value]) => [`campaign_${snake(name)}`, value as string]),
    ),
  }
  return { ...present(classes), ...show(present(rest)) }
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const present = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))

/** A value's type, and for a text or a list its length; the names of entries stay. */
export function masked(value: Value): Value {
  if (typeof value === 'string') return `text(${value.length})`
  if (Array.isArray(value)) return `list(${value.length})`
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, masked(entry)]))
  }
  return value === null ? null : typeof value
}
