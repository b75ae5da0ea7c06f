import type { Moment } from '../../features/moment.ts'
import { holdOf } from '../contact-policy/holds.ts'
import { untilMs } from '../contact-policy/quiet-hours.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Action, Treatment } from '../policy.ts'

/**
 * Holds back an action in quiet hours: it waits for their end, or is dropped where it may not wait, or is of no use by then.
 * @param nowMs the slice's clock
 */
export function quietHours(
  { name, expiresMs }: Action,
  { quietHours }: Treatment,
  moment: Moment,
  { holds }: Customer,
  nowMs: number,
): Refusal | undefined {
  for (let i = 0; i < quietHours.length; i++) {
    const rule = quietHours[i]!
    const endMs = untilMs(rule, moment, nowMs)
    if (endMs === 0) continue
    if (!rule.holds) return rule.dropped
    const sinceMs = holdOf(holds, name)?.sinceMs ?? moment.asOfMs
    const isInTime = expiresMs === 0 || endMs === Number.POSITIVE_INFINITY || endMs < sinceMs + expiresMs
    return isInTime ? rule.held : rule.dropped
  }
  return undefined
}
