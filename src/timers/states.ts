/** What a profile keeps of its timers, by their index in the policy; undefined until an event touches one. */
export type TimerStates = readonly (TimerState | undefined)[]

export type TimerState = AbsenceState | CrossingState

/** Event times of one customer; ms, 0 where there was none. */
export interface AbsenceState {
  /** The latest `after` event: the timer runs from there. */
  afterMs: number
  /** The latest `absent` event: one later than `afterMs` cancels. */
  absentMs: number
  /** It has fired for `afterMs`. */
  fired: boolean
}

/** Of a condition that an action waits to become true. */
export interface CrossingState {
  /** Whether it is met. */
  met: boolean
  /** As of when it was evaluated with an event, or turned; ms. No later evaluation is as of earlier. */
  asOfMs: number
  /** When time alone may turn it, at the earliest; ms, infinite where it can not. */
  nextMs: number
}

/** Of a profile whose timers no event has touched; most have none, so they share it. */
export const noTimers: TimerStates = []

/** Gives a profile's timer its first state. */
export function keepState<S extends TimerState>(profile: { timers: TimerStates }, index: number, state: S): S {
  if (profile.timers === noTimers) profile.timers = []
  const own = profile.timers as (TimerState | undefined)[]
  while (own.length <= index) own.push(undefined)
  own[index] = state
  return state
}
