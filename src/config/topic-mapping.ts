import type { Properties, Value } from '../events/event.ts'
import { Scope } from '../expressions/expression.ts'
import type { ActionField, FieldMapping, Source, TextField, TimeField, TimeSource } from '../ingest/mapping.ts'
import { recordKey, recordTime } from '../ingest/record-head.ts'
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

/** What every event needs, and how to map it. */
const needed = {
  customer: 'missing: say customer: FIELD, the one with the id of who it is, or anonymous_id: FIELD',
  type: 'missing: say type: FIELD, the one that tells what was done, or type: { constant: NAME }',
  time: 'missing: say time: FIELD, the one that tells when it was done; with a unit, time: { field: FIELD, unit: s }',
} as const

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

/**
 * The mapping of a foreign topic, ready for its decoder. Event fields that it does not name are not looked for. The record's
 * fields that nothing reads become properties.
 * @param onFault called with the key of an expression that can't be compiled
 */
export function compileMapping(
  declared: Declared,
  onFault: (path: readonly string[], fault: unknown) => void,
): FieldMapping {
  const mapping: { -readonly [K in keyof FieldMapping]: FieldMapping[K] } = {}
  for (const key of ['customer', 'type', 'time'] as const) {
    const given = declared[key] ?? (key === 'customer' ? declared.anonymous_id : undefined)
    if (given === undefined) onFault([key], new Error(needed[key]))
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
  for (const key of ['value', 'properties', 'traits'] as const) {
    for (const path of [recordKey, recordTime] as const) refuse(key, declared[key], path)
  }
  if (declared.value !== undefined) mapping.value = source('value', declared.value)
  for (const key of ['properties', 'traits'] as const) {
    const from = declared[key]
    if (from !== undefined) mapping[key] = [from]
  }
  if (declared.types !== undefined) mapping.types = declared.types
  return mapping
}
