import type { Customer } from './customer.ts'
import type { Action, GateKind, Treatment } from './policy.ts'

/** Why a candidate was chosen or not. */
export type Reason =
  | 'chosen'
  /** Its condition is false. */
  | 'not_eligible'
  /** Its condition or value could not be evaluated (a missing property, a wrong type), so it is not eligible. */
  | 'error'
  /** Its condition or value reads a feature that is not ready. */
  | 'not_ready'
  /** A declared gate says no; `gate` names it. */
  | GateKind
  /** The customer has not given consent for its purpose by its channel. */
  | 'consent'
  | 'cooldown'
  | 'cap'
  /** The contact rules for all actions together hold it back; or a rule of the contact policy, which `gate` names. */
  | 'contact_policy'
  /** It is quiet hours: it is decided again when they end. */
  | 'held'
  /** It is quiet hours, and it may not wait or is of no use when they end. */
  | 'quiet_hours'
  /** Others were worth more. */
  | 'outranked'
  /** It is worth less than sending nothing, or nothing was explored. */
  | 'nothing'
  /** Its record is larger than the output topic accepts; the next best took its place. */
  | 'too_large'
  /** It would have been chosen, but the customer is in the holdout. */
  | 'holdout'
  /** It would have been chosen, but is only tried in the shadow. */
  | 'shadow'

/** Why a gate does not let an action through. */
export interface Refusal {
  readonly reason: Reason
  /** The declared gate, or rule of the contact policy, that refused; empty if it was none of these. */
  readonly gate: string
}

export interface Candidate extends Refusal {
  readonly action: Action
  /** The form that the action takes; undefined where it was not eligible in any. */
  readonly treatment: Treatment | undefined
  /** Its priority; NaN if it is not eligible. */
  readonly score: number
  /** With which it was to be shown, all gates, ties, places and chance considered; `explore.ts` says how it is computed. */
  readonly probability: number
  /** The named place that it got; empty where none. */
  readonly slot: string
}

export const outcomes = ['chosen', 'nothing', 'holdout', 'shadow', 'suppressed', 'none'] as const

/**
 * There is something to publish; nothing was worth more than all that was open, or was explored; the customer is left alone;
 * only an action in the shadow was chosen; all eligible ones were held back; or none was eligible.
 */
export type Outcome = (typeof outcomes)[number]

/** The result of evaluating the policy once for one profile. */
export interface Decision {
  readonly outcome: Outcome
  /** All that competed, each action in each of its forms: the eligible ones in order of rank, then the others by name. */
  readonly candidates: readonly Candidate[]
  /** The candidates to publish, the best first. */
  readonly chosen: readonly Candidate[]
  /** The customer's state once those are published. */
  readonly after: Customer
  /** The probability that no action was to be shown. */
  readonly nothing: number
  /** What it was held to be worth to send nothing; NaN where that did not compete. */
  readonly nothingScore: number
}
