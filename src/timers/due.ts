import type { AbsenceState, CrossingState, TimerStates } from './states.ts'
import { dueMs, type Timer } from './timer.ts'

/** The indexes of the timers that are due exactly at this moment. @param kind only timers of this kind */
export function dueAt(timers: readonly Timer[], states: TimerStates, momentMs: number, kind?: Timer['kind']): number[] {
  const due: number[] = []
  timers.forEach((timer, index) => {
    const isOfKind = kind === undefined || timer.kind === kind
    if (isOfKind && dueMs(timer, states[index]) === momentMs) due.push(index)
  })
  return due
}

/** Marks the timers that were due at the moment as done. */
export function endDue(timers: readonly Timer[], states: TimerStates, due: readonly number[], momentMs: number): void {
  for (const index of due) {
    const timer = timers[index]!
    if (timer.kind === 'absence') (states[index] as AbsenceState).fired = true
    else if (dueMs(timer, states[index]) === momentMs) {
      ;(states[index] as CrossingState).nextMs = Number.POSITIVE_INFINITY
    }
  }
}
