import type { Goal, GoalDeclaration } from '../cases/goal.ts'
import type { Evaluate } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'
import type { AbsenceDeclaration } from '../timers/absence.ts'
import type { Timer } from '../timers/timer.ts'
import type { ContactPolicy, RulesOfForm } from './contact-policy/compile.ts'
import type { Refusal } from './decision.ts'
import type { Selector } from './selector.ts'

/** An action as declared: checked, with every default filled in. */
export interface ActionDeclaration {
  readonly name: string
  readonly group?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** What it addresses the customer for, which takes their consent; undefined: it takes none. */
  readonly purpose?: string | undefined
  /** When it is decided: on an absence, or when its own condition becomes true; undefined: on every event. */
  readonly on?: AbsenceDeclaration | 'becomes_true' | undefined
  /** CEL; the action is a candidate if this is true. */
  readonly when: string
  /** The factors of its priority, each a number, or CEL that gives one; 1 where it is left out. */
  readonly propensity?: number | string | undefined
  readonly context?: number | string | undefined
  readonly value: number | string
  readonly lever?: number | string | undefined
  /** Before all others, and whatever the contact rules over all actions say. */
  readonly mandatory?: boolean | undefined
  /** `shadow`: decided and stored, never sent. */
  readonly mode?: 'live' | 'shadow' | undefined
  /** The places that it fits; undefined: all of them. */
  readonly slots?: readonly string[] | undefined
  /** The forms that it can take, at least one; undefined: the one that the action itself describes. */
  readonly treatments?: readonly TreatmentDeclaration[] | undefined
  readonly contact: ContactRules & {
    /** Whether it counts for limits over several actions; it does where this says nothing. */
    readonly counts?: boolean | undefined
    /** Whether it obeys those limits, and the contact policy; it does where this says nothing. */
    readonly obeys?: boolean | undefined
  }
  /** Free text for whoever delivers it: `email`, `in_app` … */
  readonly channel: string
  /** How long after the event's time the action is worth delivering; ms, 0 for no limit. */
  readonly expiresMs: number
  /** What counts as its success. */
  readonly goal?: GoalDeclaration | undefined
  /** What the channel needs: constants, or `{ cel }` evaluated at the decision. */
  readonly payload: Readonly<Record<string, PayloadValue>>
}

/** A form that an action can take in a channel. What it leaves out is as the action has it. */
export interface TreatmentDeclaration {
  readonly name: string
  readonly channel?: string | undefined
  /** CEL; the action may take this form if this is true. */
  readonly when?: string | undefined
  /** What the action's priority is multiplied with. */
  readonly factor?: number | string | undefined
  readonly slots?: readonly string[] | undefined
  /** Over the action's, entry by entry. */
  readonly payload?: Readonly<Record<string, PayloadValue>> | undefined
}

/** In the order in which they are multiplied: P × C × V × L. */
export const factorNames = ['propensity', 'context', 'value', 'lever'] as const
export type FactorName = (typeof factorNames)[number]

/** In the order in which they are asked: may we? does it make sense now? is it right for them? */
export const gateKinds = ['eligible', 'applicable', 'suitable'] as const
export type GateKind = (typeof gateKinds)[number]

