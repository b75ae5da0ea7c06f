import type { Action } from './policy.ts'

/** Why a candidate was chosen or not. */
export type Reason =
  | 'chosen'
  /** Its condition is false. */
  | 'not_eligible'
  /** Its condition or value could not be evaluated (a missing property, a wrong type), so it is not eligible. */
  | 'error'
  /** Its condition or value reads a feature that is not ready. */
  | 'not_ready'
  | 'cooldown'
  | 'cap'
  /** The contact rules over all actions hold it back. */
  | 'contact_policy'
  /** Others were worth more. */
  | 'outranked'
  /** Its record is larger than the output topic takes; the next best took its place. */
  | 'too_large'

export interface Candidate {
  readonly action: Action
  readonly reason: Reason
  /** Its value; NaN for one that is not eligible. */
  readonly score: number
  /** Of being chosen, as it stood here: the choice involves no chance, so it is 1 or 0. */
  readonly probability: number
}

/** What one evaluation of the policy for one profile came to. */
export interface Decision {
  /** No action was eligible; all that were are held back; or there is something to publish. */
  readonly outcome: 'none' | 'suppressed' | 'chosen'
  /** All actions that competed: the eligible ones by rank, then the others by name. */
  readonly candidates: readonly Candidate[]
  /** Those that are published, the best first. */
  readonly chosen: readonly Candidate[]
}
