import type { Consent } from '../../consent/consent.ts'
import type { Customer } from '../../decide/customer.ts'
import type { Candidate } from '../../decide/decision.ts'
import type { Action } from '../../decide/policy.ts'
import { type Engine, withVariables } from '../../engine.ts'
import { type Compiled, Scope, type Variable } from '../../expressions/expression.ts'
import type { Leaf } from '../../expressions/parts.ts'
import { toValue } from '../../expressions/to-value.ts'
import { actionVariables, type Moment } from '../../features/moment.ts'
import { variablesOf } from '../../features/reading.ts'
import type { OpenDecision } from '../../slice-input.ts'
import { isHeld } from './reasons.ts'

/** Asks how a decision would have ended if one thing had been otherwise. It changes neither the moment nor the profile. */
export class WhatIf {
  readonly moment: Moment
  readonly customer: Customer
  readonly #open: OpenDecision
  readonly #engine: Engine
  readonly #actions: ReadonlyMap<string, Action>
  readonly #scope: Scope<Moment>
  /** What variables are taken to be, by name. */
  readonly #supposed = new Map<string, unknown>()

  constructor(open: OpenDecision, engine: Engine) {
    this.#open = open
    this.moment = open.moment
    this.customer = open.customer
    const adapt = <M>(variable: Variable<M>): Variable<M> => ({
      ...variable,
      read: (moment) => (this.#supposed.has(variable.name) ? this.#supposed.get(variable.name) : variable.read(moment)),
    })
    this.#engine = withVariables(engine, adapt)
    const { policy, features } = this.#engine
    this.#actions = new Map([...policy.onEvent, ...policy.onTimer.flat()].map((action) => [action.name, action]))
    this.#scope = new Scope([...actionVariables, ...variablesOf(features.features)].map(adapt))
  }

  compile(source: string): Compiled<Moment> {
    return this.#scope.compile(source)
  }

  readonly evaluator = (node: Compiled<Moment>['tree']) => this.#scope.evaluator(node)

  /** Runs with a leaf taken to be a value; undefined is CEL's error: it is not there. */
  suppose<Result>({ name, path }: Pick<Leaf<Moment>, 'name' | 'path'>, value: unknown, run: () => Result): Result {
    const variable = path.length === 0 ? undefined : this.compile(name).evaluate(this.moment)
    this.#supposed.set(name, withMember(variable, path, value))
    try {
      return run()
    } finally {
      this.#supposed.delete(name)
    }
  }

  /** The candidate as it would be if the decision were made now, that is with what is supposed. */
  candidate(of: Candidate, { asOfMs = this.moment.asOfMs, factor, consent }: Otherwise = {}): Candidate {
    const { name } = of.action
    const competing = this.#open.competing.map((action) => {
      const own = this.#actions.get(action.name)!
      return action.name === name && factor !== undefined ? withFactor(own, of.treatment?.name, factor) : own
    })
    const customer = consent === undefined ? this.customer : { ...this.customer, consent }
    const moment = { ...this.moment, asOfMs }
    const { candidates } = this.#open.again(this.#engine.policy, competing, moment, customer)
    const own = candidates.filter(({ action }) => action.name === name)
    const inForm = own.find(({ treatment }) => treatment !== undefined && treatment.name === of.treatment?.name)
    return inForm ?? own.find((one) => !isHeld(one)) ?? own[0]!
  }

  /** The same at another time (ms), with all features as they are: what the clock alone would do. */
  later(of: Candidate, asOfMs: number): Candidate {
    const { features } = this.#engine.features
    const names = features.map(({ name }) => name).filter((name) => !this.#supposed.has(name))
    for (const { name, read } of features) if (names.includes(name)) this.#supposed.set(name, read(this.moment))
    try {
      return this.candidate(of, { asOfMs })
    } finally {
      for (const name of names) this.#supposed.delete(name)
    }
  }
}

interface Otherwise {
  readonly consent?: Consent
  /** ms */
  readonly asOfMs?: number
  /** A factor of the priority, or `treatment`, and what it is taken to be. */
  readonly factor?: { readonly name: string; readonly value: number }
}

function withFactor(action: Action, form: string | undefined, { name, value }: Required<Otherwise>['factor']): Action {
  const evaluate = () => value
  if (name !== 'treatment') {
    return { ...action, factors: action.factors.map((one) => (one.name === name ? { ...one, evaluate } : one)) }
  }
  const treatments = action.treatments.map((one) => (one.name === form ? { ...one, factor: evaluate } : one))
  return { ...action, treatments }
}

/** A copy of a value with one of its members replaced, or left out where the value is undefined. */
function withMember(of: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value
  const whole = toValue(of)
  const entries = typeof whole === 'object' && whole !== null && !Array.isArray(whole) ? Object.entries(whole) : []
  const members = new Map<string, unknown>(entries)
  const member = withMember(members.get(key), rest, value)
  if (member === undefined) members.delete(key)
  else members.set(key, member)
  return Object.fromEntries(members)
}
