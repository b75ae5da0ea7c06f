/** What a profile keeps for each timer, by its index in the policy; undefined until an event touches the timer. */
export type TimerStates = readonly (TimerState | undefined)[]

export type TimerState = AbsenceState | CrossingState

/** Event times of one customer; ms, 0 if there was none. */
export interface AbsenceState {
  /** The latest `after` event: the timer runs from there. */
  afterMs: number
  /** The latest `absent` event: if later than `afterMs`, the timer is cancelled. */
  absentMs: number
  /** It has already fired for this `afterMs`. */
  fired: boolean
}

/** The state of a condition that an action waits for. */
export interface CrossingState {
  /** Whether it is met. */
  met: boolean
  /** When it was last evaluated with an event, or turned by time; ms. No later evaluation goes back before this. */
  asOfMs: number
  /** The earliest time at which time alone may turn it; ms, infinite if never. */
  nextMs: number
}

/** For profiles whose timers no event has touched. Most are like that, so they share it. */
export const noTimers: TimerStates = []

/** Gives a profile's timer its first state. */
export function keepState<S extends TimerState>(profile: { timers: TimerStates }, index: number, state: S): S {
  if (profile.timers === noTimers) profile.timers = []
  const own = profile.timers as (TimerState | undefined)[]
  while (own.length <= index) own.push(undefined)
  own[index] = state
  return state
}
