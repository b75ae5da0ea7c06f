import type { Moment } from '../../features/moment.ts'
import { holdOf, isHeld } from '../contact-policy/holds.ts'
import { isQuietFor, untilMs } from '../contact-policy/quiet-hours.ts'
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
    if (!isQuietFor(rule, moment, nowMs)) continue
    if (!rule.holds) return rule.dropped
    if (expiresMs === 0 || isHeld(holds, name, moment.asOfMs)) return rule.held
    const sinceMs = holdOf(holds, name)?.sinceMs ?? moment.asOfMs
    const endMs = untilMs(rule, moment, nowMs)
    const isInTime = endMs === Number.POSITIVE_INFINITY || endMs < sinceMs + expiresMs
    return isInTime ? rule.held : rule.dropped
  }
  return undefined
}
