import type { Moment } from '../../features/moment.ts'
import { isOff } from '../contact-policy/suppressions.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Treatment } from '../policy.ts'

/** Holds back an action that is off after what came of earlier ones. */
export function suppressions(
  { suppressions }: Treatment,
  { asOfMs }: Moment,
  { reactions }: Customer,
): Refusal | undefined {
  for (let i = 0; i < suppressions.length; i++) {
    if (isOff(suppressions[i]!, reactions, asOfMs)) return suppressions[i]!.refusal
  }
  return undefined
}
