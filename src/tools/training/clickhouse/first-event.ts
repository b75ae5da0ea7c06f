import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { toStoreError } from '../../../store/clickhouse/client.ts'

/** The time of the first stored event, ms; undefined if there is none. @throws StoreError */
export async function firstEventMs(client: ClickHouseClient): Promise<number | undefined> {
  const query_id = randomUUID()
  try {
    const query =
      "SELECT toUInt32(count() > 0), toString(toUnixTimestamp64Milli(min(time))) FROM events WHERE type != ''"
    const result = await client.query({ query, query_id, format: 'JSONCompactEachRow' })
    const [some, ms] = (await result.json<[number, string]>())[0]!
    return some === 0 ? undefined : Number(ms)
  } catch (error) {
    throw toStoreError(error, query_id)
  }
}
