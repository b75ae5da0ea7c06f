import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { readAtMs } from '../../../sql/aggregate-query.ts'
import { quoteName } from '../../../sql/quote.ts'
import { toStoreError } from '../../../store/clickhouse/client.ts'
import { StoreError } from '../../../store/store-error.ts'
import type { AskedRows } from '../asked.ts'
import { sourceName, type TrainingPlan } from '../plan.ts'

/**
 * A training set is built on the server, in temporary tables of one session. First the requested rows, numbered in the order
 * of their customers, which is also the order of `events`. Then, chunk by chunk, the rows with their features. So neither
 * side has more than a chunk in memory, an event is read about once for each row of its customer, and a failed chunk can be
 * done again without harm. The tables end with the session.
 */

export interface TrainingSetOptions {
  readonly plan: TrainingPlan
  /** Rows from a file, or a moment (ms), which means a row for each customer with an event before it. */
  readonly asked: AskedRows | number
  /** Called with how many rows are done, and of how many. */
  readonly onProgress?: (rows: number, of: number) => void
}

export interface TrainingSet {
  readonly rows: number
  /** The whole set, in the order of the file or of the customers. Throws StoreError. */
  readonly read: (format: TrainingFormat) => AsyncIterable<Buffer>
}

export type TrainingFormat = 'csv' | 'parquet'

/** Rows per query: the server's memory holds the events of their customers, once per row. */
const chunkRows = 1_000
const insertRows = 10_000
/** Customers found at once. */
const pageCustomers = 50_000

const settings = {
  max_query_size: '10000000',
  max_ast_elements: '1000000',
  max_expanded_ast_elements: '10000000',
  do_not_merge_across_partitions_select_final: 1,
  join_use_nulls: 0,
} as const

const formats = { csv: 'CSVWithNames', parquet: 'Parquet' } as const

