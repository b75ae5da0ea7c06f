import type { Evaluate } from '../expressions/expression.ts'
import type { Moment, NotReady, ProfileMoment } from '../features/moment.ts'
import { readsAny } from '../features/reading.ts'
import { type CrossingState, keepState, type TimerState, type TimerStates } from './states.ts'

/**
 * Crossings: a condition that was not met becomes true, through an event, or because time passes and something leaves a
 * window. Between events a customer's features change only when a row leaves a window. So the condition is evaluated with
 * each event and at these moments, and nothing is scanned.
 */
export interface Crossing {
  readonly kind: 'crossing'
  /** What an action gives as its trigger when time, not an event, made the condition true. */
  readonly name: string
  /** Covers the condition and the definition of all features it reads; the state is kept as long as this stays the same. */
  readonly signature: string
  readonly when: Evaluate<Moment>
  /** The features that it reads, directly or through other features. */
  readonly names: ReadonlySet<string>
  /** For each feature that it reads: when time alone changes it next (`Feature.nextChangeMs`). */
  readonly changes: readonly ((moment: ProfileMoment) => number)[]
}

/**
 * With an event: evaluates the condition as of the moment, or as of its last turn if that is later.
 * @param moment as of the stream time; set back to it before returning
 * @param metAtFirst what to take as the value before, if the condition was never evaluated
 * @returns whether it has become true
 */
export function crossByEvent(
  crossing: Crossing,
  profile: { timers: TimerStates },
  index: number,
  moment: Moment,
  metAtFirst: boolean,
): boolean {
  const found = profile.timers[index] as CrossingState | undefined
  const state = found ?? keepState(profile, index, { asOfMs: 0, nextMs: 0, met: metAtFirst })
  const { asOfMs } = moment
  moment.asOfMs = Math.max(asOfMs, state.asOfMs)
  const met = crossing.when(moment) === true
  const turned = met && !state.met
  state.asOfMs = moment.asOfMs
  state.met = met
  state.nextMs = nextChangeMs(crossing, moment)
  moment.asOfMs = asOfMs
  return turned
}

/**
 * With time: evaluates the condition as of the moment, which is its `nextMs`. If its value has not changed, only the time of
 * the next possible change is noted; so it does not matter which of these moments are skipped.
 * @returns whether it has become true
 */
export function crossByTime(crossing: Crossing, state: CrossingState, moment: Moment): boolean {
  const met = crossing.when(moment) === true
  const turned = met && !state.met
  if (met !== state.met) {
    state.met = met
    state.asOfMs = moment.asOfMs
  }
  state.nextMs = nextChangeMs(crossing, moment)
  return turned
}

/**
 * Has the condition evaluated as of `nowMs` or a little later, since what it reads has changed without an event and without
 * time: a condition that becomes true by that fires then.
 * @param streamTimeMs the customer's
 */
export function askAgain(state: CrossingState, streamTimeMs: number, nowMs: number): void {
  // Each time that it turns has a moment of its own.
  const askMs = Math.max(nowMs, streamTimeMs, state.asOfMs + 1)
  state.nextMs = Math.min(state.nextMs, askMs)
}

/** Per look ahead. A sliding window has many rows, and each evaluation reads all that are left in it. */
const maxEvaluations = 64

/**
 * Moves `nextMs` on to when the condition will turn if no event comes, or part of the way there: one look ahead passes a
 * limited number of moments at which a row leaves a window.
 * @returns whether it has moved
 */
export function lookAhead(crossing: Crossing, state: CrossingState, moment: Moment): boolean {
  for (let moves = 0; moves < maxEvaluations; moves++) {
    moment.asOfMs = state.nextMs
    const isAtEnd = state.nextMs === Number.POSITIVE_INFINITY
    if (isAtEnd || (crossing.when(moment) === true) !== state.met) return moves > 0
    state.nextMs = nextChangeMs(crossing, moment)
  }
  return true
}

function nextChangeMs({ changes }: Crossing, moment: ProfileMoment): number {
  let nextMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < changes.length; i++) nextMs = Math.min(nextMs, changes[i]!(moment))
  return nextMs
}

/** Drops the states of conditions that read a feature that is not ready: without it we can't say whether they are met. */
export function forgetNotReady(
  timers: readonly ({ readonly kind: 'absence' } | Crossing)[],
  profile: { readonly timers: TimerStates; readonly notReady: NotReady | undefined },
): void {
  const { notReady, timers: states } = profile
  if (notReady === undefined) return
  for (let i = 0; i < states.length; i++) {
    const timer = timers[i]!
    const isUnknown = timer.kind === 'crossing' && readsAny(timer.names, notReady)
    if (isUnknown) (states as (TimerState | undefined)[])[i] = undefined
  }
}
