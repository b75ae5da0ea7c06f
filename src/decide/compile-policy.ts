import type { Goal } from '../cases/goal.ts'
import { asItIs, type Compiled, didYouMean, type Evaluate, ExpressionFault, Scope } from '../expressions/expression.ts'
import { onOneLine } from '../expressions/on-one-line.ts'
import type { Feature } from '../features/features.ts'
import { actionVariables, eventVariables, featureElsewhere, type Moment, timerVariables } from '../features/moment.ts'
import { featuresRead, signatureOf, variablesOf } from '../features/reading.ts'
import type { Timer } from '../timers/timer.ts'
import { byName } from './competing.ts'
import { compileGates, type OnGateFault } from './compile-gates.ts'
import { timesKept } from './contact.ts'
import { noContactPolicy } from './contact-policy/compile.ts'
import type { QuietHours } from './contact-policy/quiet-hours.ts'
import { armsOf } from './holdout.ts'
import {
  type Action,
  type ActionDeclaration,
  type Arbitration,
  type ConditionCounts,
  factorNames,
  type GateDeclaration,
  type Holdout,
  type PayloadValue,
  type Place,
  type Policy,
  type Treatment,
} from './policy.ts'
import { selects } from './selector.ts'

type Path = readonly (string | number)[]

/** Where in an action's declaration a fault lies: `when`, `value`, `payload.item`, `on.after` … */
export type OnFault = (action: ActionDeclaration, path: Path, fault: unknown) => void

const always = () => true

/**
 * Compiles the actions, their gates and the arbitration. Every fault goes to `onFault`, `onGateFault` or `onArbitrationFault`; an
 * expression with a fault then reads as CEL's error.
 * @param features the features that expressions may name
 * @param version content hash of everything that decides
 * @param adapt of what the expressions read
 */
