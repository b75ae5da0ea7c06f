import type { Value } from '../events/event.ts'
import type { FeatureDeclaration } from '../features/declaration.ts'
import type { FeatureSet } from '../features/features.ts'
import type { DynCell } from './aggregate.ts'
import { AggregateQuery, type AsOf } from './aggregate-query.ts'
import { ComputedColumns } from './computed-columns.ts'
import { customerKey } from './event-columns.ts'
import { NotInSql } from './expression.ts'
import { quoteName } from './quote.ts'
import { readDyn } from './read-dyn.ts'
import { SqlValues } from './value.ts'

/**
 * The declared features as queries over `events`: for each customer, what the stream keeps in the profile. All features of a
 * query share one scan; features computed from others are expressions over its cells.
 */
export interface FeatureQuery {
  readonly features: readonly FeatureSql[]
  /**
   * Gives a row (PART, customer, then each feature's cell in order) for each customer with events.
   * @param rows as for `AggregateQuery.text`
   */
  readonly text: (rows: string, asOf: AsOf) => string
}

export interface FeatureSql {
  readonly name: string
  /** From the query's cell to the feature's value. */
  readonly read: (cell: unknown) => Value
  /** For a kind that is only exact within a bound: whether a differing value of the stream is within it. */
  readonly allows?: (streamed: Value, cell: unknown) => boolean
  /** For a computed feature: the features it comes from that have a bound. In its cell, their cells follow its own. */
  readonly bounded?: readonly FeatureSql[]
}

/** A feature that has no SQL, and why. */
export interface Untold {
  readonly name: string
  readonly reason: string
}

export interface FeatureQueries {
  readonly queries: readonly FeatureQuery[]
  readonly untold: readonly Untold[]
}

/** A server's limits on a query's length and depth leave room for about ten times as many. */
export const featuresPerQuery = 100

/**
 * @param declarations from a configuration that compiles
 * @param set the compiled declarations
 * @param sessionGapMs a session ends when more than this passes without an event
 */
export function featureQueries(
  declarations: readonly FeatureDeclaration[],
  set: FeatureSet,
  sessionGapMs: number,
): FeatureQueries {
  const queries: FeatureQuery[] = []
  const untold: Untold[] = []
  for (const portion of portionsOf(declarations, set)) {
    queries.push(compileQuery(portion, declarations, set, sessionGapMs, untold))
  }
  return { queries, untold }
}

/** The features in portions that fit into a query, each with the features they read, which may be in several queries. */
function portionsOf(declarations: readonly FeatureDeclaration[], set: FeatureSet): FeatureDeclaration[][] {
  const reads = new Map(set.features.map(({ name, names }) => [name, names]))
  const withRead = (name: string, into: Set<string>): Set<string> => {
    if (into.has(name)) return into
    into.add(name)
    for (const read of reads.get(name) ?? []) withRead(read, into)
    return into
  }
  const portions: FeatureDeclaration[][] = []
  let needed = new Set<string>()
  for (const declaration of declarations) {
    const more = withRead(declaration.name, new Set(needed))
    const hasRoom = portions.length > 0 && more.size <= featuresPerQuery
    needed = hasRoom ? more : withRead(declaration.name, new Set())
    if (!hasRoom) portions.push([])
    portions.at(-1)!.push(declaration)
  }
  return portions
}

type ComputedCell = readonly [value: DynCell, ...bounded: unknown[]]

function compileQuery(
  portion: readonly FeatureDeclaration[],
  declarations: readonly FeatureDeclaration[],
  set: FeatureSet,
  sessionGapMs: number,
  untold: Untold[],
): FeatureQuery {
  const aggregates = new AggregateQuery(sessionGapMs)
  const computed = new ComputedColumns(
    declarations,
    set,
    (declaration) => aggregates.add(declaration).column,
    (trait) => aggregates.addTrait(trait).column,
  )
  const features: (FeatureSql & { readonly text: string })[] = []
  for (const declaration of portion) {
    const { name } = declaration
    try {
      if ('kind' in declaration) {
        const { column, read, allows } = aggregates.add(declaration)
        features.push({ name, text: column, read, ...(allows ? { allows } : {}) })
        continue
      }
      const { column, reads } = computed.feature(name)
      const bounded = aggregates.cells.filter((cell) => reads.has(cell.name) && cell.allows !== undefined)
      const cells = [new SqlValues().toDyn(column.value).text, ...bounded.map((cell) => cell.column)]
      features.push({
        name,
        text: `tuple(${cells.join(', ')})`,
        read: (cell) => readDyn((cell as ComputedCell)[0]),
        bounded,
      })
    } catch (fault) {
      if (!(fault instanceof NotInSql)) throw fault
      untold.push({ name, reason: fault.message })
    }
  }
  const text = (rows: string, asOf: AsOf) => {
    const cells = features.map((feature) => `${feature.text} AS ${quoteName(feature.name)}`)
    return `SELECT ${[customerKey, ...cells].join(',\n')}\nFROM (${computed.over(aggregates.text(rows, asOf))})`
  }
  return { features, text }
}
