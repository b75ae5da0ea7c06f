import type { Config } from '../config/schema.ts'
import { noSession } from '../enrich/session.ts'
import { Scope } from '../expressions/expression.ts'
import type { FeatureDeclaration } from '../features/declaration.ts'
import type { FeatureSet } from '../features/features.ts'
import { type ProfileMoment, profileVariables } from '../features/moment.ts'
import { expressionToSql, NotInSql } from '../sql/expression.ts'
import { type FeatureColumn, featureColumn, valueColumn } from '../sql/feature-column.ts'
import { type FeatureQuery, featureQueries, type Untold } from '../sql/features.ts'
import { quoteName, quoteNumber } from '../sql/quote.ts'

/** How the features of a training set are computed: the queries over `events`, and the columns made of their cells. */
export interface TrainingPlan {
  readonly sources: readonly FeatureQuery[]
  readonly columns: readonly TrainingColumn[]
  /** Features that were asked for and have no SQL: there is no training set where there is one. */
  readonly untold: readonly Untold[]
}

export interface TrainingColumn extends Pick<FeatureColumn, 'type' | 'text'> {
  readonly name: string
}

/** The name of a source among the tables that are joined. Its PART is the number of the row that was asked for, 0 for none. */
export const sourceName = (index: number) => `S${index}`

/**
 * @param names of declared features, in the order of the columns
 * @param set the declarations of `config` compiled
 */
export function planTraining(
  { features, enrich: { session } }: Pick<Config, 'features' | 'enrich'>,
  set: FeatureSet,
  names: readonly string[],
): TrainingPlan {
  const declared = new Map<string, FeatureDeclaration>(features.map((feature) => [feature.name, feature]))
  const scope = new Scope<ProfileMoment>([...profileVariables, ...set.features])
  const wanted = new Set<string>()
  const want = (name: string): void => {
    const feature = declared.get(name)
    if (feature === undefined || wanted.has(name)) return
    wanted.add(name)
    if ('value' in feature) for (const read of scope.compile(feature.value).names) want(read)
  }
  names.forEach(want)
  const { queries: sources, untold } = featureQueries(
    features.filter(({ name }) => wanted.has(name)),
    session.idle,
  )

  const cells = new Map(sources.flatMap((source, q) => source.features.map(({ name }) => [name, cellOf(q, name)])))
  /** What the core reads of a customer without events; a join that finds nothing gives 0 or NULL. */
  function cellOf(q: number, name: string): string {
    const cell = `${sourceName(q)}.${quoteName(name)}`
    const none = set.features.find((feature) => feature.name === name)!.read(noEvents)
    return typeof none === 'number' && none !== 0
      ? `if(${sourceName(q)}.PART = 0, ${quoteNumber(none)}, ${cell})`
      : cell
  }
  function columnOf(name: string): FeatureColumn | undefined {
    const feature = declared.get(name)
    if (feature === undefined) return undefined
    if ('value' in feature) {
      return valueColumn(expressionToSql(scope.compile(feature.value).tree, (read) => columnOf(read)?.value))
    }
    const cell = cells.get(name)
    const { type } = set.features.find((one) => one.name === name)!
    return cell === undefined ? undefined : featureColumn(feature.kind, type, cell)
  }

  const columns: TrainingColumn[] = []
  const faults = [...untold]
  for (const name of names) {
    try {
      const column = columnOf(name)
      if (column !== undefined) columns.push({ name, type: column.type, text: column.text })
    } catch (fault) {
      if (!(fault instanceof NotInSql)) throw fault
      faults.push({ name, reason: fault.message })
    }
  }
  return { sources, columns, untold: faults }
}

const noEvents: ProfileMoment = { groups: [], session: noSession(), traits: new Map(), asOfMs: 0 }
