import { ExpressionFault, Scope } from '../expressions/expression.ts'
import type { FeatureDeclaration } from './declaration.ts'
import type { OnFault } from './features.ts'
import { eventVariables, type Moment } from './moment.ts'

/** Kinds that only take numbers. */
const ofNumbers: ReadonlySet<string> = new Set([
  'sum',
  'avg',
  'variance',
  'stddev',
  'min',
  'max',
  'quantile',
  'rate',
  'decayed_sum',
])

const ofItems =
  'an aggregate takes one value of an event, and passes over a list: size(list) is how many items it has, list[0] the first, list.exists(…) whether one is so; of sums over items the producer has to send the total (docs/features.md, Items of a list)'

/**
 * Finds aggregates whose expression always gives something they ignore, so that they would silently stay empty: a list or a
 * map, or a text or a bool if they only take numbers. Expressions that can't be compiled were reported already.
 */
export function findUnfitValues(declarations: readonly FeatureDeclaration[], onFault: OnFault): void {
  const scope = new Scope(eventVariables)
  for (const declaration of declarations) {
    // For these, an expression that is not a condition was reported already.
    if (!('kind' in declaration) || declaration.kind.name === 'smoothed_rate') continue
    const { kind } = declaration
    const check = (
      path: readonly PropertyKey[],
      source: string | undefined,
      takes: ReadonlySet<string> | undefined,
    ) => {
      const type = source === undefined ? undefined : typeOf(scope, source)
      if (type === undefined) return
      if (/^list\b/.test(type)) onFault(declaration, path, new Error(`the expression gives a list: ${ofItems}`))
      else if (/^map\b/.test(type)) onFault(declaration, path, new Error('the expression gives a map: say which entry'))
      else if (takes?.has(type)) {
        onFault(declaration, path, new Error(`${kind.name} takes numbers, and the expression gives a ${type}`))
      }
    }
    // A count takes any value: it counts the events that have one.
    if ('of' in kind && kind.name !== 'count')
      check([kind.name], kind.of, ofNumbers.has(kind.name) ? noNumbers : undefined)
    if ('by' in kind && kind.by !== undefined) check(['by'], kind.by.key, undefined)
  }
}

const noNumbers: ReadonlySet<string> = new Set(['string', 'bool'])

function typeOf(scope: Scope<Moment>, source: string): string | undefined {
  try {
    return scope.compile(source).type
  } catch (fault) {
    if (fault instanceof ExpressionFault) return undefined
    throw fault
  }
}
