import type { Moment } from '../../features/moment.ts'
import type { Refusal } from '../decision.ts'
import type { Treatment } from '../policy.ts'

const unmet: Refusal = { reason: 'not_eligible', gate: '' }
const failure: Refusal = { reason: 'error', gate: '' }

/** Holds back a form of an action whose own condition is false or can't be evaluated. */
export function treatmentCondition({ when }: Treatment, moment: Moment): Refusal | undefined {
  if (when === undefined) return undefined
  const met = when(moment)
  if (met === true) return undefined
  return met === undefined ? failure : unmet
}
