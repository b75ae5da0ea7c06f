import assert from 'node:assert/strict'
import type { Candidate, Reason } from '../../../decide/decision.ts'
import type { Engine } from '../../../engine.ts'
import type { Value } from '../../../events/event.ts'
import { Scope } from '../../../expressions/expression.ts'
import { actionVariables } from '../../../features/moment.ts'
import type { Decided } from '../../../slice-output.ts'
import { type Absence, absenceDueMs } from '../../../timers/absence.ts'
import type { AbsenceState, TimerStates } from '../../../timers/states.ts'
import { readableTime } from './readable-time.ts'

export type Features = Readonly<Record<string, Value>>

/** A decision on an event or on timers, with the features as they were when it was made. */
export interface Seen {
  readonly decided: Decided
  readonly features: Features
}

/** Why an action came, or why it did not. */
export interface Explanation {
  readonly action: string
  /** The latest decision in which it competed. */
  readonly decision?: {
    readonly reason: Reason
    /** The declared gate that says no; empty if none does. */
    readonly gate: string
    /** Its condition; if a gate says no, what that lets through. */
    readonly when: string
    readonly customer: string
    readonly timeMs: number
  }
  /** Why there was no decision. */
  readonly undecided?: string
  /** The features in its condition: as that decision saw them, or without a decision as they are at the check. */
  readonly features: Features
}

/**
 * @param names of the actions to explain
 * @param seen the decisions since the check before, in their order
 * @param now the customer's state at the check
 */
export function explain(
  { config, policy, features }: Engine,
  names: ReadonlySet<string>,
  seen: readonly Seen[],
  now: { readonly features: Features; readonly timers: TimerStates },
): Explanation[] {
  const scope = new Scope([...actionVariables, ...features.features])
  return config.actions
    .filter(({ name }) => names.has(name))
    .map(({ name: action, when, on }): Explanation => {
      const among = (all: Features, of = when) => {
        const read = [...scope.compile(of).names].filter((name) => Object.hasOwn(all, name))
        return Object.fromEntries(read.map((name) => [name, all[name]!]))
      }
      for (const { decided, features: then } of seen.toReversed()) {
        const candidate = bestForm(decided, action)
        if (candidate === undefined) continue
        const { customer, asOfMs: timeMs } = decided
        const { reason, gate } = candidate
        const asked = config.gates.find(({ name }) => name === gate)?.allow ?? when
        return { action, decision: { reason, gate, when: asked, customer, timeMs }, features: among(then, asked) }
      }
      if (on === undefined) return { action, undecided: 'no event was decided on', features: {} }
      if (on === 'becomes_true')
        return { action, undecided: `its condition did not become true: ${when}`, features: among(now.features) }
      const index = policy.onTimer.findIndex((actions) => actions.some(({ name }) => name === action))
      const timer = policy.timers[index]
      assert(timer?.kind === 'absence', 'an action on an absence has its timer')
      const undecided = `its timer (${on.name}) ${stateText(timer, now.timers[index] as AbsenceState | undefined)}`
      return { action, undecided, features: {} }
    })
}

/** How the action fared in the best of its forms; undefined where it did not compete. */
export function bestForm({ decision: { candidates } }: Decided, action: string): Candidate | undefined {
  const own = candidates.filter((one) => one.action.name === action)
  return own.find(({ reason }) => reason === 'chosen' || reason === 'holdout' || reason === 'shadow') ?? own[0]
}

function stateText(timer: Absence, state: AbsenceState | undefined): string {
  if (state === undefined || state.afterMs === 0) return 'was not started'
  if (state.fired) return 'had fired before'
  const dueMs = absenceDueMs(timer, state)
  return Number.isFinite(dueMs)
    ? `is due at ${readableTime(dueMs)}`
    : `was cancelled by the event at ${readableTime(state.absentMs)}`
}
