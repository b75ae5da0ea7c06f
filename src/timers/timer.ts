import { type Absence, absenceDueMs } from './absence.ts'
import type { Crossing } from './crossing.ts'
import type { AbsenceState, CrossingState, TimerState, TimerStates } from './states.ts'

/** What triggers an action without an event: something that did not happen, or a condition that becomes true. */
export type Timer = Absence | Crossing

const never = Number.POSITIVE_INFINITY

/** When it is due; ms, infinite if it is not running. */
export function dueMs(timer: Timer, state: TimerState | undefined): number {
  if (state === undefined) return never
  return timer.kind === 'absence' ? absenceDueMs(timer, state as AbsenceState) : (state as CrossingState).nextMs
}

/** When the first of them is due; ms, infinite if none is running. @param kind only timers of this kind */
export function nextDueMs(timers: readonly Timer[], states: TimerStates, kind?: Timer['kind']): number {
  let next = never
  for (let i = 0; i < states.length; i++) {
    const timer = timers[i]!
    if (kind === undefined || timer.kind === kind) next = Math.min(next, dueMs(timer, states[i]))
  }
  return next
}

/** How a state is stored: two times, 0 for none, and a flag. */
export function packState(state: TimerState): readonly [first: number, second: number, flag: boolean] {
  if ('fired' in state) return [state.afterMs, state.absentMs, state.fired]
  return [state.asOfMs, state.nextMs === never ? 0 : state.nextMs, state.met]
}

export function unpackState(kind: Timer['kind'], first: number, second: number, flag: boolean): TimerState {
  if (kind === 'absence') return { afterMs: first, absentMs: second, fired: flag }
  return { asOfMs: first, nextMs: second === 0 ? never : second, met: flag }
}
