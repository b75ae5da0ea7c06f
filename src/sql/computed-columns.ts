import { Scope } from '../expressions/expression.ts'
import type { AggregateFeature, FeatureDeclaration } from '../features/declaration.ts'
import type { FeatureSet } from '../features/features.ts'
import { type ProfileMoment, profileVariables } from '../features/moment.ts'
import { expressionToSql, NotInSql, type SqlMap } from './expression.ts'
import { type FeatureColumn, featureColumn, valueColumn } from './feature-column.ts'
import { dyn, error, simple, tags } from './value.ts'

/**
 * Computed features as columns over the cells of the features over events. A computed feature may read others, so the
 * columns are in levels: each reads columns from the levels below, and each expression is in the query only once.
 */
export class ComputedColumns {
  readonly #declared: ReadonlyMap<string, FeatureDeclaration>
  readonly #types: ReadonlyMap<string, string>
  readonly #scope: Scope<ProfileMoment>
  readonly #cellOf: (declaration: AggregateFeature) => string
  readonly #traitOf: (name: string) => string
  readonly #levels: string[][] = []
  readonly #features = new Map<string, NamedFeature>()
  #columns = 0

  /**
   * @param set the compiled declarations
   * @param cellOf names a feature's cell, and adds the feature to the query below if it is not there. Throws NotInSql
   * @param traitOf like `cellOf`, for a trait
   */
  constructor(
    declarations: readonly FeatureDeclaration[],
    set: FeatureSet,
    cellOf: (declaration: AggregateFeature) => string,
    traitOf: (name: string) => string,
  ) {
    this.#declared = new Map(declarations.map((declaration) => [declaration.name, declaration]))
    this.#types = new Map(set.features.map(({ name, type }) => [name, type]))
    this.#scope = new Scope([...profileVariables, ...set.features])
    this.#cellOf = cellOf
    this.#traitOf = traitOf
  }

  /**
   * A declared feature, computed or not.
   * @throws NotInSql
   */
  feature(name: string): NamedFeature {
    let feature = this.#features.get(name)
    if (feature === undefined) {
      const declaration = this.#declared.get(name)!
      feature = 'kind' in declaration ? this.#aggregate(declaration) : this.#computed(declaration.value)
      this.#features.set(name, feature)
    }
    return feature
  }

  /** The query below with these columns added. */
  over(below: string): string {
    return this.#levels.reduce((level, columns) => `SELECT *, ${columns.join(', ')} FROM (${level})`, below)
  }

  #aggregate(declaration: AggregateFeature): NamedFeature {
    const { name, kind } = declaration
    const column = featureColumn(kind, this.#types.get(name)!, this.#cellOf(declaration))
    return { column, level: 0, reads: new Set([name]) }
  }

  #computed(source: string): NamedFeature {
    const { tree, type } = this.#scope.compile(source)
    const reads = new Set<string>()
    let level = 0
    const value = expressionToSql(tree, (name) => {
      if (name === 'traits') return this.#traits
      if (!this.#declared.has(name)) return undefined
      const read = this.feature(name)
      level = Math.max(level, read.level)
      for (const aggregate of read.reads) reads.add(aggregate)
      return read.column.value
    })
    const column = `E${++this.#columns}`
    const columns = this.#levels[level]
    if (columns === undefined) this.#levels.push([`${value.text} AS ${column}`])
    else columns.push(`${value.text} AS ${column}`)
    return { column: valueColumn(simple(value.type, column), type), level: level + 1, reads }
  }

  /** A customer's trait is what the latest event or statement says, as in `mergeTraits`; a removed trait does not exist. */
  readonly #traits: SqlMap = {
    member: (name) => {
      const cell = this.#traitOf(name)
      return dyn(`if(${cell}.1 = ${tags.none}, ${error.text}, ${cell})`)
    },
    whole: () => {
      throw new NotInSql("traits: all traits of a customer can't be said in SQL")
    },
  }
}

/** A feature as other expressions and a table see it. */
interface NamedFeature {
  readonly column: FeatureColumn
  /** The level from which on its column exists. */
  readonly level: number
  /** The features over events that it comes from. */
  readonly reads: ReadonlySet<string>
}
