import type { Treatment } from '../decide/policy.ts'
import type { Value } from '../events/event.ts'
import { toValue } from '../expressions/to-value.ts'
import type { Moment } from '../features/moment.ts'

export type Payload = Readonly<Record<string, Value>>

export const payloadOf = ({ payload }: Treatment, moment: Moment): Payload =>
  Object.fromEntries(payload.map(([name, of]) => [name, toValue(of(moment))]))

/** More than a number takes in JSON, and more than the signs around an entry. */
const scalarBytes = 25
/** A character that JSON escapes (`\u0001`), or a lone surrogate, takes six bytes. */
const characterBytes = 6

/** A bound on the bytes that a value takes in an action, in whatever format; it looks at each part of it once. */
export function mostBytes(value: Value): number {
  if (typeof value === 'string') return scalarBytes + characterBytes * value.length
  if (typeof value !== 'object' || value === null) return scalarBytes
  let bytes = scalarBytes
  if (Array.isArray(value)) for (const item of value) bytes += mostBytes(item)
  else for (const [name, of] of Object.entries(value)) bytes += mostBytes(name) + mostBytes(of as Value)
  return bytes
}
