import type { Moment } from '../../features/moment.ts'
import type { AbsenceState, TimerStates } from '../../timers/states.ts'
import type { Action, Policy } from '../policy.ts'
import { type Hold, noHolds } from './holds.ts'

/** An action whose wait is over. */
export interface Ended {
  readonly action: Action
  readonly hold: Hold
}

/**
 * The actions whose wait ends at the moment, or before it, and that are still due: those that have not expired, and whose timer, if
 * one brought them about, still says so. Whether their conditions hold is for the decision.
 * @param asOfMs as of when they are decided
 */
export function endedHolds(
  { held, timers, onTimer }: Policy,
  { holds, timers: states }: { readonly holds: readonly Hold[]; readonly timers: TimerStates },
  momentMs: number,
  asOfMs: number,
): Ended[] {
  return holds.flatMap((hold): Ended[] => {
    const action = held.get(hold.action)
    if (hold.endMs > momentMs || action === undefined) return []
    if (action.expiresMs > 0 && hold.sinceMs + action.expiresMs <= asOfMs) return []
    const index = onTimer.findIndex((actions) => actions.some(({ name }) => name === action.name))
    return timers[index]?.kind === 'absence' && !isStillAbsent(states[index] as AbsenceState | undefined)
      ? []
      : [{ action, hold }]
  })
}

/** Where it has been started again, it fires by itself. */
const isStillAbsent = (state: AbsenceState | undefined) => state?.fired === true && state.absentMs <= state.afterMs

/** What is left of them once the moment is over; the same list where none has ended. */
export function withoutEnded(holds: readonly Hold[], momentMs: number): readonly Hold[] {
  if (!holds.some(({ endMs }) => endMs <= momentMs)) return holds
  const left = holds.filter(({ endMs }) => endMs > momentMs)
  return left.length === 0 ? noHolds : left
}

/**
 * Lets those end that wait for the customer's timezone, if it is known by now; the same list if there are none.
 * @param moment with the event that may have said it
 */
export function withZoneKnown({ held }: Policy, holds: readonly Hold[], moment: Moment): readonly Hold[] {
  const isKnown = ({ action, rule, endMs }: Hold) => {
    if (endMs !== Number.POSITIVE_INFINITY) return false
    const hours = held.get(action)?.treatments.flatMap(({ quietHours }) => quietHours) ?? []
    return hours.some((one) => one.held.gate === rule && one.zone(moment) !== undefined)
  }
  if (!holds.some(isKnown)) return holds
  return holds.map((hold) => (isKnown(hold) ? { ...hold, endMs: moment.asOfMs } : hold))
}
