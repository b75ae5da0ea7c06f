import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { toStoreError } from './client.ts'

/** The text of a policy that ever decided, undefined where its hash is not known. @throws StoreError */
export async function readPolicy(client: ClickHouseClient, hash: string): Promise<string | undefined> {
  const queryId = randomUUID()
  try {
    const result = await client.query({
      query: 'SELECT text FROM policies WHERE hash = {hash:String} LIMIT 1',
      query_params: { hash },
      format: 'JSONEachRow',
      query_id: queryId,
    })
    return (await result.json<{ text: string }>())[0]?.text
  } catch (error) {
    throw toStoreError(error, queryId)
  }
}
