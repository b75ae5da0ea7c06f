import { type Compiled, type Evaluate, ExpressionFault, Scope, type Variable } from '../expressions/expression.ts'
import { actionVariables, eventVariables, type Moment, timerVariables } from '../features/moment.ts'
import type { Timer } from '../timers/timer.ts'
import type { Action, ActionDeclaration, Arbitration, Policy } from './policy.ts'

/** Where in an action's declaration a fault lies: `when`, `value`, `payload.item`, `on.after` … */
export type OnFault = (action: ActionDeclaration, path: readonly string[], fault: unknown) => void

/**
 * Compiles the actions; every fault goes to `onFault`, and its expression then reads as CEL's error.
 * @param features the features as variables
 * @param version content hash of all that decides
 */
export function compilePolicy(
  declarations: readonly ActionDeclaration[],
  arbitration: Arbitration,
  features: readonly Variable<Moment>[],
  version: string,
  onFault: OnFault,
): Policy {
  const scope = new Scope([...actionVariables, ...features])
  const eventScope = new Scope(eventVariables)
  const kept = new Set([...timerVariables, ...features].map(({ name }) => name))
  const timers = new Map<string, Timer>()
  const byTimer = new Map<string | undefined, Action[]>()
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
    const { name, on, when, value, contact, channel, expiresMs } = declaration
    const parse = (source: string, read?: Set<string>) => () => {
      const compiled = scope.compile(source)
      for (const variable of compiled.names) read?.add(variable)
      const missing = on && [...compiled.names].find((variable) => !kept.has(variable))
      if (missing === undefined) return compiled
      const hint = `${missing} is of an event, and there is none when a timer fires: use features, traits and the session`
      throw new ExpressionFault(hint, source.indexOf(missing))
    }
    if (on !== undefined && !timers.has(on.name)) {
      const { absent, after, forMs } = on
      timers.set(on.name, {
        name: on.name,
        absent: compile(['on', 'absent'], ['bool'], () => eventScope.compile(absent)),
        after: compile(['on', 'after'], ['bool'], () => eventScope.compile(after)),
        forMs,
      })
    }
    const action: Action = {
      name,
      when: compile(['when'], ['bool'], parse(when, names)),
      value: typeof value === 'number' ? () => value : compile(['value'], ['double', 'int'], parse(value, names)),
      contact,
      channel,
      expiresMs,
      payload: Object.entries(declaration.payload).map(([key, of]) => [
        key,
        typeof of === 'object' ? compile(['payload', key], undefined, parse(of.cel)) : () => of,
      ]),
      names,
      conditions: { met: 0, unmet: 0, error: 0 },
    }
    byTimer.set(on?.name, [...(byTimer.get(on?.name) ?? []), action])
  }
  const named = (timer: string | undefined) => (byTimer.get(timer) ?? []).sort(byName)
  const sorted = [...timers.values()].sort(byName)
  return {
    version,
    names: declarations.map(({ name }) => name).sort(),
    onEvent: named(undefined),
    timers: sorted,
    onTimer: sorted.map(({ name }) => named(name)),
    arbitration,
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
