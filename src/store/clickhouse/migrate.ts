/**
 * The tables, as numbered SQL files that are applied once each, in order, and never edited. The table `migrations` records them.
 * After a crash between a file and its entry, the next run applies the file again, so every statement must be harmless when
 * repeated (`IF NOT EXISTS`, `OR REPLACE`).
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { type ClickHouseOptions, connectClickHouse, toStoreError } from './client.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
}

/**
 * - `edited`: a file was changed after it was applied.
 * - `missing`: an applied migration has no file: the tables are newer than this program.
 * - `pending`: a migration is not applied yet: the tables are older than this program.
 */
type MigrationErrorCode = 'edited' | 'missing' | 'pending'

export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  readonly code: MigrationErrorCode

  constructor(code: MigrationErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface MigrateOptions {
  readonly clickhouse: ClickHouseOptions
  /** Folder of the `.sql` files; by default the ones that come with the program. */
  readonly directory?: URL
  /** Change nothing. */
  readonly dryRun: boolean
  /** Called for every migration before it is applied, and in a dry run too. */
  readonly onStep: (migration: Migration) => void
}

/**
 * Creates the database and brings its tables up to date; returns how many migrations were pending.
 * @throws StoreError, MigrationError
 */
export async function migrate(options: MigrateOptions): Promise<number> {
  const { clickhouse, dryRun, onStep } = options
  const migrations = await readMigrations(options.directory)
  const server = connectClickHouse({ ...clickhouse, database: 'default' })
  const client = connectClickHouse(clickhouse)
  try {
    const database = clickhouse.database
    if (!dryRun) await run(server, 'CREATE DATABASE IF NOT EXISTS {database:Identifier}', { database })
    const pending = findPending(migrations, await readApplied(server, database))
    if (!dryRun) await run(client, createMigrations)
    for (const migration of pending) {
      onStep(migration)
      if (dryRun) continue
      for (const statement of migration.statements) await run(client, statement)
      const { number, name, checksum } = migration
      const entry =
        'INSERT INTO migrations (number, name, checksum) SELECT {number:UInt32}, {name:String}, {checksum:String}'
      await run(client, entry, { number, name, checksum })
    }
    return pending.length
  } finally {
    await server.close()
    await client.close()
  }
}

const createMigrations = `
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY number`

/** Checks that the tables fit this program. @throws MigrationError, StoreError */
export async function checkMigrated(clickhouse: ClickHouseOptions): Promise<void> {
  const pending: string[] = []
  await migrate({ clickhouse, dryRun: true, onStep: (migration) => pending.push(fileOf(migration)) })
  if (pending.length === 0) return
  throw new MigrationError('pending', `migrations are to be applied: ${pending.join(', ')}; run beckon migrate`)
}

const fileOf = ({ number, name }: Pick<Migration, 'number' | 'name'>) =>
  `${String(number).padStart(4, '0')}_${name}.sql`

const ownFolder = new URL('../../../../schemas/clickhouse/', import.meta.url)

export async function readMigrations(directory = ownFolder): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, directory), 'utf8')
      const checksum = createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
      return { number: Number(file.slice(0, 4)), name: file.slice(5, -4), checksum, statements: splitStatements(text) }
    }),
  )
}

/** Statements end with a semicolon at a line's end; comments are whole lines. */
function splitStatements(text: string): string[] {
  return text
    .replace(/^\s*--.*$/gm, '')
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

/** The applied migrations by number; none where there is no database or no table yet. */
async function readApplied(
  server: ClickHouseClient,
  database: string,
): Promise<Map<number, { name: string; checksum: string }>> {
  const exists = `SELECT count() AS tables FROM system.tables WHERE database = {database:String} AND name = 'migrations'`
  const [found] = await select<{ tables: string }>(server, exists, { database })
  if (Number(found?.tables) === 0) return new Map()
  const applied = await select<{ number: number; name: string; checksum: string }>(
    server,
    'SELECT number, name, checksum FROM {database:Identifier}.migrations ORDER BY applied_at',
    { database },
  )
  return new Map(applied.map(({ number, name, checksum }) => [number, { name, checksum }]))
}

function findPending(
  migrations: readonly Migration[],
  applied: ReadonlyMap<number, { name: string; checksum: string }>,
): Migration[] {
  for (const [number, { name }] of applied) {
    if (migrations.some((migration) => migration.number === number)) continue
    throw new MigrationError('missing', `migration ${number} (${name}) was applied by a newer version of beckon`)
  }
  return migrations.filter((migration) => {
    const before = applied.get(migration.number)
    if (before === undefined) return true
    if (before.checksum === migration.checksum) return false
    const edited = `${fileOf(migration)} was edited after it was applied: put the change into a new migration`
    throw new MigrationError('edited', edited)
  })
}

async function run(client: ClickHouseClient, query: string, params: Record<string, unknown> = {}): Promise<void> {
  await client.command({ query, query_params: params }).catch((error: unknown) => {
    throw toStoreError(error, 'migration')
  })
}

async function select<Row>(client: ClickHouseClient, query: string, params: Record<string, unknown>): Promise<Row[]> {
  try {
    const result = await client.query({ query, query_params: params, format: 'JSONEachRow' })
    return await result.json<Row>()
  } catch (error) {
    throw toStoreError(error, 'migration')
  }
}
