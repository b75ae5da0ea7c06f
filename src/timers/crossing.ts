import type { Evaluate } from '../expressions/expression.ts'
import type { Moment, ProfileMoment } from '../features/moment.ts'
import { type CrossingState, keepState, type TimerStates } from './states.ts'

/**
 * Crossings: a condition that was not met becomes true, by an event or because time passes and something leaves a window.
 * Between its events a customer's features change only when a row leaves a window that holds any; so the condition is
 * evaluated with each event and at the first of these moments, and nothing is scanned.
 */
export interface Crossing {
  readonly kind: 'crossing'
  /** What an action says has brought it about where no event has. */
  readonly name: string
  /** Names the condition and all that the features which it reads are of: its state is kept as long as this stays the same. */
  readonly signature: string
  readonly when: Evaluate<Moment>
  /** Of each feature that it reads: when time alone changes it next (`Feature.nextChangeMs`). */
  readonly changes: readonly ((moment: ProfileMoment) => number)[]
}

/** The moment to evaluate as of: no evaluation goes back behind another. */
export const evaluationMs = (state: CrossingState | undefined, atMs: number) =>
  state !== undefined && state.asOfMs > atMs ? state.asOfMs : atMs

/**
 * Evaluates the condition as of the moment, and notes when that has to be done next.
 * @param metAtFirst what counts as the state before, where there is none
 * @returns whether it has become true
 */
export function evaluateCrossing(
  { when, changes }: Crossing,
  profile: { timers: TimerStates },
  index: number,
  moment: Moment,
  metAtFirst: boolean,
): boolean {
  const found = profile.timers[index] as CrossingState | undefined
  const state = found ?? keepState(profile, index, { asOfMs: 0, nextMs: 0, met: metAtFirst })
  const met = when(moment) === true
  const turned = met && !state.met
  state.asOfMs = moment.asOfMs
  state.met = met
  state.nextMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < changes.length; i++) state.nextMs = Math.min(state.nextMs, changes[i]!(moment))
  return turned
}
