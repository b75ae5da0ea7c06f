import { type Compiled, type Evaluate, ExpressionFault, Scope } from '../expressions/expression.ts'
import { onOneLine } from '../expressions/on-one-line.ts'
import type { Feature } from '../features/features.ts'
import { actionVariables, eventVariables, featureElsewhere, type Moment, timerVariables } from '../features/moment.ts'
import { featuresRead, signatureOf, variablesOf } from '../features/reading.ts'
import type { Timer } from '../timers/timer.ts'
import { byName } from './competing.ts'
import { compileGates, concerns, type OnGateFault } from './compile-gates.ts'
import type { Action, ActionDeclaration, Arbitration, ConditionCounts, GateDeclaration, Policy } from './policy.ts'

/** Where in an action's declaration a fault lies: `when`, `value`, `payload.item`, `on.after` … */
export type OnFault = (action: ActionDeclaration, path: readonly string[], fault: unknown) => void

const always = () => true

/**
 * Compiles the actions and their gates. Every fault goes to `onFault`, or `onGateFault`; an expression with a fault then reads as CEL's error.
 * @param features the features that expressions may name
 * @param version content hash of everything that decides
 */
export function compilePolicy(
  declarations: readonly ActionDeclaration[],
  arbitration: Arbitration,
  features: readonly Feature[],
  version: string,
  onFault: OnFault,
  gateDeclarations: readonly GateDeclaration[] = [],
  onGateFault: OnGateFault = () => undefined,
): Policy {
  const scope = new Scope([...actionVariables, ...variablesOf(features)])
  const eventScope = new Scope(eventVariables, featureElsewhere(features))
  const kept = new Set([...timerVariables, ...features].map(({ name }) => name))
  const timers = new Map<string, Timer>()
  const byTimer = new Map<string | undefined, Action[]>()
  const onOutcome = new Set<string>()
  const allGates = compileGates(gateDeclarations, declarations, scope, onGateFault)
  for (const declaration of declarations) {
    const names = new Set<string>()
    const compile = (
      path: readonly string[],
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
    const { name, group = '', tags = [], on, when, value, contact, channel, expiresMs } = declaration
    const parse = (source: string, read?: Set<string>) => () => {
      const compiled = scope.compile(source)
      for (const variable of compiled.names) read?.add(variable)
      const missing = on && [...compiled.names].find((variable) => !kept.has(variable))
      if (missing === undefined) return compiled
      const why = on === 'becomes_true' ? 'time alone may make the condition true' : 'there is none when a timer fires'
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
    const gates = allGates.filter((gate) => concerns(gate.declaration, declaration))
    for (const gate of gates) {
      for (const read of gate.names) names.add(read)
      const missing = on && [...gate.names].find((read) => !kept.has(read))
      if (missing === undefined) continue
      const why = `${missing} needs an event, and there is none when a timer fires, as for ${name}`
      onGateFault(gate.declaration, ['allow'], new ExpressionFault(why, gate.declaration.allow.indexOf(missing)))
    }
    const conditions = { met: 0, unmet: 0, error: 0 }
    const action: Action = {
      name,
      group,
      tags,
      when: counted(isCrossing ? always : condition, conditions),
      gates,
      value: typeof value === 'number' ? () => value : compile(['value'], ['double', 'int'], parse(value, names)),
      contact,
      channel,
      expiresMs,
      payload: Object.entries(declaration.payload).map(([key, of]) => [
        key,
        typeof of === 'object' ? compile(['payload', key], undefined, parse(of.cel)) : () => of,
      ]),
      names,
      conditions,
    }
    byTimer.set(timer?.signature, [...(byTimer.get(timer?.signature) ?? []), action])
  }
  const named = (timer: string | undefined) => (byTimer.get(timer) ?? []).sort(byName)
  const sorted = [...timers.values()].sort((a, b) => (a.signature < b.signature ? -1 : 1))
  return {
    version,
    names: declarations.map(({ name }) => name).sort(),
    onEvent: named(undefined),
    onOutcome: named(undefined).filter((action) => onOutcome.has(action.name)),
    timers: sorted,
    onTimer: sorted.map(({ signature }) => named(signature)),
    arbitration,
  }
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
