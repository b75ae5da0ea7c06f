import type { Customer } from './customer.ts'
import type { Action, GateKind } from './policy.ts'

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
  | 'cooldown'
  | 'cap'
  /** The contact rules for all actions together hold it back. */
  | 'contact_policy'
  /** Others were worth more. */
  | 'outranked'
  /** Its record is larger than the output topic accepts; the next best took its place. */
  | 'too_large'

/** Why a gate does not let an action through. */
export interface Refusal {
  readonly reason: Reason
  /** The declared gate that refused; empty if it was none of these. */
  readonly gate: string
}

export interface Candidate extends Refusal {
  readonly action: Action
  /** The form that the action takes in its channel; empty where it has but one, or as a whole did not pass. */
  readonly treatment: string
  /** Its value; NaN if it is not eligible. */
  readonly score: number
  /** The probability of being chosen here. The choice involves no chance, so it is 1 or 0. */
  readonly probability: number
  /** The named place that it got; empty where none. */
  readonly slot: string
}

/** The result of evaluating the policy once for one profile. */
export interface Decision {
  /** No action was eligible; all eligible ones were held back; or there is something to publish. */
  readonly outcome: 'none' | 'suppressed' | 'chosen'
  /** All actions that competed: the eligible ones in order of rank, then the others by name. */
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
