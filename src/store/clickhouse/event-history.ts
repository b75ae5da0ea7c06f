import type { ClickHouseClient } from '@clickhouse/client'
import type { CustomerEvent, EventHistory, Gathered } from '../event-history.ts'
import { type PastEventColumns, pastEventColumns, toPastEvent } from '../past-event.ts'
import { movedPositionOfPartition } from './moved.ts'
import { select, selectPieces } from './select.ts'

const ofPartition = 'partition = {partition:UInt16}'

const selectGathered = (where: string) => `
SELECT DISTINCT CAST(policy, 'String'), not_ready FROM profiles WHERE ${where} AND customer != '' AND NOT deleted`

/** As `gatheredKey`. */
const key = "arrayStringConcat(arrayPushFront(row.2, CAST(row.1, 'String')), ' ')"

/** The latest row of each customer. The table's order lets the server aggregate one customer after the other. */
const latest = (where: string) => `
SELECT partition, customer, argMax((policy, not_ready, deleted), version) AS row,
  ${key} NOT IN {complete:Array(String)} AS pending
FROM profiles WHERE ${where} AND customer != ''
GROUP BY partition, customer
HAVING NOT row.3`

const selectProgress = (where: string) => `
SELECT partition, count(), countIf(pending) FROM (${latest(where)}) GROUP BY partition ORDER BY partition`

const selectNotReady = `
SELECT customer FROM (${latest(`${ofPartition} AND customer > {after:String}`)} AND pending ORDER BY customer LIMIT {limit:UInt32})`

/** Repeated rows that no merge has removed yet come right after each other. */
const selectEvents = `
SELECT ${pastEventColumns}
FROM events
WHERE customer IN {customers:Array(String)} AND (${ofPartition} OR position < ${movedPositionOfPartition}) AND NOT duplicate AND type != ''
  AND time >= fromUnixTimestamp64Milli({sinceMs:Int64}) AND position < {beforePosition:UInt64}
  AND (customer, position) > ({customer:String}, {position:UInt64})
ORDER BY customer, position
LIMIT {most:UInt32}`

/** The most rows of one query. The next query goes on after them, so that none runs for too long. */
const most = 50_000
const settings = { optimize_aggregation_in_order: 1 } as const

export function createEventHistory(client: ClickHouseClient): EventHistory {
  const rowsOf = <Row>(query: string, params: Record<string, unknown>) =>
    select<Row>(client, { query, params, format: 'JSONCompactEachRow', settings })

  return {
    async gathered(partition) {
      const rows = await rowsOf<GatheredColumns>(selectGathered(ofPartition), { partition })
      return rows.map(toGathered)
    },
    async countNotReady(partition, complete) {
      const rows = await rowsOf<ProgressColumns>(selectProgress(ofPartition), { partition, complete })
      return Number(rows[0]?.[2] ?? 0)
    },
    async notReady(partition, complete, after, limit) {
      const params = { partition, complete, after, limit }
      const rows = await rowsOf<[string]>(selectNotReady, params)
      return rows.map(([customer]) => customer)
    },
    async *events(partition, { customers, sinceMs, beforePosition }) {
      let [customer, position] = ['', 0]
      for (let count = most; count === most; ) {
        count = 0
        const params = { partition, customers, sinceMs, beforePosition, customer, position, most }
        const selection = { query: selectEvents, params, format: 'JSONCompactEachRow' } as const
        for await (const rows of selectPieces<PastEventColumns>(client, selection)) {
          count += rows.length
          const piece: CustomerEvent[] = []
          for (const event of rows.map(toPastEvent)) {
            if (event.customer === customer && event.position === position) continue
            piece.push(event)
            ;({ customer, position } = event)
          }
          yield piece
        }
      }
    },
  }
}

/** The kinds of profiles of all partitions. @throws StoreError */
export async function readGathered(client: ClickHouseClient): Promise<Gathered[]> {
  const rows = await select<GatheredColumns>(client, { query: selectGathered('true'), format: 'JSONCompactEachRow' })
  return rows.map(toGathered)
}

/** How far a partition has come. */
export interface PartitionProgress {
  readonly partition: number
  readonly customers: number
  /** The customers whose latest profile is of none of the complete kinds. */
  readonly pending: number
}

/** The progress of all partitions that have profiles, in order. @throws StoreError */
export async function readProgress(
  client: ClickHouseClient,
  complete: readonly string[],
): Promise<PartitionProgress[]> {
  const query = selectProgress('true')
  const params = { complete }
  const rows = await select<ProgressColumns>(client, { query, params, format: 'JSONCompactEachRow', settings })
  return rows.map(([partition, customers, pending]) => ({
    partition,
    customers: Number(customers),
    pending: Number(pending),
  }))
}

type GatheredColumns = readonly [policy: string, notReady: readonly string[]]
type ProgressColumns = readonly [partition: number, customers: string, pending: string]

const toGathered = ([policy, notReady]: GatheredColumns): Gathered => ({ policy, notReady })
