import type { Decision } from './decide/decision.ts'
import type { PublishedAction } from './emit/action.ts'
import type { Cause } from './emit/cause.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import type { Event } from './events/event.ts'
import type { OutRecord } from './events/log.ts'
import type { Reason as RejectReason } from './ingest/rejected.ts'

/** What the pipeline gives of a slice: values, of which rows, metrics and log lines are made outside. */
export interface Output {
  /** Actions and dead letters, in the order of the input. */
  readonly records: OutRecord[]
  readonly actions: PublishedAction[]
  /** Those with something to publish, in order; every one where `Stages.decidesAlways`. */
  readonly decisions: Decided[]
  readonly tally: Tally
  /** What the code threw for what is quarantined. */
  readonly faults: unknown[]
  /** How many of them came in the midst of an event or a timer, so that there was something to undo. */
  undone: number
  readonly quarantined: { readonly offsets: number[]; readonly timers: string[] }
  /** About what the records take; no more is begun once that is more than `maxBytes`. */
  bytes: number
  readonly maxBytes: number
  /** Of them, the dead letters. */
  deadLetterBytes: number
}

/** An event that was taken into its customer's profile, or left out as a duplicate, with what was derived of it. */
export interface FoldedEvent {
  readonly offset: number
  readonly position: number
  readonly event: Event
  readonly enrichment: Enrichment
  readonly sessionIndex: number
  /** ms */
  readonly sessionStartMs: number
  /** Too late for at least one feature. */
  readonly late: boolean
  readonly duplicate: boolean
}

/** A decision, on what it was made and what was published of it. */
export interface Decided {
  readonly decision: Decision
  readonly cause: Cause
  readonly customer: string
  /** As of when it was made; ms. */
  readonly asOfMs: number
  /** The slice's clock; ms. */
  readonly nowMs: number
  /** The version of the policy. */
  readonly policy: string
  /** One for each that was chosen, in that order. */
  readonly actions: readonly PublishedAction[]
}

/**
 * What made the code throw, and changed nothing: the offsets of events; and of timers, the moment at which they were due with
 * the customer. These are not due any more.
 */
export interface Quarantined {
  readonly offsets: ReadonlySet<number>
  /** As `timersAt` names them. */
  readonly timers: ReadonlySet<string>
}

export const timersAt = (dueMs: number, customer: string) => `${dueMs} ${customer}`

/** Counts of one slice, for the metrics. */
export interface Tally {
  events: number
  skipped: number
  /** Customers erased. */
  erasures: number
  duplicates: number
  /** Events too late for at least one feature, and how many for each, by its name. */
  late: number
  readonly lateBy: Map<string, number>
  /** Timers that fired. */
  timers: number
  readonly deadLetters: Map<RejectReason, number>
  /** Those published, by name; and those too large for that. */
  readonly actions: Map<string, number>
  readonly tooLarge: Map<string, number>
  /** By outcome. */
  readonly decisions: Record<Decision['outcome'], number>
}

/** @param maxBytes of the records; by default there is no bound */
export function emptyOutput(maxBytes = Number.POSITIVE_INFINITY): Output {
  const decisions = { chosen: 0, suppressed: 0, none: 0 }
  const byName = { lateBy: new Map(), deadLetters: new Map(), actions: new Map(), tooLarge: new Map(), decisions }
  const tally = { events: 0, skipped: 0, erasures: 0, duplicates: 0, late: 0, timers: 0, ...byName }
  const quarantined = { offsets: [], timers: [] }
  const counts = { bytes: 0, maxBytes, deadLetterBytes: 0, undone: 0 }
  return { records: [], actions: [], decisions: [], tally, faults: [], quarantined, ...counts }
}
