import type { Evaluate } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'

/** An action's goal as declared. */
export interface GoalDeclaration {
  /** CEL over the event: what counts as success. */
  readonly when: string
  /** How long after the decision it counts; ms. */
  readonly withinMs: number
  /** What it is worth: a number, or CEL over the event; if left out, the event's own amount. */
  readonly value?: number | string | undefined
}

/** A compiled goal. Goals with the same condition share `when`. */
export interface Goal {
  readonly when: Evaluate<Moment>
  readonly withinMs: number
  readonly value: Evaluate<Moment>
}
