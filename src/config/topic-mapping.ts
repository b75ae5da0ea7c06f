import type { Properties, Value } from '../events/event.ts'
import { Scope } from '../expressions/expression.ts'
import { consentMapping, ownConsent } from '../ingest/consent.ts'
import type { ActionField, FieldMapping, Source, TextField, TimeField, TimeSource } from '../ingest/mapping.ts'
import { outcomeMapping } from '../ingest/outcome.ts'
import { recordKey, recordTime } from '../ingest/record-head.ts'
import { areStatements, type Role } from '../ingest/role.ts'
import { ownTraits, traitsMapping } from '../ingest/traits.ts'
import type { TopicConfig } from './schema.ts'

type Declared = NonNullable<TopicConfig['mapping']>

/** CEL in a topic's mapping sees the whole record as `record`. */
const scope = new Scope<Properties>([{ name: 'record', type: 'map<string, dyn>', read: (record) => record }])

const texts: readonly (readonly [key: keyof Declared, field: TextField | ActionField])[] = [
  ['id', 'id'],
  ['customer', 'customer'],
  ['anonymous_id', 'anonymousId'],
  ['type', 'type'],
  ['session_id', 'sessionId'],
  ['url', 'url'],
  ['title', 'title'],
  ['referrer', 'referrer'],
  ['user_agent', 'userAgent'],
  ['ip', 'ip'],
  ['locale', 'locale'],
  ['timezone', 'timezone'],
  ['channel', 'channel'],
  ['currency', 'currency'],
  ['action_id', 'actionId'],
  ['action', 'action'],
]
const times: readonly (readonly [key: 'time' | 'sent_at' | 'received_at', field: TimeField])[] = [
  ['time', 'time'],
  ['sent_at', 'sentAt'],
  ['received_at', 'receivedAt'],
]

type Declarable = string | string[] | { field: string | string[] } | { cel: string } | { constant: string | number }

/** What records need, and how to map it. */
const hints = {
  customer: 'missing: say customer: FIELD, the one with the id of who it is, or anonymous_id: FIELD',
  type: 'missing: say type: FIELD, the one that tells what was done, or type: { constant: NAME }',
  time: 'missing: say time: FIELD, the one that tells when it was done; with a unit, time: { field: FIELD, unit: s }',
  purpose: 'missing: say purpose: FIELD, the one that tells what the consent is for, or purpose: { constant: NAME }',
  given:
    'missing: say given: FIELD, the one that tells whether it is given, or given: { cel: record.status == "granted" }',
} as const

/** What a record of each role must have. */
const needed: Readonly<Record<Role, readonly (keyof typeof hints)[]>> = {
  events: ['customer', 'type', 'time'],
  outcomes: ['customer', 'type', 'time'],
  traits: ['customer', 'time'],
  consent: ['customer', 'purpose', 'given', 'time'],
}

/** All that a statement's mapping may say. */
const taken: Readonly<Record<'traits' | 'consent', readonly (keyof Declared)[]>> = {
  traits: ['customer', 'anonymous_id', 'time', 'sent_at', 'received_at', 'traits'],
  consent: ['customer', 'purpose', 'channel', 'given', 'time'],
}

const unfit = {
  [recordKey]: `${recordKey} is a text: it can be an id, a type or another text, but neither a time, nor a number, nor a map`,
  [recordTime]: `${recordTime} is a time: it can be time, sent_at or received_at`,
} as const

/** The paths that a field is read from; none if it does not come from a path. */
export function pathsOf(from: Declared[keyof Declared]): readonly string[] {
  if (typeof from === 'string') return [from]
  if (Array.isArray(from)) return from
  return typeof from === 'object' && 'field' in from ? [from.field as string | string[]].flat() : []
}

/** Whether a topic's events take a time from their records' timestamps. */
export function readsTimestamp({ mapping }: TopicConfig): boolean {
  return times.some(([key]) => pathsOf(mapping?.[key]).includes(recordTime))
}