export function compilePolicy(
  declarations: readonly ActionDeclaration[],
  arbitration: Arbitration,
  features: readonly Feature[],
  version: string,
  onFault: OnFault,
  gateDeclarations: readonly GateDeclaration[] = [],
  onGateFault: OnGateFault = () => undefined,
  holdout?: Holdout,
  onArbitrationFault: (path: Path, fault: unknown) => void = () => undefined,
  contactPolicy = noContactPolicy,
  adapt = asItIs,
): Policy {
  const scope = new Scope([...actionVariables, ...variablesOf(features)].map(adapt))
  const eventScope = new Scope(eventVariables, featureElsewhere(features))
  const kept = new Set([...timerVariables, ...features].map(({ name }) => name))
  const timers = new Map<string, Timer>()
  const byTimer = new Map<string | undefined, Action[]>()
  const onOutcome = new Set<string>()
  const held = new Map<string, Action>()
  const goals = new Map<string, Goal>()
  const goalConditions = new Map<string, Evaluate<Moment>>()
  const allGates = compileGates(gateDeclarations, declarations, scope, onGateFault)
  const places = placesOf(arbitration)
  const counting = arbitration.factors ?? factorNames
  const nothing = compileNothing(arbitration, scope, onArbitrationFault)
  for (const declaration of declarations) {
    const names = new Set<string>()
    const compile = (
      path: Path,
      wanted: readonly string[] | undefined,
      parse: () => Compiled<Moment>,
    ): Evaluate<Moment> => {
      try {
        const { evaluate, type } = parse()
        if (wanted && type !== 'dyn' && !wanted.includes(type)) {
          throw new Error(`the expression is of type ${type}, not ${wanted[0]}`)
        }
        return evaluate
      } catch (fault) {
        onFault(declaration, path, fault)
        return () => undefined
      }
    }
    const { name, group = '', tags = [], on, when, contact, purpose = '', expiresMs, mandatory = false } = declaration
    const forms = (declaration.treatments ?? [{ name: '' }]).map((form) => ({
      form,
      channel: form.channel ?? declaration.channel,
    }))
    const rules = forms.map(({ channel }) => contactPolicy.rulesOf(declaration, channel))
    const waits = rules.flatMap(({ quietHours }) => quietHours).find(({ holds }) => holds)
    const parse = (source: string, read?: Set<string>) => () => {
      const compiled = scope.compile(source)
      for (const variable of compiled.names) read?.add(variable)
      const missing = (on ?? waits) && [...compiled.names].find((variable) => !kept.has(variable))
      if (missing === undefined) return compiled
      const why = on === 'becomes_true' ? 'time alone may make the condition true' : whyNone(on, waits)
      const hint = `${missing} needs an event, and ${why}: use features, traits and the session`
      throw new ExpressionFault(hint, source.indexOf(missing))
    }
    const isCrossing = on === 'becomes_true'
    const condition = compile(['when'], ['bool'], () => {
      const compiled = parse(when, names)()
      if (isCrossing) refuseContinuous(compiled.names, features, when)
      return compiled
    })
    if (names.has('outcome')) onOutcome.add(name)
    let timer: Timer | undefined
    if (isCrossing) timer = crossingOf(when, condition, featuresRead(names, features))
    else if (on !== undefined) {
      timer = timers.get(on.name) ?? {
        kind: 'absence',
        name: on.name,
        signature: on.name,
        absent: compile(['on', 'absent'], ['bool'], () => eventScope.compile(on.absent)),
        after: compile(['on', 'after'], ['bool'], () => eventScope.compile(on.after)),
        forMs: on.forMs,
      }
    }
    if (timer !== undefined) timers.set(timer.signature, timer)
    const gates = allGates.filter((gate) => selects(gate.declaration.of, declaration))
    for (const gate of gates) {
      for (const read of gate.names) names.add(read)
      const missing = (on ?? waits) && [...gate.names].find((read) => !kept.has(read))
      if (missing === undefined) continue
      const why = `${missing} needs an event, and ${whyNone(on, waits)}, as for ${name}`
      onGateFault(gate.declaration, ['allow'], new ExpressionFault(why, gate.declaration.allow.indexOf(missing)))
    }
    const { goal } = declaration
    if (goal !== undefined) {
      const { when, withinMs, value = 'value' } = goal
      const asked = goalConditions.get(when) ?? compile(['goal', 'when'], ['bool'], () => eventScope.compile(when))
      goalConditions.set(when, asked)
      const worth =
        typeof value === 'number'
          ? () => value
          : compile(['goal', 'value'], ['double', 'int'], () => eventScope.compile(value))
      goals.set(name, { when: asked, withinMs, value: worth })
    }
    const conditions = { met: 0, unmet: 0, error: 0 }
    for (const read of nothing?.names ?? []) names.add(read)
    const missing = (on ?? waits) && [...(nothing?.names ?? [])].find((read) => !kept.has(read))
    if (missing !== undefined) {
      const why = `${missing} needs an event, and ${whyNone(on, waits)}, as for ${name}`
      onArbitrationFault(['nothing'], new ExpressionFault(why, String(arbitration.nothing).indexOf(missing)))
    }
    const numberOf = (path: Path, source: number | string, read?: Set<string>) =>
      typeof source === 'number' ? () => source : compile(path, ['double', 'int'], parse(source, read))
    const payloadOf = (path: Path, payload: Readonly<Record<string, PayloadValue>>) =>
      Object.entries(payload).map(([key, of]): Treatment['payload'][number] => [
        key,
        typeof of === 'object' ? compile([...path, key], undefined, parse(of.cel)) : () => of,
      ])
    const fittingOf = (path: Path, slots: readonly string[]) =>
      slots.flatMap((slot, i) => {
        const at = places.findIndex((place) => place.slot === slot)
        const known = Object.keys(arbitration.slots ?? {})
        const what =
          known.length > 0 ? `there is no slot ${slot}${didYouMean(slot, known)}` : 'arbitration has no slots'
        if (at < 0) onFault(declaration, [...path, i], new Error(what))
        return at < 0 ? [] : [at]
      })
    const factors = factorNames.flatMap((factor) => {
      const source = declaration[factor]
      if (source === undefined) return []
      const counts = counting.includes(factor)
      const evaluate = numberOf([factor], source, counts ? names : undefined)
      return counts ? [{ name: factor, evaluate }] : []
    })
    const payload = payloadOf(['payload'], declaration.payload)
    const fitting = declaration.slots && fittingOf(['slots'], declaration.slots)
    const everywhere = places.map((_, at) => at)
    const treatments = forms.map(({ form, channel }, i): Treatment => {
      const path = ['treatments', i]
      const own = form.slots && fittingOf([...path, 'slots'], form.slots)
      return {
        ...rules[i]!,
        name: form.name,
        channel,
        when: form.when === undefined ? undefined : compile([...path, 'when'], ['bool'], parse(form.when, names)),
        factor: form.factor === undefined ? undefined : numberOf([...path, 'factor'], form.factor, names),
        places: (own ?? fitting ?? everywhere).toSorted((a, b) => a - b),
        payload: [...new Map([...payload, ...payloadOf([...path, 'payload'], form.payload ?? {})])],
      }
    })
    const action: Action = {
      name,
      group,
      tags,
      when: counted(isCrossing ? always : condition, conditions),
      gates,
      factors,
      contact,
      purpose,
      expiresMs,
      mandatory,
      isShadow: declaration.mode === 'shadow',
      treatments,
      names,
      conditions,
    }
    if (waits !== undefined) held.set(name, { ...action, when: counted(condition, conditions) })
    byTimer.set(timer?.signature, [...(byTimer.get(timer?.signature) ?? []), action])
  }
  const named = (timer: string | undefined) => (byTimer.get(timer) ?? []).sort(byName)
  const sorted = [...timers.values()].sort((a, b) => (a.signature < b.signature ? -1 : 1))
  return {
    version,
    goals,
    names: declarations.map(({ name }) => name).sort(),
    purposes: new Set(declarations.flatMap(({ purpose }) => purpose ?? [])),
    onEvent: named(undefined),
    onOutcome: named(undefined).filter((action) => onOutcome.has(action.name)),
    timers: sorted,
    onTimer: sorted.map(({ signature }) => named(signature)),
    arbitration,
    contactPolicy,
    declared: new Map(declarations.map((declaration) => [declaration.name, declaration])),
    contactsInteract: timesKept(arbitration.contact) > 0 || contactPolicy.limits.length > 0,
    allObey: declarations.every(({ contact, mandatory }) => contact.obeys !== false && !mandatory),
    held,
    places,
    nothing: nothing?.evaluate,
    epsilon: arbitration.explore?.epsilon ?? 0,
    heldBackOneIn: arbitration.held_back?.one_in ?? 0,
    armOf: armsOf(holdout),
  }
}

