import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { profilesTable } from '../profile-row.ts'
import type { ProfileStore, StoredProfile } from '../profile-store.ts'
import { toStoreError } from './client.ts'
import { insertRows } from './insert.ts'

/**
 * The rows of some customers, the latest version each. `LIMIT 1 BY` over the few versions that no merge has removed
 * yet; FINAL would do the same and read the neighbours of each key as well.
 */
const selectProfiles = `
SELECT customer, toString(version), toUnixTimestamp64Milli(stream_time)::String, base64Encode(state), deleted
FROM profiles
WHERE topic = {topic:String} AND partition = {partition:UInt16} AND customer IN {customers:Array(String)}
ORDER BY customer, version DESC
LIMIT 1 BY customer`

const selectCustomer = 'SELECT * FROM customers WHERE customer = {customer:String} ORDER BY topic, partition'

export function createProfileStore(client: ClickHouseClient): ProfileStore {
  async function read(topic: string, partition: number, customers: readonly string[]): Promise<StoredProfile[]> {
    if (customers.length === 0) return []
    const queryId = randomUUID()
    try {
      const result = await client.query({
        query: selectProfiles,
        query_params: { topic, partition, customers },
        format: 'JSONCompactEachRow',
        query_id: queryId,
      })
      return (await result.json<ProfileColumns>()).map(toStoredProfile)
    } catch (error) {
      throw toStoreError(error, queryId)
    }
  }

  return {
    insert: (chunk) => insertRows(client, profilesTable, [chunk]),
    read,
    async readCheckpoint(topic, partition) {
      return (await read(topic, partition, ['']))[0]
    },
    async readCustomer(customer) {
      const queryId = randomUUID()
      try {
        const result = await client.query({
          query: selectCustomer,
          query_params: { customer },
          format: 'JSONEachRow',
          query_id: queryId,
        })
        return await result.json<Record<string, unknown>>()
      } catch (error) {
        throw toStoreError(error, queryId)
      }
    },
  }
}

type ProfileColumns = readonly [
  customer: string,
  version: string,
  streamTimeMs: string,
  stateBase64: string,
  deleted: boolean,
]

function toStoredProfile([customer, version, streamTimeMs, stateBase64, deleted]: ProfileColumns): StoredProfile {
  return {
    customer,
    version: BigInt(version),
    streamTimeMs: Number(streamTimeMs),
    state: Buffer.from(stateBase64, 'base64'),
    deleted,
  }
}
