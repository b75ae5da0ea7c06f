import { Scope } from '../expressions/expression.ts'
import type { AggregateFeature, FeatureDeclaration } from '../features/declaration.ts'
import { eventVariables } from '../features/moment.ts'
import { type AggregateSql, type FeatureRows, nowMs, rowMs } from './aggregate.ts'
import { aggregateToSql } from './aggregates/kinds.ts'
import { Columns, eventMs, eventVariablesSql, inSession, sessionWindows } from './event-columns.ts'
import { expressionToSql, NotInSql } from './expression.ts'
import { quoteName } from './quote.ts'
import { type Sql, SqlValues, simple, tags } from './value.ts'
import { inCurrentSession, windowToSql } from './window.ts'

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

/** The moment of reading: a point in time (ms) after which `rows` has none, or each customer's own stream time. */
export type AsOf = number | 'stream_time'

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
 */
export function featureQueries(declarations: readonly FeatureDeclaration[]): FeatureQueries {
  const aggregates = declarations.filter((declaration) => 'kind' in declaration)
  const queries: FeatureQuery[] = []
  const untold: Untold[] = []
  for (let at = 0; at < aggregates.length; at += featuresPerQuery) {
    queries.push(compileQuery(aggregates.slice(at, at + featuresPerQuery), untold))
  }
  return { queries, untold }
}

function compileQuery(declarations: readonly AggregateFeature[], untold: Untold[]): FeatureQuery {
  const scope = new Scope(eventVariables)
  // All names that could be a feature's too are in upper case here; a feature can't be called `customer`.
  const [arrivals, facts, columns] = [new Columns('A'), new Columns('C'), new Columns('X')]
  const variables = eventVariablesSql(facts, arrivals)
  const toSql = (source: string) => expressionToSql(scope.compile(source).tree, variables)
  const features: FeatureSql[] = []
  for (const { name, kind, where, window } of declarations) {
    const compile = (source: string | undefined) => (source === undefined ? undefined : toSql(source))
    try {
      const condition = where === undefined ? '1' : conditionOf(toSql(where))
      const counts = columns.add(`${columns.add(condition)} AND ${columns.add(windowToSql(window))}`)
      const of = compile('of' in kind ? kind.of : undefined)
      const by = compile('by' in kind ? kind.by?.key : undefined)
      features.push({ name, ...aggregateToSql(kind, rowsOf(columns, counts, of, by), window) })
    } catch (fault) {
      if (!(fault instanceof NotInSql)) throw fault
      untold.push({ name, reason: fault.message })
    }
  }
  const text = (rows: string, asOf: AsOf) => {
    const customer = 'TOPIC, PART, customer'
    const windows = `WINDOW ${['whole AS (PARTITION BY topic, partition, customer)', ...sessionWindows].join(', ')}`
    const arrived = `SELECT ${['*', ...arrivals.list].join(', ')} FROM (${rows}) ${windows}`
    const own = [
      'topic AS TOPIC, partition AS PART, customer',
      `${eventMs} AS ${rowMs}`,
      `${asOf === 'stream_time' ? `max(${eventMs}) OVER whole` : `toInt64(${asOf})`} AS ${nowMs}`,
      `session_index = max(session_index) OVER whole AND ${inSession} AS ${inCurrentSession}`,
    ]
    const seen = `SELECT ${[...own, ...facts.list].join(', ')} FROM (${arrived}) ${windows}`
    const judged = `SELECT ${[customer, rowMs, nowMs, ...columns.list].join(', ')} FROM (${seen})`
    const cells = features.map(({ name, text }) => `${text} AS ${quoteName(name)}`)
    return `SELECT ${[customer, ...cells].join(',\n')}\nFROM (${judged})\nGROUP BY ${customer}`
  }
  return { features, text }
}

/** An error, or what is no bool, does not count. */
const conditionOf = (condition: Sql) => `ifNull(${new SqlValues().to('bool', condition).text}, 0)`

function rowsOf(columns: Columns, counts: string, of: Sql | undefined, by: Sql | undefined): FeatureRows {
  // Only the kinds that have an expression, or a key, ask for it.
  const value = () => simple(of!.type, columns.add(of!.text))
  const dyn = () => columns.add(new SqlValues().toDyn(value()).text)
  return {
    counts,
    number: () => columns.add(new SqlValues().to('number', value()).text),
    dyn,
    countsScalar: () => columns.add(`${counts} AND ${dyn()}.1 IN (${tags.bool}, ${tags.number}, ${tags.string})`),
    truth: () => columns.add(conditionOf(value())),
    key: () => columns.add(new SqlValues().asText(by!).text),
    column: (sql) => columns.add(sql),
  }
}
