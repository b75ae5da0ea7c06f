import { randomBytes } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { type ClickHouseOptions, connectClickHouse } from './client.ts'
import { accessTo } from './local-access.ts'
import { migrate } from './migrate.ts'

/** The server for the tests, or why they can't run; a test run in CI has to have one. */
export const testUrl = process.env['BECKON_TEST_CLICKHOUSE']
export const skip = testUrl === undefined && process.env['CI'] === undefined && 'BECKON_TEST_CLICKHOUSE is not set'

export interface TestDatabase {
  readonly options: ClickHouseOptions
  readonly client: ClickHouseClient
  select<Row>(query: string): Promise<Row[]>
  drop(): Promise<void>
}

/** A database of its own, and a login: that of the URL, else that of the local stack. */
export function testOptions(): ClickHouseOptions {
  const database = `beckon_test_${randomBytes(6).toString('hex')}`
  const { origin: url, username, password } = new URL(testUrl ?? 'http://127.0.0.1:8123')
  if (username !== '') return { url, database, username, password: decodeURIComponent(password) }
  return { database, ...(accessTo(url) ?? { url, username: 'default', password: '' }) }
}

/** A database of one's own with all tables, or without them. */
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
