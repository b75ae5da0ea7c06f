import { type Absence, absenceDueMs } from './absence.ts'
import type { Crossing } from './crossing.ts'
import type { AbsenceState, CrossingState, TimerState, TimerStates } from './states.ts'

/** What brings an action about without an event: something that did not happen, or a condition that becomes true. */
export type Timer = Absence | Crossing

const never = Number.POSITIVE_INFINITY

/** When it is due; ms, infinite where it is not running. */
export function dueMs(timer: Timer, state: TimerState | undefined): number {
  if (state === undefined) return never
  return timer.kind === 'absence' ? absenceDueMs(timer, state as AbsenceState) : (state as CrossingState).nextMs
}

/** When the first of them is due; ms, infinite where none runs. */
export function nextDueMs(timers: readonly Timer[], states: TimerStates): number {
  let next = never
  for (let i = 0; i < states.length; i++) next = Math.min(next, dueMs(timers[i]!, states[i]))
  return next
}

/** The one that is due first of those that are by then; -1 where none is. @param kind only of that kind */
export function firstDue(timers: readonly Timer[], states: TimerStates, untilMs: number, kind?: Timer['kind']): number {
  let first = -1
  let firstMs = never
  for (let i = 0; i < states.length; i++) {
    if (kind !== undefined && timers[i]!.kind !== kind) continue
    const ms = dueMs(timers[i]!, states[i])
    if (ms > untilMs || ms >= firstMs) continue
    first = i
    firstMs = ms
  }
  return first
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
