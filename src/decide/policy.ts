import type { Evaluate } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'
import type { AbsenceDeclaration } from '../timers/absence.ts'
import type { Timer } from '../timers/timer.ts'
import type { Refusal } from './decision.ts'

/** An action as declared: checked, with every default filled in. */
export interface ActionDeclaration {
  readonly name: string
  readonly group?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** When it is decided: on an absence, or when its own condition becomes true; undefined: on every event. */
  readonly on?: AbsenceDeclaration | 'becomes_true' | undefined
  /** CEL; the action is a candidate if this is true. */
  readonly when: string
  /** The priority: a number, or CEL that gives one. */
  readonly value: number | string
  readonly contact: ContactRules
  /** Free text for whoever delivers it: `email`, `in_app` … */
  readonly channel: string
  /** How long after the event's time the action is worth delivering; ms, 0 for no limit. */
  readonly expiresMs: number
  /** What the channel needs: constants, or `{ cel }` evaluated at the decision. */
  readonly payload: Readonly<Record<string, PayloadValue>>
}

/** In the order in which they are asked: may we? does it make sense now? is it right for them? */
export const gateKinds = ['eligible', 'applicable', 'suitable'] as const
export type GateKind = (typeof gateKinds)[number]

/** A gate, declared once for many actions. */
export interface GateDeclaration {
  readonly name: string
  readonly kind: GateKind
  /** The actions that it is for: those named, and those of a group or with a tag; all actions if it says nothing. */
  readonly of: {
    readonly actions: readonly string[]
    readonly groups: readonly string[]
    readonly tags: readonly string[]
  }
  /** CEL; lets through where it is true. */
  readonly allow: string
}

export type PayloadValue = string | number | boolean | { readonly cel: string }

export interface ContactRules {
  /** No second action of that name within this time; ms, 0 for no cool-down. */
  readonly cooldownMs: number
  /** Each must hold: fewer than `max` actions in the last `perMs`, rolling. */
  readonly caps: readonly Cap[]
}

export interface Cap {
  readonly max: number
  readonly perMs: number
}

/** How many of the candidates that pass the gates go out: the best one, the best n, or all. */
export interface Arbitration {
  readonly emit: 'best' | 'all' | { readonly top: number }
  /** Contact rules for all actions together. */
  readonly contact: ContactRules
}

/** A compiled gate. */
export interface Gate {
  readonly allow: Evaluate<Moment>
  /** What it says where `allow` is false, and where that can't be evaluated. */
  readonly refusal: Refusal
  readonly failure: Refusal
}

/** A compiled action. */
export interface Action {
  readonly name: string
  /** Empty where it has none. */
  readonly group: string
  readonly tags: readonly string[]
  readonly when: Evaluate<Moment>
  /** Those declared for it: by kind, then as declared. */
  readonly gates: readonly Gate[]
  readonly value: Evaluate<Moment>
  readonly contact: ContactRules
  readonly channel: string
  readonly expiresMs: number
  readonly payload: readonly (readonly [name: string, value: Evaluate<Moment>])[]
  /** The names that its condition, its gates and its value read. */
  readonly names: ReadonlySet<string>
  /** For the metrics, which collect and reset them now and then; no decision depends on them. */
  readonly conditions: ConditionCounts
}

/** How often a condition was evaluated, by result. */
export interface ConditionCounts {
  met: number
  unmet: number
  error: number
}

export interface Policy {
  /** Content hash of everything that decides (actions, arbitration, features): 128 bits of SHA-256, as 32 hex digits. */
  readonly version: string
  /** The names of all actions, in order. */
  readonly names: readonly string[]
  /** Decided on every event. Ordered by name, like all lists of actions. */
  readonly onEvent: readonly Action[]
  /** Decided on every outcome: those of `onEvent` whose condition reads what the outcome is. */
  readonly onOutcome: readonly Action[]
  /** Ordered by name. */
  readonly timers: readonly Timer[]
  /** Decided when a timer fires, by the timer's index. A crossing's actions have no condition left: the crossing has it. */
  readonly onTimer: readonly (readonly Action[])[]
  readonly arbitration: Arbitration
}
