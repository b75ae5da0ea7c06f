import type { ClickHouseClient } from '@clickhouse/client'
import { profilesTable } from '../profile-row.ts'
import type { ProfileStore, StoredProfile } from '../profile-store.ts'
import { insertRows } from './insert.ts'
import { select } from './select.ts'

/** The latest row of some customers. argMax reads less than FINAL, which also reads each key's neighbours. */
const selectProfiles = `
WITH argMax((stream_time, state, deleted, policy, not_ready, erased_before), version) AS latest
SELECT
  customer, toString(max(version)), toString(toUnixTimestamp64Milli(latest.1)), base64Encode(latest.2), latest.3,
  latest.4, latest.5, toString(latest.6)
FROM profiles
WHERE partition = {partition:UInt16} AND customer IN {customers:Array(String)}
GROUP BY customer`

const selectPartitionCounts = `
SELECT DISTINCT JSONExtractUInt(latest, 'partitions')::UInt32 AS partitions
FROM (SELECT argMax(state, version) AS latest FROM profiles WHERE customer = '' GROUP BY partition)
WHERE partitions > 0`

/** All rows, not only each customer's latest: to find those, the query would have to look at all customers. */
const selectDue = `
SELECT customer, toString(toUnixTimestamp64Milli(next_due)) AS due
FROM profiles
WHERE partition = {partition:UInt16} AND next_due > fromUnixTimestamp64Milli(0)
  AND (next_due, customer) > (fromUnixTimestamp64Milli({dueMs:Int64}), {customer:String})
ORDER BY next_due, customer
LIMIT {most:UInt32}`

const selectCustomer = 'SELECT * FROM customers WHERE customer = {customer:String} ORDER BY partition'

export function createProfileStore(client: ClickHouseClient): ProfileStore {
  async function read(partition: number, customers: readonly string[]): Promise<StoredProfile[]> {
    if (customers.length === 0) return []
    const params = { partition, customers }
    const rows = await select<ProfileColumns>(client, { query: selectProfiles, params, format: 'JSONCompactEachRow' })
    return rows.map(toStoredProfile)
  }

  return {
    insert: (chunk) => insertRows(client, profilesTable, [chunk]),
    read,
    async readCheckpoint(partition) {
      return (await read(partition, ['']))[0]
    },
    async readPartitionCounts() {
      const rows = await select<readonly [number]>(client, {
        query: selectPartitionCounts,
        params: {},
        format: 'JSONCompactEachRow',
      })
      return rows.map(([partitions]) => partitions)
    },
    async readDue(partition, { dueMs, customer }, most) {
      const params = { partition, dueMs, customer, most }
      const rows = await select<readonly [customer: string, dueMs: string]>(client, {
        query: selectDue,
        params,
        format: 'JSONCompactEachRow',
      })
      return rows.map(([whose, due]) => ({ customer: whose, dueMs: Number(due) }))
    },
    readCustomer: (customer) => select(client, { query: selectCustomer, params: { customer }, format: 'JSONEachRow' }),
  }
}

type ProfileColumns = readonly [
  customer: string,
  version: string,
  streamTimeMs: string,
  stateBase64: string,
  deleted: boolean,
  policy: string,
  notReady: readonly string[],
  erasedBefore: string,
]

function toStoredProfile(columns: ProfileColumns): StoredProfile {
  const [customer, version, streamTimeMs, stateBase64, deleted, policy, notReady, erasedBefore] = columns
  return {
    customer,
    version: Number(version),
    streamTimeMs: Number(streamTimeMs),
    policy,
    notReady,
    state: Buffer.from(stateBase64, 'base64'),
    erasedBefore: Number(erasedBefore),
    deleted,
  }
}