/** @throws StoreError, and what the iteration of the rows throws */
export async function buildTrainingSet(
  client: ClickHouseClient,
  { plan, asked, onProgress = () => undefined }: TrainingSetOptions,
): Promise<TrainingSet> {
  const session = randomUUID()
  const carried = typeof asked === 'number' ? [] : asked.carried.map((name, i) => ({ name, column: `K${i}` }))
  const features = plan.columns.map((column, i) => ({ ...column, column: `F${i}` }))
  const own = ['customer', readAtMs, ...carried.map(({ column }) => column)]
  const types = ['customer String', `${readAtMs} Int64`, ...carried.map(({ column }) => `${column} String`)]

  async function attempt<Result>(call: (queryId: string) => Promise<Result>): Promise<Result> {
    const queryId = randomUUID()
    try {
      return await call(queryId)
    } catch (error) {
      throw toStoreError(error, queryId)
    }
  }
  const run = (query: string, params: Record<string, unknown> = {}) =>
    attempt((query_id) =>
      client.command({ query, query_params: params, session_id: session, query_id, clickhouse_settings: settings }),
    )
  const makeTable = (name: string, columns: readonly string[], engine: string) =>
    run(`CREATE TEMPORARY TABLE ${name} (${columns.join(', ')}) ENGINE = ${engine}`)

  async function takeRows({ batches }: AskedRows): Promise<number> {
    await makeTable('given', ['ROW UInt64', ...types], 'MergeTree ORDER BY ROW')
    let rows = 0
    let held: (readonly unknown[])[] = []
    const insert = async () => {
      const values = held
      held = []
      await attempt((query_id) =>
        client.insert({ table: 'given', values, format: 'JSONCompactEachRow', session_id: session, query_id }),
      )
    }
    for await (const batch of batches) {
      // The first row is 1: a join that finds no row gives 0.
      for (const { customer, timeMs, carried: fields } of batch) held.push([++rows, customer, timeMs, ...fields])
      if (held.length >= insertRows) await insert()
    }
    if (held.length > 0) await insert()
    const inOrder = `SELECT * FROM given ORDER BY customer, ${readAtMs}`
    await run(`INSERT INTO asked SELECT rowNumberInAllBlocks(), * FROM (${inOrder}) SETTINGS max_threads = 1`)
    await run('DROP TEMPORARY TABLE given')
    return rows
  }

  async function takeCustomers(momentMs: number): Promise<number> {
    for (let rows = 0, after = ''; ; ) {
      await run(selectCustomers, { at: momentMs, after, rows, limit: pageCustomers })
      const found = await attempt(async (query_id) => {
        const query = 'SELECT toUInt32(count()), max(customer) FROM asked'
        const result = await client.query({ query, format: 'JSONCompactEachRow', session_id: session, query_id })
        return (await result.json<[number, string]>())[0]!
      })
      const isLast = found[0] < rows + pageCustomers
      ;[rows, after] = found
      if (isLast) return rows
    }
  }

  const joined = `SELECT ${[...['ROW', ...own].map((name) => `ASKED.${name} AS ${name}`), ...plan.cells].join(',\n')}
FROM (SELECT * FROM asked WHERE ${inChunk}) AS ASKED
${plan.sources.map((source, q) => `LEFT JOIN (${source.text(selectEvents, 'row')}) AS ${sourceName(q)} ON ${sourceName(q)}.PART = ASKED.ROW`).join('\n')}`
  const insertChunk = `INSERT INTO built SELECT ${['ROW', ...own, ...features.map(({ text }) => text)].join(',\n')}
FROM (${plan.over(joined)})`

  async function fill(from: number, to: number): Promise<void> {
    try {
      await run(insertChunk, { from, to })
    } catch (error) {
      // Too much for the server's limits of time or memory: try again in two halves.
      if (!(error instanceof StoreError) || error.code !== 'overloaded' || to - from <= 1) throw error
      const middle = (from + to) >> 1
      await fill(from, middle)
      return fill(middle, to)
    }
  }

  await makeTable('asked', ['SEQ UInt64', 'ROW UInt64', ...types], 'MergeTree ORDER BY SEQ')
  const built = ['ROW UInt64', ...types, ...features.map(({ column, type }) => `${column} ${type}`)]
  await makeTable('built', built, 'ReplacingMergeTree ORDER BY ROW')
  const rows = typeof asked === 'number' ? await takeCustomers(asked) : await takeRows(asked)
  for (let from = 0; from < rows; from += chunkRows) {
    const to = Math.min(from + chunkRows, rows)
    await fill(from, to)
    onProgress(to, rows)
  }

  const selectAll = (format: TrainingFormat) => {
    const cell = (column: string, type: string) => (format === 'csv' && isText(type) ? unspoken(column) : column)
    const texts = carried.map(({ name, column }) => `${cell(column, 'String')} AS ${quoteName(name)}`)
    const values = features.map(({ name, column, type }) => `${cell(column, type)} AS ${quoteName(name)}`)
    const time = `fromUnixTimestamp64Milli(${readAtMs}, 'UTC') AS time`
    const all = [`${cell('customer', 'String')} AS customer`, time, ...texts, ...values]
    return `SELECT ${all.join(', ')} FROM built FINAL ORDER BY ROW FORMAT ${formats[format]}`
  }
  async function* read(format: TrainingFormat): AsyncGenerator<Buffer> {
    const queryId = randomUUID()
    try {
      const { stream } = await client.exec({
        query: selectAll(format),
        session_id: session,
        query_id: queryId,
        clickhouse_settings: {
          ...settings,
          // A column of the file may have the same name as one of ours.
          prefer_column_name_to_alias: 1,
          date_time_output_format: 'iso',
          format_csv_null_representation: '',
          // Stream it as it comes, for as long as it takes.
          wait_end_of_query: 0,
          max_execution_time: 0,
        },
      })
      yield* stream
    } catch (error) {
      throw toStoreError(error, queryId)
    }
  }
  return { rows, read }
}

const isText = (type: string) => type === 'String' || type === 'Nullable(String)'

/**
 * Puts an apostrophe before a text that a spreadsheet would take for a formula, as OWASP recommends ("CSV Injection"): anyone
 * can send ids and properties. A text that is a number stays as it is.
 */
const unspoken = (column: string) =>
  `if(match(${column}, '^[=+\\\\-@\\t\\r\\n]') AND toFloat64OrNull(${column}) IS NULL, concat('\\'', ${column}), ${column})`

const selectCustomers = `
INSERT INTO asked SELECT {rows:UInt64} + rowNumberInAllBlocks(), {rows:UInt64} + rowNumberInAllBlocks() + 1, customer, {at:Int64}
FROM (
  SELECT customer FROM events
  WHERE customer > {after:String} AND type != '' AND time < fromUnixTimestamp64Milli({at:Int64})
  GROUP BY customer ORDER BY customer LIMIT {limit:UInt32}
)
SETTINGS max_threads = 1, optimize_aggregation_in_order = 1`

const inChunk = 'SEQ >= {from:UInt64} AND SEQ < {to:UInt64}'

/** Each event once for each later row. The row takes the place of the partition, since a customer is in one partition only. */
const selectEvents = `
SELECT events.* REPLACE (ASKED.ROW AS partition), ASKED.${readAtMs} AS ${readAtMs}
FROM events FINAL
INNER JOIN (SELECT customer AS WHO, ROW, ${readAtMs} FROM asked WHERE ${inChunk}) AS ASKED ON customer = ASKED.WHO
WHERE NOT duplicate AND time < fromUnixTimestamp64Milli(ASKED.${readAtMs})
  AND customer IN (SELECT customer FROM asked WHERE ${inChunk})`
