import { ExpressionFault, Scope } from '../expressions/expression.ts'
import type { FeatureDeclaration } from './declaration.ts'
import type { OnFault } from './features.ts'
import { eventVariables, type Moment } from './moment.ts'

/** Kinds that take numbers alone. */
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
 * Finds aggregates whose expression always gives what they pass over, so that they would stay empty without a word: a list or a
 * map, and where numbers are aggregated a text or a bool. Expressions that can't be compiled have been told already.
 */
export function findUnfitValues(declarations: readonly FeatureDeclaration[], onFault: OnFault): void {
  const scope = new Scope(eventVariables)
  for (const declaration of declarations) {
    // What is not a condition there has been told.
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
    // A count takes whatever is there: it is of events that have it.
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
