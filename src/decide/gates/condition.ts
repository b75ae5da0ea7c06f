import type { Moment } from '../../features/moment.ts'
import type { Refusal } from '../decision.ts'
import type { Action } from '../policy.ts'

const unmet: Refusal = { reason: 'not_eligible', gate: '' }
const failure: Refusal = { reason: 'error', gate: '' }

/** Holds back an action whose condition is false or can't be evaluated. */
export function condition({ when }: Action, moment: Moment): Refusal | undefined {
  const met = when(moment)
  if (met === true) return undefined
  return met === undefined ? failure : unmet
}
