import type { Evaluate } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'
import { type AbsenceState, keepState, type TimerStates } from './states.ts'
import type { Timer } from './timer.ts'

/**
 * Absence timers: something did not happen within some time after something else did. A timer's state in a profile is two
 * event times and whether it has fired, so until it fires the order in which events arrive makes no difference.
 */

/** An absence as declared, with every default filled in. */
export interface AbsenceDeclaration {
  /** Says what it waits for. Actions with the same name share the timer, and compete when it fires. */
  readonly name: string
  /** CEL over the event: what must not happen. */
  readonly absent: string
  /** CEL over the event: what starts it. */
  readonly after: string
  /** How long it runs; ms. */
  readonly forMs: number
}

export interface Absence {
  readonly kind: 'absence'
  readonly name: string
  /** Its state is kept as long as this stays the same. */
  readonly signature: string
  readonly absent: Evaluate<Moment>
  readonly after: Evaluate<Moment>
  readonly forMs: number
}

/** When it is due; ms, infinite if it is not running. */
export function absenceDueMs({ forMs }: Absence, state: AbsenceState): number {
  const runs = state.afterMs > 0 && !state.fired && state.absentMs <= state.afterMs
  return runs ? state.afterMs + forMs : Number.POSITIVE_INFINITY
}

/**
 * Folds the moment's event into the profile's absence timers: it starts, restarts or cancels them. An event that is both
 * `absent` and `after` restarts the timer, which makes it an inactivity timer.
 * @returns whether the event concerns any timer
 */
export function updateAbsences(timers: readonly Timer[], profile: { timers: TimerStates }, moment: Moment): boolean {
  let touched = false
  for (let i = 0; i < timers.length; i++) {
    const timer = timers[i]!
    if (timer.kind !== 'absence') continue
    const starts = timer.after(moment) === true
    const cancels = timer.absent(moment) === true
    if (!starts && !cancels) continue
    touched = true
    const found = profile.timers[i] as AbsenceState | undefined
    const state = found ?? keepState(profile, i, { afterMs: 0, absentMs: 0, fired: false })
    const { timeMs } = moment.event
    if (starts && timeMs > state.afterMs) {
      state.afterMs = timeMs
      state.fired = false
    }
    if (cancels && timeMs > state.absentMs) state.absentMs = timeMs
  }
  return touched
}
