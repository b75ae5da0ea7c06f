import type { Moment } from '../../features/moment.ts'
import type { Refusal } from '../decision.ts'
import type { Action } from '../policy.ts'

/** Holds back an action to which a declared gate says no. A gate that can't be evaluated says no. */
export function declared({ gates }: Action, moment: Moment): Refusal | undefined {
  for (let i = 0; i < gates.length; i++) {
    const { allow, refusal, failure } = gates[i]!
    const allows = allow(moment)
    if (allows !== true) return allows === undefined ? failure : refusal
  }
  return undefined
}
