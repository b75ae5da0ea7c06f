/** What a diagnosis asks of ClickHouse. */
import { text } from 'node:stream/consumers'
import { type ClickHouseOptions, connectClickHouse, toStoreError } from '../../../store/clickhouse/client.ts'
import { type Migration, migrate } from '../../../store/clickhouse/migrate.ts'
import { createProfileStore } from '../../../store/clickhouse/profiles.ts'
import type { StoredProfile } from '../../../store/profile-store.ts'
import { StoreError } from '../../../store/store-error.ts'

export interface Disk {
  readonly name: string
  readonly totalBytes: number
  /** The bytes neither used, nor reserved for a merge, nor to be kept free. */
  readonly freeBytes: number
}

export interface StoreProbe {
  /** Throws StoreError, like all of these. */
  version(): Promise<string>
  /** Who the server takes us for. */
  user(): Promise<string>
  /** The server's clock, ms. */
  nowMs(): Promise<number>
  /** Only disks of a bounded size. */
  disks(): Promise<Disk[]>
  /** Tables and views of the database; none if it does not exist. */
  tables(): Promise<string[]>
  /** Migrations still to be applied. Throws MigrationError if the tables are not from this program. */
  pendingMigrations(): Promise<string[]>
  /** Whether this user has INSERT and SELECT on a table; undefined if the server is too old to tell. */
  mayWrite(table: string): Promise<boolean | undefined>
  /** Whether this user may insert through `input()`; for servers before 26.5 that counts as a temporary table. */
  mayReadInput(): Promise<boolean>
  checkpoint(partition: number): Promise<StoredProfile | undefined>
  close(): Promise<void>
}

/** The server's error for a statement that it does not know. */
const syntaxError = 62
/** Its error if the user lacks rights. */
const accessDenied = 497
/** Its error for `input()` outside an INSERT, which it only gives after checking the rights. */
const misusedInput = 477

export function openStoreProbe(clickhouse: ClickHouseOptions): StoreProbe {
  const { database } = clickhouse
  // Through the database `default`, since every query to a missing database fails.
  const server = connectClickHouse({ ...clickhouse, database: 'default' })
  const client = connectClickHouse(clickhouse)
  const store = createProfileStore(client)

  async function select<Row>(query: string, params: Record<string, unknown> = {}): Promise<Row[]> {
    try {
      const result = await server.query({ query, query_params: params, format: 'JSONEachRow' })
      return await result.json<Row>()
    } catch (error) {
      throw toStoreError(error, 'doctor')
    }
  }

  return {
    async version() {
      const [row] = await select<{ version: string }>('SELECT version() AS version')
      return row!.version
    },
    async user() {
      const [row] = await select<{ user: string }>('SELECT currentUser() AS user')
      return row!.user
    },
    async nowMs() {
      const [row] = await select<{ ms: string }>('SELECT toUnixTimestamp64Milli(now64(3)) AS ms')
      return Number(row!.ms)
    },
    async disks() {
      const query = `SELECT name, toFloat64(total_space) AS totalBytes,
        greatest(0, toFloat64(unreserved_space) - toFloat64(keep_free_space)) AS freeBytes
        FROM system.disks WHERE total_space > 0 AND total_space < 9223372036854775807`
      return select<Disk>(query)
    },
    async tables() {
      const query = 'SELECT name FROM system.tables WHERE database = {database:String}'
      return (await select<{ name: string }>(query, { database })).map(({ name }) => name)
    },
    async pendingMigrations() {
      const pending: Migration[] = []
      await migrate({ clickhouse, dryRun: true, onStep: (migration) => pending.push(migration) })
      return pending.map(({ name }) => name)
    },
    async mayWrite(table) {
      try {
        // The statement takes neither parameters nor a format; both names are checked words.
        const { stream } = await server.exec({ query: `CHECK GRANT INSERT, SELECT ON ${database}.${table}` })
        return (await text(stream)).trim() === '1'
      } catch (error) {
        const failure = toStoreError(error, 'doctor')
        if (failure.serverCode === syntaxError) return undefined
        throw failure
      }
    },
    async mayReadInput() {
      try {
        await select("SELECT * FROM input('n UInt8')")
        return true
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        if (error.serverCode === misusedInput) return true
        if (error.serverCode === accessDenied) return false
        throw error
      }
    },
    checkpoint: (partition) => store.readCheckpoint(partition),
    async close() {
      await Promise.all([server.close(), client.close()])
    },
  }
}
