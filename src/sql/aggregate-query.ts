import { Scope } from '../expressions/expression.ts'
import type { AggregateFeature } from '../features/declaration.ts'
import { maxTextChars } from '../features/kept-text.ts'
import { eventVariables } from '../features/moment.ts'
import { type AggregateSql, type DynCell, type FeatureRows, nowMs, rowMs } from './aggregate.ts'
import { aggregateToSql } from './aggregates/kinds.ts'
import {
  arrivalWindows,
  Columns,
  customerKey,
  eventId,
  eventMs,
  eventVariablesSql,
  isOfEvent,
  timezoneSql,
} from './event-columns.ts'
import { expressionToSql } from './expression.ts'
import { readDyn } from './read-dyn.ts'
import { dyn, type Sql, SqlValues, simple, tags } from './value.ts'
import { countsInWindow } from './window.ts'

/**
 * The moment of reading: a point in time (ms), when the query runs, each customer's own stream time, or what each row says in
 * the column `readAtMs`, which must be the same in all rows of one (partition, customer). No row may be after a given point
 * in time or after the query's own.
 */
export type AsOf = number | 'now' | 'stream_time' | 'row'

/** The column of the rows that holds the moment of reading; ms. */
export const readAtMs = 'AT'

/** A feature as a column of the query. */
export interface Cell extends AggregateSql {
  readonly name: string
  /** Upper case, so it can't clash with a feature's name or a lambda's parameter. */
  readonly column: string
}

/** Features over events as one query over `events`: side by side, as conditional aggregates in one scan. */
export class AggregateQuery {
  // Our own names are in upper case wherever a feature could have the same name; no feature can be called `customer`.
  readonly #arrivals = new Columns('A')
  readonly #facts = new Columns('C')
  readonly #judged = new Columns('W')
  readonly #ranks = new Columns('P')
  readonly #spans = new Columns('Q')
  readonly #values = new Columns('X')
  readonly #scope = new Scope(eventVariables)
  readonly #variables = eventVariablesSql(this.#facts, this.#arrivals)
  readonly #sessionGapMs: number
  readonly #cells = new Map<string, Cell>()

  /** @param sessionGapMs a session ends when more than this passes without an event */
  constructor(sessionGapMs: number) {
    this.#sessionGapMs = sessionGapMs
  }

