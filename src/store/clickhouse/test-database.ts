import { randomBytes } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { type ClickHouseOptions, connectClickHouse } from './client.ts'
import { accessTo } from './local-access.ts'
import { migrate } from './migrate.ts'

/** The server for the tests; without one they are skipped, except in CI. */
export const testUrl = process.env['BECKON_TEST_CLICKHOUSE']
export const skip = testUrl === undefined && process.env['CI'] === undefined && 'BECKON_TEST_CLICKHOUSE is not set'

export interface TestDatabase {
  readonly options: ClickHouseOptions
  readonly client: ClickHouseClient
  select<Row>(query: string): Promise<Row[]>
  drop(): Promise<void>
}

/** A new database name, and a login: the URL's, else the local stack's. */
export function testOptions(): ClickHouseOptions {
  const database = `beckon_test_${randomBytes(6).toString('hex')}`
  const { origin: url, username, password } = new URL(testUrl ?? 'http://127.0.0.1:8123')
  if (username !== '') return { url, database, username, password: decodeURIComponent(password) }
  return { database, ...(accessTo(url) ?? { url, username: 'default', password: '' }) }
}

/** A new database, with all tables unless told otherwise. */
export async function createTestDatabase(withTables = true): Promise<TestDatabase> {
  const options = testOptions()
  const client = connectClickHouse(options)
  if (withTables) await migrate({ clickhouse: options, dryRun: false, onStep: () => {} })
  return {
    options,
    client,
    async select<Row>(query: string) {
      return (await client.query({ query, format: 'JSONEachRow' })).json<Row>()
    },
    async drop() {
      await client.close()
      const server = connectClickHouse({ ...options, database: 'default' })
      await server.command({
        query: 'DROP DATABASE IF EXISTS {database:Identifier} SYNC',
        query_params: { database: options.database },
      })
      await server.close()
    },
  }
}