function placesOf({ emit, slots }: Arbitration): Place[] {
  if (slots !== undefined) return Object.entries(slots).map(([slot, count]) => ({ slot, count }))
  return [{ slot: '', count: emit === 'best' ? 1 : emit === 'all' ? Number.POSITIVE_INFINITY : emit.top }]
}

function compileNothing(
  { nothing }: Arbitration,
  scope: Scope<Moment>,
  onFault: (path: Path, fault: unknown) => void,
): Pick<Compiled<Moment>, 'evaluate' | 'names'> | undefined {
  if (nothing === undefined) return undefined
  if (typeof nothing === 'number') return { evaluate: () => nothing, names: new Set() }
  try {
    const { evaluate, type, names } = scope.compile(nothing)
    if (!['double', 'int', 'dyn'].includes(type)) throw new Error(`the expression is of type ${type}, not double`)
    return { evaluate, names }
  } catch (fault) {
    onFault(['nothing'], fault)
    return { evaluate: () => undefined, names: new Set() }
  }
}

/** Why an action is decided without an event, for messages. */
function whyNone(on: ActionDeclaration['on'], waits: QuietHours | undefined): string {
  if (on !== undefined) return 'there is none when a timer fires'
  return `there is none when quiet hours end (${waits?.held.gate}; or let them drop it)`
}

/** The condition, with each evaluation counted by its result. */
function counted(when: Evaluate<Moment>, counts: ConditionCounts): Evaluate<Moment> {
  return (moment) => {
    const met = when(moment)
    if (met === true) counts.met++
    else if (met === undefined) counts.error++
    else counts.unmet++
    return met
  }
}

/** Refuses a condition for which no one can say at which moment it becomes true. @throws ExpressionFault */
function refuseContinuous(names: ReadonlySet<string>, features: readonly Feature[], when: string): void {
  for (const name of names) {
    const moving = featuresRead([name], features).find(({ state, nextChangeMs }) => state && !nextChangeMs)
    if (moving === undefined) continue
    const what = moving.name === name ? `${name} changes` : `${name} reads ${moving.name}, which changes`
    const mend = 'use on: { absent, after, for }, or features over windows'
    throw new ExpressionFault(
      `${what} all the time, so there is no telling when it crosses a threshold: ${mend}`,
      when.indexOf(name),
    )
  }
}

function crossingOf(when: string, condition: Evaluate<Moment>, read: readonly Feature[]): Timer {
  const text = onOneLine(when.trim())
  return {
    kind: 'crossing',
    name: `${text} became true as time passed`,
    signature: [`${when} becomes true`, ...read.map(signatureOf)].join('\n'),
    when: condition,
    names: new Set(read.map(({ name }) => name)),
    changes: read.flatMap(({ nextChangeMs }) => nextChangeMs ?? []),
  }
}
