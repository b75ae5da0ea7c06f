/**
 * Whether a decoded event makes sense. Two checks, because the event time is corrected for the client's clock in between:
 * `validateShape`, then `validateTime`. Both are pure and return the reason, or undefined if all is well.
 */

import type { Event, Properties, Value } from '../events/event.ts'
import { isPlausible } from './event-time.ts'
import { placeOf } from './property-shape.ts'
import { type Rejected, rejected } from './rejected.ts'
import { isStandIn } from './stand-in.ts'

export interface EventLimits {
  /** For each id; bytes of UTF-8. */
  readonly maxIdBytes: number
  readonly maxProperties: number
  /** How deep lists and objects may be nested. */
  readonly maxDepth: number
  /** A negative quantity means a return, unless this refuses it. A price is never negative. */
  readonly refusesNegativeQuantity: boolean
}

export const defaultEventLimits: EventLimits = {
  maxIdBytes: 256,
  maxProperties: 200,
  maxDepth: 16,
  refusesNegativeQuantity: false,
}

const who = ['customer', 'anonymousId'] as const
const noUser = rejected('no_user', 'neither a customer nor an anonymous id that stands for someone', who)
const longCustomer = rejected('id_length', 'an id is longer than the limit', who)
const longIds = (['anonymousId', 'id', 'sessionId'] as const).map((field) => {
  return { field, fault: rejected('id_length', 'an id is longer than the limit', [field]) }
})
const noType = rejected('range', 'the event has no type', ['type'])
const negativePrice = rejected('range', 'the property price is negative')
const negativeQuantity = rejected('range', 'the property quantity is negative, which limits.negative_quantity refuses')
const tooManyProperties = rejected('limit', 'more properties or traits than the limit')
const tooDeep = rejected('limit', 'a property is nested deeper than the limit')
const badTime = rejected('bad_time', 'there is no event time that can be read and lies between 2000 and 2100', [
  'time',
  'originalTime',
])
const inFuture = rejected('future', 'the event time is ahead of the clock', ['time', 'originalTime'])
const otherKey = rejected('key_mismatch', "the record's key is not the customer's id", who)

export function validateShape(event: Event, limits: EventLimits = defaultEventLimits): Rejected | undefined {
  const { customer, properties, traits } = event
  const nobody = validateCustomer(customer, limits)
  if (nobody !== undefined) return nobody
  const { maxIdBytes } = limits
  const ids = fits(event.anonymousId, maxIdBytes) && fits(event.id, maxIdBytes)
  if (!ids || !fits(event.sessionId, maxIdBytes)) {
    return longIds.find(({ field }) => !fits(event[field], maxIdBytes))!.fault
  }
  if (event.type === '') return noType
  const { names, values } = properties
  if (names.length > limits.maxProperties || traits.names.length > limits.maxProperties) return tooManyProperties
  if (!areShallow(values, limits.maxDepth) || !areShallow(traits.values, limits.maxDepth)) return tooDeep
  if (isNegative('price', properties)) return negativePrice
  return limits.refusesNegativeQuantity && isNegative('quantity', properties) ? negativeQuantity : undefined
}

function isNegative(name: string, { names, values }: Properties): boolean {
  const at = placeOf(name, names)
  const value = at < 0 ? null : values[at]
  return typeof value === 'number' && value < 0
}

/** The reason why the id can't be a customer's, or undefined. */
export function validateCustomer(customer: string, limits: EventLimits = defaultEventLimits): Rejected | undefined {
  if (isStandIn(customer)) return noUser
  return fits(customer, limits.maxIdBytes) ? undefined : longCustomer
}

/** `nowMs` is the slice's clock, `futureMs` how far an event may be ahead of it. */
export function validateTime(event: Event, nowMs: number, futureMs: number): Rejected | undefined {
  if (!isPlausible(event.timeMs)) return badTime
  return event.timeMs > nowMs + futureMs ? inFuture : undefined
}

/** For topics keyed by customer. Plain ids are compared byte by byte, without decoding the key to text. */
export function validateKey(event: Event, key: Buffer | null, start = 0, end = key?.length ?? 0): Rejected | undefined {
  const { customer } = event
  if (key === null) return otherKey
  const length = end - start
  if (length === customer.length) {
    let at = 0
    while (at < length && key[start + at] === customer.charCodeAt(at) && key[start + at]! < 128) at++
    if (at === length) return undefined
  }
  return key.toString('utf8', start, end) === customer ? undefined : otherKey
}

/** Gives an event without an id one made of its place in the log, the same on every read. True if it had none. */
export function deriveId(event: Event, topic: string, partition: number, offset: number): boolean {
  if (event.id !== '') return false
  event.id = `${topic}-${partition}-${offset}`
  return true
}

/** A UTF-16 unit takes at most three bytes of UTF-8. */
function fits(id: string, maxBytes: number): boolean {
  return id.length * 3 <= maxBytes || Buffer.byteLength(id) <= maxBytes
}

function areShallow(values: readonly Value[], maxDepth: number): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (typeof value !== 'object' || value === null) continue
    if (maxDepth === 0 || !areShallow(Object.values(value), maxDepth - 1)) return false
  }
  return true
}
