import type { Config } from '../../config/schema.ts'
import { noSession } from '../../enrich/session.ts'
import type { FeatureSet } from '../../features/features.ts'
import type { ProfileMoment } from '../../features/moment.ts'
import { AggregateQuery, type Cell } from '../../sql/aggregate-query.ts'
import { ComputedColumns } from '../../sql/computed-columns.ts'
import { NotInSql } from '../../sql/expression.ts'
import type { FeatureColumn } from '../../sql/feature-column.ts'
import { featuresPerQuery, type Untold } from '../../sql/features.ts'
import { quoteNumber } from '../../sql/quote.ts'

/** How the features of a training set are computed: the queries over `events`, and the columns made from their cells. */
export interface TrainingPlan {
  readonly sources: readonly AggregateQuery[]
  /** The cells that the columns need, each under its own name, over the joined sources. */
  readonly cells: readonly string[]
  /** The query below, which gives the cells, with whatever else the columns need added. */
  readonly over: (below: string) => string
  readonly columns: readonly TrainingColumn[]
  /** Requested features that have no SQL. If there is any, there is no training set. */
  readonly untold: readonly Untold[]
}

interface TrainingColumn extends Pick<FeatureColumn, 'type' | 'text'> {
  readonly name: string
}

/** The name of a source among the joined tables. Its PART is the number of the requested row, 0 for none. */
export const sourceName = (index: number) => `S${index}`

/**
 * @param names names of declared features, in the order of the columns
 * @param set the compiled declarations of `config`
 */
export function planTraining(
  { features, enrich: { session } }: Pick<Config, 'features' | 'enrich'>,
  set: FeatureSet,
  names: readonly string[],
): TrainingPlan {
  const sources: AggregateQuery[] = []
  const cells = new Map<string, { readonly column: string; readonly text: string }>()
  const cellOf = (name: string, addTo: (source: AggregateQuery) => Cell): string => {
    let cell = cells.get(name)
    if (cell === undefined) {
      if (cells.size === sources.length * featuresPerQuery) sources.push(new AggregateQuery(session.idle))
      const index = sources.length - 1
      const { column } = addTo(sources[index]!)
      cell = { column: `C${cells.size + 1}`, text: orNone(sourceName(index), column, name) }
      cells.set(name, cell)
    }
    return cell.column
  }
  /** What the core reads for a customer without events; a join that finds nothing gives 0 or NULL. */
  const orNone = (source: string, column: string, name: string): string => {
    const none = set.features.find((feature) => feature.name === name)?.read(noEvents)
    const cell = `${source}.${column}`
    return typeof none === 'number' && none !== 0 ? `if(${source}.PART = 0, ${quoteNumber(none)}, ${cell})` : cell
  }

  const computed = new ComputedColumns(
    features,
    set,
    (declaration) => cellOf(declaration.name, (source) => source.add(declaration)),
    (trait) => cellOf(`traits.${trait}`, (source) => source.addTrait(trait)),
  )
  const columns: TrainingColumn[] = []
  const untold: Untold[] = []
  for (const name of names) {
    try {
      const { type, text } = computed.feature(name).column
      columns.push({ name, type, text })
    } catch (fault) {
      if (!(fault instanceof NotInSql)) throw fault
      untold.push({ name, reason: fault.message })
    }
  }
  return {
    sources,
    cells: [...cells.values()].map(({ column, text }) => `${text} AS ${column}`),
    over: (below) => computed.over(below),
    columns,
    untold,
  }
}

const noEvents: ProfileMoment = { groups: [], notReady: undefined, session: noSession(), traits: new Map(), asOfMs: 0 }
