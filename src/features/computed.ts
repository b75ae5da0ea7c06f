import { type Adapt, isVariableName, Scope } from '../expressions/expression.ts'
import { toValue } from '../expressions/to-value.ts'
import type { ComputedFeature, FeatureDeclaration } from './declaration.ts'
import type { Feature, OnFault } from './features.ts'
import { eventVariables, type ProfileMoment, profileVariables } from './moment.ts'
import { variablesOf } from './reading.ts'

const eventNames: ReadonlySet<string> = new Set(eventVariables.map(({ name }) => name))

/**
 * Features that are computed from other features and the traits. Reading one reads the features it names, so they need no
 * order; a cycle among them is a fault. An error (a division by zero, a null) reads as null.
 */
export function compileComputed(
  declarations: readonly FeatureDeclaration[],
  aggregates: readonly Feature[],
  onFault: OnFault,
  adapt: Adapt,
): Feature[] {
  const declared = declarations.filter((declaration): declaration is ComputedFeature => 'value' in declaration)
  const evaluators = new Map<string, (moment: ProfileMoment) => unknown>()
  const computed = declared.map(({ name }): Feature => {
    const read = (moment: ProfileMoment) =>
      moment.notReady?.has(name) ? undefined : toValue(evaluators.get(name)?.(moment))
    return { name, type: 'dyn', read }
  })
  const own = new Set(profileVariables.map(({ name }) => name))
  // A name that is already taken is a fault of its own, which the caller reports.
  const features = [...aggregates, ...computed].filter(({ name }) => !own.has(name) && isVariableName(name))
  const scope = new Scope<ProfileMoment>([...profileVariables, ...variablesOf(features)].map(adapt), (name) =>
    eventNames.has(name) ? `${name} is of an event, and value is of features and traits` : undefined,
  )
  const reads = new Map<string, ReadonlySet<string>>()
  const signatures = new Map<string, string>()
  for (const declaration of declared) {
    const { name, value } = declaration
    try {
      const { evaluate, names, signature } = scope.compile(value)
      evaluators.set(name, evaluate)
      signatures.set(name, signature)
      reads.set(name, names)
    } catch (fault) {
      onFault(declaration, ['value'], fault)
    }
  }
  for (const declaration of declared) {
    const cycle = pathBetween(declaration.name, declaration.name, reads, new Set())
    if (cycle) onFault(declaration, ['value'], new Error(`computed from itself: ${cycle.join(' reads ')}`))
  }
  return computed.map((feature) => ({
    ...feature,
    names: reads.get(feature.name) ?? new Set(),
    signature: signatures.get(feature.name) ?? '',
  }))
}

/** The names on the way from one feature to another by what they read, both included. */
function pathBetween(
  from: string,
  to: string,
  reads: ReadonlyMap<string, ReadonlySet<string>>,
  seen: Set<string>,
): string[] | undefined {
  for (const next of reads.get(from) ?? []) {
    if (next === to) return [from, to]
    if (seen.has(next)) continue
    seen.add(next)
    const rest = pathBetween(next, to, reads, seen)
    if (rest) return [from, ...rest]
  }
  return undefined
}
