import { correctedTimeMs } from '../enrich/clock-skew.ts'
import { Event } from '../events/event.ts'
import { ByteRange, type RecordBatch } from '../events/log.ts'
import { type ConsentStatement, isOptOut, toConsent } from './consent.ts'
import { type Decoder, tombstone, type UnknownSchema } from './decode.ts'
import { type Erasure, erasureOf } from './erasure.ts'
import { toOutcome } from './outcome.ts'
import { Rejected } from './rejected.ts'
import { areStatements, type Role } from './role.ts'
import { type TraitStatement, toTraits } from './traits.ts'
import { defaultEventLimits, deriveId, validateKey, validateShape, validateTime } from './validate.ts'

/** What is known of a customer, or said by them, without being an event. */
export type Statement = TraitStatement | ConsentStatement

/** How the records of one topic become events. */
export interface TopicIngest {
  readonly decoder: Decoder
  /** `events` if left out. */
  readonly role?: Role
  /** The record's key must be the customer's id. */
  readonly keyIsCustomer: boolean
  /** What a record without a value means: nothing, a fault, or the erasure of the customer that its key names. */
  readonly tombstones: 'skip' | 'dead_letter' | 'erase'
}

export interface IngestOptions {
  readonly topics: ReadonlyMap<string, TopicIngest>
  readonly correctClockSkew: boolean
  /** An event that is further ahead of the slice's clock than this is a dead letter; ms. */
  readonly futureMs: number
  /** Whether an event with a negative quantity is a dead letter. */
  readonly refusesNegativeQuantity: boolean
}

/**
 * The first stage as one function: decodes the i-th record, corrects its event time, and checks both. undefined for a
 * tombstone to skip.
 */
export function compileIngest(
  options: IngestOptions,
): (
  batch: RecordBatch,
  i: number,
  nowMs: number,
) => Event | Statement | Erasure | Rejected | UnknownSchema | undefined {
  const { topics, correctClockSkew, futureMs, refusesNegativeQuantity } = options
  const limits = { ...defaultEventLimits, refusesNegativeQuantity }
  const key = new ByteRange()
  const value = new ByteRange()
  return (batch, i, nowMs) => {
    locate(batch, i, key, value)
    const { decoder, role, keyIsCustomer, tombstones } = topics.get(batch.topic)!
    const { head } = decoder
    if (head !== undefined) {
      head.key.set(key.bytes, key.start, key.end)
      head.timestampMs = batch.timestamp(i)
    }
    const event = decoder.decode(value.bytes, nowMs, value.start, value.end)
    if (event === tombstone && tombstones !== 'dead_letter') {
      return tombstones === 'skip' ? undefined : erasureOf(key.bytes, key.start, key.end)
    }
    if (!(event instanceof Event)) return event
    const fault =
      validateShape(event, limits) ?? (keyIsCustomer ? validateKey(event, key.bytes, key.start, key.end) : undefined)
    const unfit = fault ?? (role === 'outcomes' ? toOutcome(event) : undefined)
    if (unfit !== undefined) return decoder.placed(unfit)
    deriveId(event, batch.topic, batch.partition, batch.offset(i))
    if (correctClockSkew) event.timeMs = correctedTimeMs(event.timeMs, event.sentAtMs, event.receivedAtMs)
    const untimely = validateTime(event, nowMs, futureMs)
    if (untimely !== undefined) {
      // Nobody is to be addressed because the clock of an opt-out was wrong: it counts as of now.
      if (role !== 'consent' || !isOptOut(event)) return decoder.placed(untimely)
      event.timeMs = nowMs
    }
    return areStatements(role) ? toStatement(event, role, decoder) : event
  }
}

function toStatement(event: Event, role: 'traits' | 'consent', decoder: Decoder): Statement | Rejected {
  if (role === 'traits') return toTraits(event)
  const consent = toConsent(event)
  return consent instanceof Rejected ? decoder.placed(consent) : consent
}

function locate(batch: RecordBatch, i: number, key: ByteRange, value: ByteRange): void {
  if (batch.locate !== undefined) {
    batch.locate(i, key, value)
    return
  }
  const [keyBytes, valueBytes] = [batch.key(i), batch.value(i)]
  key.set(keyBytes, 0, keyBytes?.length ?? 0)
  value.set(valueBytes, 0, valueBytes?.length ?? 0)
}
