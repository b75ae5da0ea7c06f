import type { Moment } from '../../features/moment.ts'
import { isReached } from '../contact-policy/limits.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Action, Treatment } from '../policy.ts'

/** Holds back an action where a limit or an exclusion of the contact policy that it obeys is reached. */
export function limits(
  { mandatory }: Action,
  { limits }: Treatment,
  moment: Moment,
  { pastContacts }: Customer,
): Refusal | undefined {
  for (let i = 0; i < limits.length; i++) {
    const limit = limits[i]!
    if (mandatory && !limit.isStrict) continue
    if (isReached(limit, pastContacts, moment)) return limit.refusal
  }
  return undefined
}
