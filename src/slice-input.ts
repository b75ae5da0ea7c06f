import type { Customer } from './decide/customer.ts'
import type { Decision } from './decide/decision.ts'
import type { Action, Policy } from './decide/policy.ts'
import type { PublishedAction } from './emit/action.ts'
import type { Cause } from './emit/cause.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import type { SessionBounds } from './enrich/session.ts'
import type { Event } from './events/event.ts'
import type { OutRecord, RecordBatch } from './events/log.ts'
import type { FeatureSet } from './features/features.ts'
import type { Moment } from './features/moment.ts'
import type { UnknownSchema } from './ingest/decode.ts'
import type { Erasure } from './ingest/erasure.ts'
import type { Statement } from './ingest/ingest.ts'
import type { Rejected } from './ingest/rejected.ts'
import type { Role } from './ingest/role.ts'
import type { Profile } from './profiles/profile.ts'

/** The compiled stages: what the configuration says, ready to run. */
export interface Stages {
  /** Decodes and validates the i-th record; undefined for a record to skip (a tombstone). */
  readonly decode: (batch: RecordBatch, i: number, nowMs: number) => Decoded
  /** What the records of each topic are; `events` for a topic that is not in it. */
  readonly roles: ReadonlyMap<string, Role>
  readonly enrich: (event: Event) => Enrichment
  readonly session: SessionBounds
  readonly dedupe: { readonly windowMs: number; readonly maxIds: number }
  readonly features: FeatureSet
  readonly policy: Policy
  readonly encodeAction: (action: PublishedAction) => OutRecord
  /** Whether every event puts a decision in the output, even where nothing was eligible or all of it was held back. */
  readonly decidesAlways?: boolean
  /** Told of every decision of `decide`, before it takes effect. */
  readonly onDecision?: (open: OpenDecision) => void
  readonly deadLetterTopic: string
  /** The largest record that the output topics take; bytes. */
  readonly maxRecordBytes: number
}

/** A decision with all that it was made of. The moment is used for further events: read it at once. */
export interface OpenDecision {
  readonly cause: Cause
  readonly moment: Moment
  readonly competing: readonly Action[]
  readonly customer: Customer
  readonly decision: Decision
  /** Decides the same under other rules, as of another moment, or of another customer; it changes nothing. */
  readonly again: (policy: Policy, competing: readonly Action[], moment: Moment, customer: Customer) => Decision
}

/** The profiles in memory. */
export interface Profiles {
  /** Add it to an offset of the slice's topic to get the position, which counts across all topics of the partition. */
  readonly origin: number
  of(customer: string): Profile
  /** Notes that the profile is changed by what is at the position; false where it includes that already: then leave it alone. */
  take(profile: Profile, position: number): boolean
  /** Notes that the profile's timers changed. */
  schedule(profile: Profile): void
}

/** The clocks that timers fire under; ms. */
export interface Clock {
  /** The slice's. */
  readonly nowMs: number
  /** The partition's: timers due by then fire, and decide as of then. */
  readonly clockMs: number
}

/** A decoded record: an event, a statement, a customer to erase, why it is neither, a schema to fetch first, or nothing to do. */
export type Decoded = Event | Statement | Erasure | Rejected | UnknownSchema | undefined
