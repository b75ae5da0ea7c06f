import type { Moment } from '../../features/moment.ts'
import type { Action } from '../policy.ts'

/** Holds back an action whose condition is false or can't be evaluated. */
export function condition({ when }: Action, moment: Moment): 'not_eligible' | 'error' | undefined {
  const met = when(moment)
  if (met === true) return undefined
  return met === undefined ? 'error' : 'not_eligible'
}
