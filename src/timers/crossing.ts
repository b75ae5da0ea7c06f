import type { Evaluate } from '../expressions/expression.ts'
import type { Moment, NotReady, ProfileMoment } from '../features/moment.ts'
import { readsAny } from '../features/reading.ts'
import { type CrossingState, keepState, type TimerState, type TimerStates } from './states.ts'

/**
 * Crossings: a condition that was not met becomes true, by an event or because time passes and something leaves a window.
 * Between its events a customer's features change only when a row leaves a window that holds any; so the condition is
 * evaluated with each event and at these moments, and nothing is scanned.
 */
export interface Crossing {
  readonly kind: 'crossing'
  /** What an action says has brought it about where no event has. */
  readonly name: string
  /** Names the condition and all that the features which it reads are of: its state is kept as long as this stays the same. */
  readonly signature: string
  readonly when: Evaluate<Moment>
  /** Of the features that it reads, also by way of others. */
  readonly names: ReadonlySet<string>
  /** Of each feature that it reads: when time alone changes it next (`Feature.nextChangeMs`). */
  readonly changes: readonly ((moment: ProfileMoment) => number)[]
}

/**
 * With an event: evaluates the condition as of the moment, or of its last turn, where that is ahead of it.
 * @param moment as of the stream time; put there again
 * @param metAtFirst its last known value, for one that was never evaluated
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
 * With time: evaluates the condition as of the moment, which is its `nextMs`. Where it is what it was, nothing is noted but
 * when it may change next: so it does not matter which of these moments are skipped.
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

/** A sliding window has many rows, and each evaluation reads all that are left of them. */
const maxEvaluations = 64

/**
 * Moves `nextMs` on to when the condition will turn, should no event come; or part of the way there, past as many rows that
 * are still to leave a window as one look takes.
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

/** Drops the states of conditions that read a feature which is not ready: without it they are neither met nor not. */
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
