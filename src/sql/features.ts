import { Scope } from '../expressions/expression.ts'
import type { AggregateFeature, FeatureDeclaration } from '../features/declaration.ts'
import { eventVariables } from '../features/moment.ts'
import { type AggregateSql, type FeatureRows, nowMs, rowMs } from './aggregate.ts'
import { aggregateToSql } from './aggregates/kinds.ts'
import {
  arrivalWindows,
  Columns,
  customerKey,
  eventId,
  eventMs,
  eventVariablesSql,
  timezoneSql,
} from './event-columns.ts'
import { expressionToSql, NotInSql } from './expression.ts'
import { quoteName } from './quote.ts'
import { type Sql, SqlValues, simple, tags } from './value.ts'
import { countsInWindow } from './window.ts'

/**
 * The declared features as one query over `events`: for each customer what the stream keeps in the profile. All features share
 * one scan and are computed side by side by conditional aggregates.
 */
export interface FeatureQuery {
  readonly features: readonly FeatureSql[]
  /**
   * Gives a row (TOPIC, PART, customer, then each feature's cell in order) for each customer with events.
   * @param rows a query of rows of `events`, without duplicates, of each customer the first so many in the order of offsets
   */
  readonly text: (rows: string, asOf: AsOf) => string
}

/**
 * The moment of reading: a point in time (ms) after which `rows` has none, each customer's own stream time, or what each row
 * says in the column `readAtMs`, the same in all rows of one (topic, partition, customer).
 */
export type AsOf = number | 'stream_time' | 'row'

/** A column of `rows`; ms. */
export const readAtMs = 'AT'

export interface FeatureSql extends AggregateSql {
  readonly name: string
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
const featuresPerQuery = 100

/**
 * Of those that are computed from events; a feature of features is no more than its expression over them.
 * @param declarations as of a configuration that compiles
 * @param sessionGapMs a session ends when more than this passes without an event
 */
export function featureQueries(declarations: readonly FeatureDeclaration[], sessionGapMs: number): FeatureQueries {
  const aggregates = declarations.filter((declaration) => 'kind' in declaration)
  const queries: FeatureQuery[] = []
  const untold: Untold[] = []
  for (let at = 0; at < aggregates.length; at += featuresPerQuery) {
    queries.push(compileQuery(aggregates.slice(at, at + featuresPerQuery), sessionGapMs, untold))
  }
  return { queries, untold }
}

function compileQuery(declarations: readonly AggregateFeature[], sessionGapMs: number, untold: Untold[]): FeatureQuery {
  const scope = new Scope(eventVariables)
  // All names that could be a feature's too are in upper case; a feature can't be called `customer`.
  const arrivals = new Columns('A')
  const facts = new Columns('C')
  const judged = new Columns('W')
  const ranks = new Columns('P')
  const spans = new Columns('Q')
  const values = new Columns('X')
  const variables = eventVariablesSql(facts, arrivals)
  const timezone = () => facts.add(timezoneSql(variables))
  const levels = { facts, judged, ranks, spans, timezone, sessionGapMs }
  const toSql = (source: string) => expressionToSql(scope.compile(source).tree, variables)
  const conditionToSql = (source: string) => `ifNull(${new SqlValues().to('bool', toSql(source)).text}, 0)`
  const features: FeatureSql[] = []
  for (const declaration of declarations) {
    const { name, kind, where, window } = declaration
    const compile = (source: string | undefined) => (source === undefined ? undefined : toSql(source))
    try {
      const steps = kind.name === 'funnel' ? kind.steps.map((step) => judged.add(conditionToSql(step))) : []
      const conditions = [
        where === undefined ? '1' : conditionToSql(where),
        ...(steps.length > 0 ? [`(${steps.join(' OR ')})`] : []),
      ]
      const counts = values.add(countsInWindow(declaration, judged.add(conditions.join(' AND ')), levels))
      const of = compile('of' in kind ? kind.of : undefined)
      const by = compile('by' in kind ? kind.by?.key : undefined)
      features.push({ name, ...aggregateToSql(kind, rowsOf(values, counts, steps, of, by), window) })
    } catch (fault) {
      if (!(fault instanceof NotInSql)) throw fault
      untold.push({ name, reason: fault.message })
    }
  }
  const text = (rows: string, asOf: AsOf) => {
    const windows = ` WINDOW ${['whole AS (PARTITION BY topic, partition, customer)', ...arrivalWindows].join(', ')}`
    const key = `topic AS TOPIC, partition AS PART, customer, id AS ${eventId}`
    const own = [key, `${eventMs} AS ${rowMs}`, `${momentOf(asOf)} AS ${nowMs}`]
    const arrived = withColumns(rows, arrivals, windows)
    const read = `SELECT ${[...own, ...facts.list].join(', ')} FROM (${arrived})${windows}`
    const ready = [judged, ranks, spans, values].reduce((level, columns) => withColumns(level, columns), read)
    const cells = features.map(({ name, text }) => `${text} AS ${quoteName(name)}`)
    return `SELECT ${[customerKey, ...cells].join(',\n')}\nFROM (${ready})\nGROUP BY ${customerKey}`
  }
  return { features, text }
}

function momentOf(asOf: AsOf): string {
  if (asOf === 'stream_time') return `max(${eventMs}) OVER whole`
  return `toInt64(${asOf === 'row' ? readAtMs : asOf})`
}

/** A level of a query: the rows below, and columns that are computed of them. */
const withColumns = (below: string, { list }: Columns, windows = '') =>
  list.length === 0 ? below : `SELECT ${['*', ...list].join(', ')} FROM (${below})${windows}`

function rowsOf(
  columns: Columns,
  counts: string,
  steps: readonly string[],
  of: Sql | undefined,
  by: Sql | undefined,
): FeatureRows {
  // Only the kinds that have an expression, or a key, ask for it.
  const value = () => simple(of!.type, columns.add(of!.text))
  const dyn = () => columns.add(new SqlValues().toDyn(value()).text)
  return {
    counts,
    number: () => columns.add(new SqlValues().to('number', value()).text),
    dyn,
    countsScalar: () => columns.add(`${counts} AND ${dyn()}.1 IN (${tags.bool}, ${tags.number}, ${tags.string})`),
    truth: () => columns.add(`ifNull(${new SqlValues().to('bool', value()).text}, 0)`),
    steps: () => steps,
    key: () => columns.add(new SqlValues().asText(by!).text),
    column: (sql) => columns.add(sql),
  }
}
