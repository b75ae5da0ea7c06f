import type { ClickHouseClient } from '@clickhouse/client'
import { select } from './select.ts'

/** A case that is open; times are UTC, as `2026-11-22 10:00:00.000`, null for not yet. */
export interface OpenCase {
  readonly action_id: string
  readonly action: string
  readonly treatment: string
  readonly channel: string
  readonly time: string
  readonly ends: string
  readonly delivered: string | null
  readonly impression: string | null
  readonly click: string | null
}

/** A customer's open cases, the oldest first. @throws StoreError */
export async function readOpenCases(client: ClickHouseClient, customer: string): Promise<OpenCase[]> {
  const columns = 'action_id, action, treatment, channel, time, ends, delivered, impression, click'
  const query = `SELECT ${columns} FROM cases FINAL
    WHERE customer = {customer:String} AND verdict = 'open' ORDER BY time, action_id`
  return await select<OpenCase>(client, { query, params: { customer }, format: 'JSONEachRow' })
}
