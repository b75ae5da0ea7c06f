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
export async function select<Row>(
  client: ClickHouseClient,
  { query, params = {}, format, settings = {} }: Selection,
): Promise<Row[]> {
  const queryId = randomUUID()
  try {
    const result = await client.query({
      query,
      query_params: params,
      format,
      query_id: queryId,
      clickhouse_settings: settings,
    })
    return await result.json<Row>()
  } catch (error) {
    throw toStoreError(error, queryId)
  }
}
