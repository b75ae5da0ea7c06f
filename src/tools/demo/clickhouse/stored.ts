/** What the demo asks of the tables that the service writes. */
import type { ClickHouseClient } from '@clickhouse/client'
import { toStoreError } from '../../../store/clickhouse/client.ts'

/** A decision with the reason of each candidate. */
export interface StoredDecision {
  /** UTC, as text. */
  readonly time: string
  readonly customer: string
  readonly candidates: readonly string[]
  readonly reasons: readonly string[]
}

export interface StoredCounts {
  readonly events: number
  readonly actions: number
  /** Customers that have a profile. */
  readonly profiles: number
  /** Customers that have an event. */
  readonly customers: number
}

/** Without duplicates of the insertion. @throws StoreError */
export async function countStored(client: ClickHouseClient): Promise<StoredCounts> {
  const [row] = await select<Record<keyof StoredCounts, string>>(
    client,
    `SELECT
      (SELECT count() FROM events FINAL) AS events,
      (SELECT count() FROM actions FINAL) AS actions,
      (SELECT count() FROM customers) AS profiles,
      (SELECT uniqExact(customer) FROM events) AS customers`,
  )
  const { events, actions, profiles, customers } = row!
  return { events: +events, actions: +actions, profiles: +profiles, customers: +customers }
}

/** @throws StoreError */
export async function countProfiles(client: ClickHouseClient): Promise<number> {
  const [row] = await select<{ profiles: string }>(client, 'SELECT count() AS profiles FROM customers')
  return Number(row?.profiles)
}

/** The latest decisions, the newest first, of each outcome two at most. @throws StoreError */
export function lastDecisions(client: ClickHouseClient, count: number): Promise<StoredDecision[]> {
  return select(
    client,
    `SELECT formatDateTime(time, '%m-%d %H:%i:%S') AS time, customer, candidates, reasons
    FROM decisions
    WHERE inserted_at > now64(3) - INTERVAL 20 SECOND
    ORDER BY now DESC, offset DESC
    LIMIT 2 BY arraySort(arrayZip(candidates, reasons))
    LIMIT {count:UInt8}`,
    { count },
  )
}

async function select<Row>(
  client: ClickHouseClient,
  query: string,
  params: Record<string, unknown> = {},
): Promise<Row[]> {
  try {
    const result = await client.query({ query, query_params: params, format: 'JSONEachRow' })
    return await result.json<Row>()
  } catch (error) {
    throw toStoreError(error, 'demo')
  }
}
