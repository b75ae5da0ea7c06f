import { correctedTimeMs } from '../enrich/clock-skew.ts'
import { Event } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { type Decoder, tombstone, type UnknownSchema } from './decode.ts'
import type { Rejected } from './rejected.ts'
import { deriveId, validateKey, validateShape, validateTime } from './validate.ts'

/** How the records of one topic become events. */
export interface TopicIngest {
  readonly decoder: Decoder
  /** The record's key must be the customer's id. */
  readonly keyIsCustomer: boolean
  readonly skipTombstones: boolean
}

export interface IngestOptions {
  readonly topics: ReadonlyMap<string, TopicIngest>
  readonly correctClockSkew: boolean
  /** An event further ahead of the slice's clock is a dead letter; ms. */
  readonly futureMs: number
}

/**
 * The first stage as one function: the i-th record decoded, its event time corrected, and both checked. undefined for a
 * tombstone that is to be skipped.
 */
export function compileIngest(
  options: IngestOptions,
): (batch: RecordBatch, i: number, nowMs: number) => Event | Rejected | UnknownSchema | undefined {
  const { topics, correctClockSkew, futureMs } = options
  return (batch, i, nowMs) => {
    const { decoder, keyIsCustomer, skipTombstones } = topics.get(batch.topic)!
    const event = decoder.decode(batch.value(i), nowMs)
    if (!(event instanceof Event)) return event === tombstone && skipTombstones ? undefined : event
    const fault = validateShape(event) ?? (keyIsCustomer ? validateKey(event, batch.key(i)) : undefined)
    if (fault !== undefined) return fault
    deriveId(event, batch.topic, batch.partition, batch.offset(i))
    if (correctClockSkew) event.timeMs = correctedTimeMs(event.timeMs, event.sentAtMs, event.receivedAtMs)
    return validateTime(event, nowMs, futureMs) ?? event
  }
}