/** A gate, declared once for many actions. */
export interface GateDeclaration {
  readonly name: string
  readonly kind: GateKind
  /** The actions that it is for: those named, and those of a group or with a tag; all actions if it says nothing. */
  readonly of: Selector
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

/** Which of the candidates that pass the gates go out. */
export interface Arbitration {
  /** The best one, the best n, or all; where there are no slots. */
  readonly emit: 'best' | 'all' | { readonly top: number }
  /** Named places, and how many actions each takes. One that comes first is filled first. */
  readonly slots?: Readonly<Record<string, number>> | undefined
  /** Contact rules for all actions together. */
  readonly contact: ContactRules
  /** The factors that count; undefined: all. */
  readonly factors?: readonly FactorName[] | undefined
  /** What it is worth to send nothing, a number or CEL; undefined: that does not compete. */
  readonly nothing?: number | string | undefined
  /** How often, of 1, something else than the best is tried. */
  readonly explore?: { readonly epsilon: number } | undefined
  /** Decisions on events in which all was held back are stored of one customer in so many; undefined: of none. */
  readonly held_back?: { readonly one_in: number } | undefined
}

/** A share of the customers, by hash, that is decided for and left alone. */
export interface Holdout {
  /** Of 1. */
  readonly share: number
  /** Another salt gives other customers. */
  readonly salt: string
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
  /** Those of its priority that are declared and count. */
  readonly factors: readonly Factor[]
  readonly contact: ActionDeclaration['contact']
  /** What it takes consent for; empty if it takes none. */
  readonly purpose: string
  readonly expiresMs: number
  readonly mandatory: boolean
  readonly isShadow: boolean
  /** At least one, in the order of their declaration. */
  readonly treatments: readonly Treatment[]
  /** The names that its condition, its gates, its factors, its treatments' conditions and the worth of nothing read. */
  readonly names: ReadonlySet<string>
  /** For the metrics, which collect and reset them now and then; no decision depends on them. */
  readonly conditions: ConditionCounts
}

export interface Factor {
  readonly name: FactorName
  readonly evaluate: Evaluate<Moment>
}

/** A compiled treatment, with the rules of the contact policy that it obeys. An action that declares none has one without a name. */
export interface Treatment extends RulesOfForm {
  readonly name: string
  readonly channel: string
  /** undefined: always. */
  readonly when: Evaluate<Moment> | undefined
  /** undefined: 1. */
  readonly factor: Evaluate<Moment> | undefined
  /** The places that it fits, by their index in the policy's. */
  readonly places: readonly number[]
  readonly payload: readonly (readonly [name: string, value: Evaluate<Moment>])[]
}

/** So many actions of a decision go there. */
export interface Place {
  /** Empty where the rules name none. */
  readonly slot: string
  /** May be infinite. */
  readonly count: number
}

/** How often a condition was evaluated, by result. */
export interface ConditionCounts {
  met: number
  unmet: number
  error: number
}

/** What an experiment does with a customer; empty where there is none. */
export type Arm = '' | 'treated' | 'holdout'

export interface Policy {
  /** Content hash of everything that decides (actions, arbitration, features): 128 bits of SHA-256, as 32 hex digits. */
  readonly version: string
  /** The names of all actions, in order. */
  readonly names: readonly string[]
  /** What the actions take consent for. */
  readonly purposes: ReadonlySet<string>
  /** By action. */
  readonly goals: ReadonlyMap<string, Goal>
  /** Decided on every event. Ordered by name, like all lists of actions. */
  readonly onEvent: readonly Action[]
  /** Decided on every outcome: those of `onEvent` whose condition reads what the outcome is. */
  readonly onOutcome: readonly Action[]
  /** Ordered by name. */
  readonly timers: readonly Timer[]
  /** Decided when a timer fires, by the timer's index. A crossing's actions have no condition left: the crossing has it. */
  readonly onTimer: readonly (readonly Action[])[]
  readonly arbitration: Arbitration
  /** In the order in which they are filled. */
  readonly places: readonly Place[]
  /** What it is worth to send nothing; undefined: that does not compete. */
  readonly nothing: Evaluate<Moment> | undefined
  /** How often, of 1, something else than the best is tried. */
  readonly epsilon: number
  /** Of one customer in so many what was held back is stored; 0: of none. */
  readonly heldBackOneIn: number
  /** What an experiment does with the customer. */
  readonly armOf: (customer: string) => Arm
  readonly contactPolicy: ContactPolicy
  /** By name. */
  readonly declared: ReadonlyMap<string, ActionDeclaration>
  /** Whether all actions obey the rules over all actions together: none is mandatory, or says that it obeys none. */
  readonly allObey: boolean
  /** Whether one action that is sent may hold back another one of the same decision. */
  readonly contactsInteract: boolean
  /** The actions that quiet hours may hold, by name. A crossing's has its condition here: it is asked again. */
  readonly held: ReadonlyMap<string, Action>
}
