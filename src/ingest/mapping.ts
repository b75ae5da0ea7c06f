/** Where in the producer's record each field of an event comes from: the part of a topic's declaration that is data. */

import type { Properties, Value } from '../events/event.ts'
import type { TimeUnit } from './event-time.ts'

/**
 * A dot path into the record's value (`ctx.page.url`), or `$key` or `$timestamp`, which lie beside it; a list of these, of
 * which the first that is not empty counts; a constant; or a function of the whole record (the engine compiles an
 * expression to it). A path into a field that `properties` lists (`properties.revenue`) reads the collected property of
 * that name, which stays a property.
 */
export type Source =
  | string
  | readonly string[]
  | { readonly constant: string | number }
  | { readonly evaluate: (record: Properties) => Value | undefined }

/** Numbers are ms, unless a unit is given or the Avro schema's logical type says otherwise; texts are ISO 8601. */
export type TimeSource = Source | { readonly from: Source; readonly unit: TimeUnit }

export type TextField =
  | 'id'
  | 'customer'
  | 'anonymousId'
  | 'type'
  | 'sessionId'
  | 'url'
  | 'title'
  | 'referrer'
  | 'userAgent'
  | 'ip'
  | 'locale'
  | 'timezone'
  | 'channel'
  | 'currency'

/** Of a topic of outcomes: the action that it came of. They become the properties `action_id` and `action`. */
export type ActionField = 'actionId' | 'action'

export type TimeField = 'time' | 'originalTime' | 'sentAt' | 'receivedAt'

export type MappedField = TextField | ActionField | TimeField | 'value' | 'properties' | 'traits'

/** The field's name in the configuration and in messages. */
export const nameOf = (field: MappedField, { called }: Pick<FieldMapping, 'called'> = {}): string =>
  called?.[field] ?? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

export interface FieldMapping
  extends Readonly<Partial<Record<TextField | ActionField, Source>>>,
    Readonly<Partial<Record<TimeField, TimeSource>>> {
  readonly value?: Source
  /**
   * Maps, records, or texts holding a JSON object, whose entries become properties. Whatever else the mapping does not
   * name becomes a property too: under its own name, or under its dot path if other fields of the same record are mapped.
   */
  readonly properties?: readonly string[]
  /** Like `properties`, for the customer's traits. */
  readonly traits?: readonly string[]
  /** If given, only these unnamed fields become properties; the others are skipped unread. */
  readonly keep?: readonly string[]
  /** For statements of traits: where `traits` is not given, whatever nothing names is a trait; and null, which removes one, is kept. */
  readonly ofTraits?: boolean
  /** What the configuration calls a field, where that is not its own name. */
  readonly called?: Readonly<Partial<Record<MappedField, string>>>
  /** From the producer's event types to ours. */
  readonly types?: Readonly<Record<string, string>>
}

/**
 * With any mapping, an event without the field takes it from the first of these properties that has the right type. So rule
 * tests, replays and topics, with or without a mapping, read the same amount from the same properties.
 */
export const propertyFallbacks = { value: ['value', 'revenue', 'total'], currency: ['currency'] } as const

/** The mapping for `schemas/event.avsc` and for Segment's JSON calls. */
export const defaultMapping: FieldMapping = {
  id: 'messageId',
  customer: 'userId',
  anonymousId: 'anonymousId',
  // A `track` call is named by its `event`; `page`, `screen`, `identify`, `group` and `alias` are types themselves.
  type: ['event', 'type'],
  time: 'timestamp',
  originalTime: 'originalTimestamp',
  sentAt: 'sentAt',
  receivedAt: 'receivedAt',
  sessionId: ['sessionId', 'context.sessionId'],
  url: ['context.page.url', 'properties.url'],
  title: ['context.page.title', 'properties.title'],
  referrer: ['context.page.referrer', 'properties.referrer'],
  userAgent: 'context.userAgent',
  ip: 'context.ip',
  locale: 'context.locale',
  timezone: 'context.timezone',
  channel: ['context.channel', 'channel'],
  value: 'value',
  currency: 'currency',
  properties: ['properties', 'nested'],
  traits: ['traits', 'context.traits'],
}