const ownMappings: Readonly<Record<Role, FieldMapping | undefined>> = {
  events: undefined,
  outcomes: outcomeMapping,
  traits: ownTraits,
  consent: ownConsent,
}

/** The mapping of a topic's records, foreign or our own; undefined for our own events. @param onFault as for `compileMapping` */
export function mappingOf(
  { role = 'events', mapping }: Pick<TopicConfig, 'role' | 'mapping'>,
  onFault: (path: readonly string[], fault: unknown) => void,
): FieldMapping | undefined {
  if (mapping !== undefined) return compileMapping(mapping, onFault, role)
  return ownMappings[role]
}

/**
 * The mapping of a foreign topic, ready for its decoder. Event fields that it does not name are not looked for. The record's
 * fields that nothing reads become properties.
 * @param onFault called with the key of an expression that can't be compiled
 */
export function compileMapping(
  declared: Declared,
  onFault: (path: readonly string[], fault: unknown) => void,
  role: Role = 'events',
): FieldMapping {
  checkKeys(declared, role, onFault)
  const mapping: { -readonly [K in keyof FieldMapping]: FieldMapping[K] } = {}
  for (const key of needed[role]) {
    const given = declared[key] ?? (key === 'customer' ? declared.anonymous_id : undefined)
    if (given === undefined) onFault([key], new Error(hints[key]))
  }
  const refuse = (key: string, from: Declared[keyof Declared], path: keyof typeof unfit) => {
    if (pathsOf(from).includes(path)) onFault([key], new Error(unfit[path]))
  }
  const source = (key: string, from: Declarable): Source => {
    if (typeof from === 'string' || Array.isArray(from)) return from
    if ('field' in from) return from.field
    if ('constant' in from) return { constant: from.constant }
    try {
      const { evaluate } = scope.compile(from.cel)
      return { evaluate: (record) => evaluate(record) as Value | undefined }
    } catch (fault) {
      onFault([key, 'cel'], fault)
      return { constant: '' }
    }
  }
  for (const [key, field] of texts) {
    const from = declared[key] as Declarable | undefined
    refuse(key, from, recordTime)
    if (from !== undefined) mapping[field] = source(key, from)
  }
  for (const [key, field] of times) {
    const from = declared[key]
    refuse(key, from, recordKey)
    if (from === undefined) continue
    const isPaths = typeof from === 'string' || Array.isArray(from)
    mapping[field] = (isPaths ? from : { from: source(key, from), unit: from.unit }) as TimeSource
  }
  for (const key of ['value', 'given', 'properties', 'traits'] as const) {
    for (const path of [recordKey, recordTime] as const) refuse(key, declared[key], path)
  }
  if (declared.value !== undefined) mapping.value = source('value', declared.value)
  for (const key of ['properties', 'traits'] as const) {
    const from = declared[key]
    if (from !== undefined) mapping[key] = [from]
  }
  if (declared.types !== undefined) mapping.types = declared.types
  if (role === 'traits') return traitsMapping(mapping)
  if (!areStatements(role)) return mapping
  const part = (key: 'purpose' | 'given') => source(key, declared[key] ?? { constant: '' })
  const { customer = '', channel, time = '' } = mapping
  return consentMapping({ customer, purpose: part('purpose'), given: part('given'), time, ...(channel && { channel }) })
}

/** A key that nothing would look at. */
function checkKeys(declared: Declared, role: Role, onFault: (path: readonly string[], fault: unknown) => void): void {
  for (const key of Object.keys(declared) as (keyof Declared)[]) {
    if (declared[key] === undefined) continue
    if (!areStatements(role)) {
      if (key === 'purpose' || key === 'given') onFault([key], new Error('only a topic with role: consent has it'))
      if (role === 'outcomes' || (key !== 'action_id' && key !== 'action')) continue
      onFault([key], new Error('only a topic with role: outcomes says of which action a record is'))
    } else if (!taken[role].includes(key)) {
      onFault([key], new Error(`of no use in a topic with role: ${role}, which takes ${taken[role].join(', ')}`))
    }
  }
}
