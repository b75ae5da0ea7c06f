import { randomUUID } from 'node:crypto'
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import { toStoreError } from './client.ts'

interface Selection {
  readonly query: string
  readonly params?: Record<string, unknown>
  /** Rows as objects, or as tuples in the order of the columns. */
  readonly format: 'JSONEachRow' | 'JSONCompactEachRow'
  readonly settings?: ClickHouseSettings
}

/** All rows of one query. @throws StoreError */
export async function select<Row>(client: ClickHouseClient, selection: Selection): Promise<Row[]> {
  const queryId = randomUUID()
  try {
    return await (await ask(client, selection, queryId)).json<Row>()
  } catch (error) {
    throw toStoreError(error, queryId)
  }
}

/** The rows of one query as they come, some hundreds at a time, for results too large to hold at once. @throws StoreError */
export async function* selectPieces<Row>(client: ClickHouseClient, selection: Selection): AsyncGenerator<Row[]> {
  const queryId = randomUUID()
  try {
    const result = await ask(client, selection, queryId)
    for await (const rows of result.stream<Row>()) yield rows.map((row) => row.json())
  } catch (error) {
    throw toStoreError(error, queryId)
  }
}

const ask = (client: ClickHouseClient, { query, params = {}, format, settings = {} }: Selection, queryId: string) =>
  client.query({ query, query_params: params, format, query_id: queryId, clickhouse_settings: settings })