  get cells(): readonly Cell[] {
    return [...this.#cells.values()]
  }

  /**
   * The cell of a feature; if the name was added before, its existing cell.
   * @throws NotInSql
   */
  add(declaration: AggregateFeature): Cell {
    const { name } = declaration
    let cell = this.#cells.get(name)
    if (cell === undefined) {
      cell = { name, column: `F${this.#cells.size + 1}`, ...this.#aggregate(declaration) }
      this.#cells.set(name, cell)
    }
    return cell
  }

  /** The cell of a customer's trait: what the latest event or statement says, even null; within one ms the largest value. */
  addTrait(name: string): Cell {
    const key = `traits.${name}`
    let cell = this.#cells.get(key)
    if (cell === undefined) {
      const value = this.#values.add(new SqlValues().toDyn(this.#expression(`traits[${JSON.stringify(name)}]`)).text)
      const text = `argMaxIf(${value}, (${rowMs}, ${value}), ${value}.1 != ${tags.error})`
      cell = { name: key, column: `F${this.#cells.size + 1}`, text, read: (of) => readDyn(of as DynCell) }
      this.#cells.set(key, cell)
    }
    return cell
  }

  /**
   * Gives a row (PART, customer, the cells) for each customer with events or statements of traits.
   * @param rows a query for rows of `events`, without duplicates: for each customer the first ones in order of position, with
   *   none left out in between
   */
  text(rows: string, asOf: AsOf): string {
    const windows = ` WINDOW ${['whole AS (PARTITION BY partition, customer)', ...arrivalWindows].join(', ')}`
    const key = `partition AS PART, customer, id AS ${eventId}`
    const own = [key, `${eventMs} AS ${rowMs}`, `${momentOf(asOf)} AS ${nowMs}`]
    const arrived = withColumns(rows, this.#arrivals, windows)
    const read = `SELECT ${[...own, ...this.#facts.list].join(', ')} FROM (${arrived})${windows}`
    const levels = [this.#judged, this.#ranks, this.#spans, this.#values]
    const ready = levels.reduce((level, columns) => withColumns(level, columns), read)
    const cells = this.cells.map(({ column, text }) => `${text} AS ${column}`)
    return `SELECT ${[customerKey, ...cells].join(',\n')}\nFROM (${ready})\nGROUP BY ${customerKey}`
  }

  #aggregate(declaration: AggregateFeature): AggregateSql {
    const { kind, where, window } = declaration
    const judged = this.#judged
    const isEvent = this.#facts.add(isOfEvent)
    const steps = 'steps' in kind ? kind.steps.map((step) => judged.add(this.#condition(step))) : []
    const conditions = [
      isEvent,
      ...(where === undefined ? [] : [this.#condition(where)]),
      ...(steps.length === 0 || ('strict' in kind && kind.strict) ? [] : [`(${steps.join(' OR ')})`]),
    ]
    const levels = {
      facts: this.#facts,
      judged,
      ranks: this.#ranks,
      spans: this.#spans,
      timezone: () => this.#facts.add(timezoneSql(this.#variables)),
      sessionGapMs: this.#sessionGapMs,
    }
    const counts = this.#values.add(countsInWindow(declaration, judged.add(conditions.join(' AND ')), levels))
    const of = 'of' in kind && kind.of !== undefined ? this.#expression(kind.of) : undefined
    const by = 'by' in kind && kind.by !== undefined ? this.#expression(kind.by.key) : undefined
    return aggregateToSql(kind, rowsOf(this.#values, counts, steps, of, by), window)
  }

  #expression(source: string): Sql {
    return expressionToSql(this.#scope.compile(source).tree, this.#variables)
  }

  #condition(source: string): string {
    return `ifNull(${new SqlValues().to('bool', this.#expression(source)).text}, 0)`
  }
}

function momentOf(asOf: AsOf): string {
  if (asOf === 'stream_time') return `maxIf(${eventMs}, ${isOfEvent}) OVER whole`
  if (asOf === 'now') return 'toUnixTimestamp64Milli(now64(3))'
  return `toInt64(${asOf === 'row' ? readAtMs : asOf})`
}

/** A level of a query: the rows below, plus columns computed from them. */
const withColumns = (below: string, { list }: Columns, windows = '') =>
  list.length === 0 ? below : `SELECT ${['*', ...list].join(', ')} FROM (${below})${windows}`

function rowsOf(
  columns: Columns,
  counts: string,
  steps: readonly string[],
  of: Sql | undefined,
  by: Sql | undefined,
): FeatureRows {
  // Only kinds with an expression, or a key, ask for it.
  const value = () => simple(of!.type, columns.add(of!.text))
  const dyn = () => columns.add(new SqlValues().toDyn(boundText(columns, value())).text)
  return {
    counts,
    number: () => columns.add(new SqlValues().to('number', value()).text),
    dyn,
    countsScalar: () => columns.add(`${counts} AND ${dyn()}.1 IN (${tags.bool}, ${tags.number}, ${tags.string})`),
    truth: () => columns.add(`ifNull(${new SqlValues().to('bool', value()).text}, 0)`),
    steps: () => steps,
    key: () => columns.add(firstChars(columns.add(new SqlValues().asText(by!).text))),
    column: (sql) => columns.add(sql),
  }
}

/** Cuts texts like the stream's aggregates (`features/kept-text.ts`); for lists and maps, which none keeps, cuts the JSON. */
function boundText(columns: Columns, value: Sql): Sql {
  if (value.type === 'string') return simple('string', columns.add(firstChars(value.text)))
  if (value.type !== 'dyn') return value
  const { text: v } = value
  return dyn(`tuple(${v}.1, ${v}.2, ${firstChars(`${v}.3`)})`)
}

const firstChars = (text: string) => `substringUTF8(${text}, 1, ${maxTextChars})`
