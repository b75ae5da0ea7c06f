import type { Evaluate } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'

/**
 * Absence timers: something did not happen within a time after something else did. A timer's state in a profile is two
 * event times and whether it has fired, so that it comes to the same whatever the order of the events before it fires.
 */

/** As declared, complete. */
export interface TimerDeclaration {
  /** Says what it waits for; actions of one name share the timer, and compete when it fires. */
  readonly name: string
  /** CEL over the event: what must not happen. */
  readonly absent: string
  /** CEL over the event: what starts it. */
  readonly after: string
  /** How long it runs; ms. */
  readonly forMs: number
}

/** A compiled timer. */
export interface Timer {
  readonly name: string
  readonly absent: Evaluate<Moment>
  readonly after: Evaluate<Moment>
  readonly forMs: number
}

/** Event times of one customer; ms, 0 where there was none. */
export interface TimerState {
  /** The latest `after` event: the timer runs from there. */
  afterMs: number
  /** The latest `absent` event: one later than `afterMs` cancels. */
  absentMs: number
  /** It has fired for `afterMs`. */
  fired: boolean
}

/** A profile's timers by their index in the policy; undefined until an event touches one. */
export type TimerStates = readonly (TimerState | undefined)[]

/** Of a profile whose timers no event has touched; most have none, so they share it. */
export const noTimers: TimerStates = []

/** When it is due; ms, infinite where it is not running. */
export function dueMs({ forMs }: Timer, state: TimerState | undefined): number {
  const runs = state !== undefined && state.afterMs > 0 && !state.fired && state.absentMs <= state.afterMs
  return runs ? state.afterMs + forMs : Number.POSITIVE_INFINITY
}

/** When the first of them is due; ms, infinite where none runs. */
export function nextDueMs(timers: readonly Timer[], states: TimerStates): number {
  let next = Number.POSITIVE_INFINITY
  for (let i = 0; i < states.length; i++) next = Math.min(next, dueMs(timers[i]!, states[i]))
  return next
}

/**
 * Folds the moment's event into the profile's timers: it starts, restarts or cancels them. An event that is both `absent`
 * and `after` restarts, which makes a timer of inactivity.
 * @returns whether the event is of any timer
 */
export function updateTimers(timers: readonly Timer[], profile: { timers: TimerStates }, moment: Moment): boolean {
  let touched = false
  for (let i = 0; i < timers.length; i++) {
    const { after, absent } = timers[i]!
    const starts = after(moment) === true
    const cancels = absent(moment) === true
    if (!starts && !cancels) continue
    touched = true
    const state = stateOf(profile, i)
    const { timeMs } = moment.event
    if (starts && timeMs > state.afterMs) {
      state.afterMs = timeMs
      state.fired = false
    }
    if (cancels && timeMs > state.absentMs) state.absentMs = timeMs
  }
  return touched
}

/** The state of a profile's timer, to be changed. */
export function stateOf(profile: { timers: TimerStates }, index: number): TimerState {
  if (profile.timers === noTimers) profile.timers = []
  const own = profile.timers as (TimerState | undefined)[]
  while (own.length <= index) own.push(undefined)
  own[index] ??= { afterMs: 0, absentMs: 0, fired: false }
  return own[index]
}
