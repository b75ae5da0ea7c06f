import type { Case } from './cases/case.ts'
import type { ConsentChange } from './consent/consent.ts'
import { type Decision, type Outcome, outcomes } from './decide/decision.ts'
import type { PublishedAction } from './emit/action.ts'
import type { Cause, Positioned } from './emit/cause.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import type { Event } from './events/event.ts'
import type { OutRecord } from './events/log.ts'
import type { Reason as RejectReason } from './ingest/rejected.ts'

/** What the pipeline makes of a slice: plain values. Others turn them into rows, metrics and log lines. */
export interface Output {
  /** Actions and dead letters, in the order of the input. */
  readonly records: OutRecord[]
  readonly actions: PublishedAction[]
  /**
   * In order. Without `decidesAlways` there is none where nothing was eligible, nor on an event where all of it was held back,
   * but of the customers of whom the policy wants that stored.
   */
  readonly decisions: Decided[]
  /** In order. */
  readonly consents: StatedConsent[]
  /** Each state that a case came into, in order. */
  readonly cases: CaseChange[]
  readonly tally: Tally
  /** What the code threw, for the quarantined events and timers. */
  readonly faults: unknown[]
  /** How many of these throws left something to undo; a throw in the decoder does not. */
  undone: number
  readonly quarantined: { readonly offsets: number[]; readonly timers: string[] }
  /** About how much the records and the decisions take. Past `maxBytes` it is full. */
  bytes: number
  readonly maxBytes: number
  /** The dead letters' part of that. */
  deadLetterBytes: number
}

/** Whether no further event or customer is started. */
export const isFull = ({ bytes, maxBytes }: Output) => bytes > maxBytes

/** An event that was folded into its customer's profile, or left out as a duplicate, with what was derived from it. */
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

/** What a customer said about being addressed, and in which record. */
export interface StatedConsent {
  readonly statement: ConsentChange & { readonly customer: string }
  readonly at: Positioned
}

/** A decision, what caused it and what it published. */
export interface Decided {
  readonly id: string
  /** What an experiment does with the customer; empty where there is none. */
  readonly arm: string
  /** Such decisions are put out of one customer in so many. */
  readonly oneIn: number
  readonly decision: Decision
  readonly cause: Cause
  readonly customer: string
  /** The time as of which it was made; ms. */
  readonly asOfMs: number
  /** The slice's clock; ms. */
  readonly nowMs: number
  /** The version of the policy. */
  readonly policy: string
  /** The chosen actions, in that order. */
  readonly actions: readonly PublishedAction[]
}

/** A case that began or changed. */
export interface CaseChange {
  readonly partition: number
  /** Of what changed it. */
  readonly position: number
  readonly customer: string
  readonly now: Case
}

/**
 * What the code threw on, and what therefore changed nothing: events, by offset, and timers, by due time and customer. Those
 * timers are no longer due.
 */
export interface Quarantined {
  readonly offsets: ReadonlySet<number>
  /** As `timersAt` names them. */
  readonly timers: ReadonlySet<string>
}

/** What came of a statement of traits or consent. */
export const statementResults = [
  'traits',
  'consent_given',
  'consent_withdrawn',
  /** A later statement holds already. */
  'consent_superseded',
  /** It is kept, but no action has the purpose. */
  'consent_unknown_purpose',
] as const
export type StatementResult = (typeof statementResults)[number]

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
  readonly statements: Map<StatementResult, number>
  /** Published actions, by name; and those that were too large to publish. */
  readonly actions: Map<string, number>
  readonly tooLarge: Map<string, number>
  /** What became of outcomes, by action, outcome and effect, a line each. */
  readonly outcomes: Map<string, number>
  /** Cases that came to a verdict, by action and verdict, a line each. */
  readonly verdicts: Map<string, number>
  /** By outcome. */
  readonly decisions: Record<Outcome, number>
}

/** @param maxBytes bound for the records' bytes; none by default */
export function emptyOutput(maxBytes = Number.POSITIVE_INFINITY): Output {
  const decisions = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const byName = { lateBy: new Map(), deadLetters: new Map(), statements: new Map(), actions: new Map() }
  const counted = { ...byName, tooLarge: new Map(), outcomes: new Map(), verdicts: new Map(), decisions }
  const tally = { events: 0, skipped: 0, erasures: 0, duplicates: 0, late: 0, timers: 0, ...counted }
  const quarantined = { offsets: [], timers: [] }
  const counts = { bytes: 0, maxBytes, deadLetterBytes: 0, undone: 0 }
  const made = { records: [], actions: [], decisions: [], consents: [], cases: [] }
  return { ...made, tally, faults: [], quarantined, ...counts }
}
