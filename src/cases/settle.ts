import type { Event } from '../events/event.ts'
import { outcomeOf } from '../events/outcome.ts'
import type { Moment } from '../features/moment.ts'
import { type Case, verdictOf } from './case.ts'
import { type Cases, type Change, isKept } from './cases.ts'
import type { Goal } from './goal.ts'
import { type Effect, effectOf, type Kind, kindOf, withOutcome } from './outcome.ts'

/** What became of an outcome, or of an event that met a goal. */
export interface Settled extends Change {
  /** The case, as it was before; undefined where there is none. */
  readonly of: Case | undefined
  /** `other` for a word of the producer's own, which no case knows. */
  readonly outcome: Kind | 'other'
  readonly effect: Effect
}

/**
 * Notes an outcome in its case: the one with the action's id; or, where only the action is named, its latest one that began by
 * then. A case that is no longer kept counts as unknown.
 */
export function settleOutcome(cases: Cases, event: Event, streamTimeMs: number): Settled {
  const kind = kindOf(outcomeOf(event))
  const outcome = kind ?? 'other'
  const found = find(cases, event, streamTimeMs)
  if (typeof found === 'string') return { cases, changed: [], of: undefined, outcome, effect: found }
  if (kind !== undefined) return settle(cases, found, kind, event.timeMs, event.value)
  return { cases, changed: [], of: found, outcome, effect: 'noted' }
}

/**
 * Notes an event that meets the goal of a case, within its window: of several, the one that began last. One that was never
 * delivered has no part in it.
 * @returns undefined if it meets none
 */
export function settleGoal(
  cases: Cases,
  goals: ReadonlyMap<string, Goal>,
  moment: Moment,
  streamTimeMs: number,
): Settled | undefined {
  const { timeMs } = moment.event
  let reached: Case | undefined
  let asked: Goal['when'] | undefined
  let isMet = false
  for (let i = cases.length - 1; i >= 0; i--) {
    const one = cases[i]!
    if (timeMs < one.timeMs || timeMs >= one.endMs || one.timeMs <= (reached?.timeMs ?? 0)) continue
    const goal = goals.get(one.action)
    if (goal === undefined || verdictOf(one) === 'not_delivered' || !isKept(one, streamTimeMs)) continue
    if (goal.when !== asked) {
      asked = goal.when
      isMet = asked(moment) === true
    }
    if (isMet) reached = one
  }
  if (reached === undefined) return undefined
  const value = goals.get(reached.action)!.value(moment)
  return settle(cases, reached, 'goal', timeMs, typeof value === 'number' ? value : Number.NaN)
}

function settle(cases: Cases, one: Case, kind: Kind, timeMs: number, value: number): Settled {
  const after = withOutcome(one, kind, timeMs, value)
  const about = { of: one, outcome: kind, effect: effectOf(one, after, kind) }
  if (after === one) return { cases, changed: [], ...about }
  return { cases: cases.map((other) => (other === one ? after : other)), changed: [after], ...about }
}

function find(
  cases: Cases,
  { properties, timeMs }: Event,
  streamTimeMs: number,
): Case | 'unknown_action' | 'before_action' {
  const [id, action] = [properties.get('action_id'), properties.get('action')]
  if (typeof id === 'string' && id !== '') {
    return cases.find((one) => one.id === id && isKept(one, streamTimeMs)) ?? 'unknown_action'
  }
  let found: Case | undefined
  let isLater = false
  for (const one of cases) {
    if (one.action !== action || !isKept(one, streamTimeMs)) continue
    if (one.timeMs > timeMs) isLater = true
    else if (found === undefined || one.timeMs >= found.timeMs) found = one
  }
  return found ?? (isLater ? 'before_action' : 'unknown_action')
}
