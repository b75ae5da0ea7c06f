import type { AbsenceState, CrossingState, TimerStates } from './states.ts'
import { dueMs, type Timer } from './timer.ts'

/** The indexes of the timers that are due at a moment. @param kind only those of that kind */
export function dueAt(timers: readonly Timer[], states: TimerStates, momentMs: number, kind?: Timer['kind']): number[] {
  const due: number[] = []
  timers.forEach((timer, index) => {
    const isOfKind = kind === undefined || timer.kind === kind
    if (isOfKind && dueMs(timer, states[index]) === momentMs) due.push(index)
  })
  return due
}

/** What was due at the moment is not any more. */
export function endDue(timers: readonly Timer[], states: TimerStates, due: readonly number[], momentMs: number): void {
  for (const index of due) {
    const timer = timers[index]!
    if (timer.kind === 'absence') (states[index] as AbsenceState).fired = true
    else if (dueMs(timer, states[index]) === momentMs) {
      ;(states[index] as CrossingState).nextMs = Number.POSITIVE_INFINITY
    }
  }
}
