import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type GoldenCheckpoint, goldenFiles } from '../../../test/golden/golden.ts'
import type { GoldenProfile } from '../../../test/golden/profile.ts'
import { decodeCheckpoint } from '../../journal/checkpoint.ts'
import { checkMigrated, MigrationError, migrate } from './migrate.ts'
import { readPolicy, readSettings } from './policies.ts'
import { createProfileStore } from './profiles.ts'
import { createTestDatabase, skip, type TestDatabase } from './test-database.ts'

describe('migrate', { skip }, () => {
  let database: TestDatabase
  let folder: string
  let steps: string[]

  beforeEach(async () => {
    steps = []
    folder = await mkdtemp(join(tmpdir(), 'beckon-migrate-'))
    database = await createTestDatabase(false)
    await write('0001_first.sql', '-- a comment;\nCREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;\n')
    await write(
      '0002_second.sql',
      "CREATE OR REPLACE VIEW b AS SELECT ';' AS s;\nCREATE OR REPLACE VIEW c AS SELECT 2;\n",
    )
  })
  afterEach(async () => {
    await database.drop()
    await rm(folder, { recursive: true })
  })

  const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text)

  function run(dryRun = false): Promise<number> {
    return migrate({
      clickhouse: database.options,
      directory: pathToFileURL(`${folder}/`),
      dryRun,
      onStep: ({ number, name, statements }) => steps.push(`${number} ${name} ${statements.length}`),
    })
  }

  async function tables(): Promise<string[]> {
    const rows = await database.select<{ name: string }>(
      `SELECT name FROM system.tables WHERE database = '${database.options.database}' ORDER BY name`,
    )
    return rows.map(({ name }) => name)
  }

  test('a dry run names the migrations and changes nothing, not even on an empty server', async () => {
    assert.equal(await run(true), 2)
    assert.deepEqual(steps, ['1 first 1', '2 second 2'])
    await assert.rejects(tables(), { type: 'UNKNOWN_DATABASE' })
  })

  test('migrations are applied once each, in order, and recorded', async () => {
    assert.equal(await run(), 2)
    assert.deepEqual(steps, ['1 first 1', '2 second 2'])
    assert.deepEqual(await tables(), ['a', 'b', 'c', 'migrations'])
    assert.equal(await run(), 0)
    await write('0003_third.sql', 'CREATE OR REPLACE VIEW d AS SELECT 3;')
    assert.equal(await run(), 1)
    assert.deepEqual(steps.slice(2), ['3 third 1'])
    const remembered = await database.select('SELECT number, name FROM migrations ORDER BY number')
    assert.deepEqual(remembered, [
      { number: 1, name: 'first' },
      { number: 2, name: 'second' },
      { number: 3, name: 'third' },
    ])
  })

  test('an edited migration is refused before anything is done', async () => {
    await run()
    await write('0001_first.sql', 'CREATE TABLE IF NOT EXISTS a (x Int16) ENGINE = Memory;')
    await write('0003_third.sql', 'CREATE OR REPLACE VIEW d AS SELECT 3;')
    await assert.rejects(run(), (error) => error instanceof MigrationError && error.code === 'edited')
    assert.deepEqual(await tables(), ['a', 'b', 'c', 'migrations'])
  })

  test('other line endings do not count as an edit', async () => {
    await run()
    await write('0001_first.sql', '-- a comment;\r\nCREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;\r\n')
    assert.equal(await run(), 0)
  })

  test('tables that are newer than the program are refused', async () => {
    await run()
    await rm(join(folder, '0002_second.sql'))
    await assert.rejects(run(), (error) => error instanceof MigrationError && error.code === 'missing')
  })

  test('a migration that failed half-way is applied again as a whole', async () => {
    await write(
      '0002_second.sql',
      'CREATE OR REPLACE VIEW b AS SELECT 1;\nCREATE OR REPLACE VIEW c AS SELECT nothing;\n',
    )
    await assert.rejects(run())
    assert.deepEqual(await tables(), ['a', 'b', 'migrations'])
    await write('0002_second.sql', 'CREATE OR REPLACE VIEW b AS SELECT 1;\nCREATE OR REPLACE VIEW c AS SELECT 2;\n')
    assert.equal(await run(), 1)
    assert.deepEqual(await tables(), ['a', 'b', 'c', 'migrations'])
  })

  test('the tables of the first five migrations are migrated with their rows', async () => {
    const own = new URL('../../../../schemas/clickhouse/', import.meta.url)
    await rm(folder, { recursive: true })
    await mkdir(folder)
    const files = (await readdir(own)).sort()
    for (const file of files.slice(0, 5)) await copyFile(new URL(file, own), join(folder, file))
    assert.equal(await run(), 5)

    const [checkpoint] = goldenFiles<GoldenCheckpoint>('checkpoint')
    const [profile] = goldenFiles<GoldenProfile>('profile')
    const { policyText, state } = profile!.golden
    const insert = (table: string, values: object) =>
      database.client.insert({ table, values: [values], format: 'JSONEachRow' })
    await insert('policies', { hash: 'p', text: policyText, first_seen: 1, last_seen: 1, settings: '{}' })
    await insert('profiles', { partition: 1, customer: '', version: 7, state: checkpoint!.golden.state })
    await insert('profiles', { partition: 1, customer: 'ada', version: 7, policy: 'p' })
    await insert('events', { topic: 't', partition: 1, offset: 6, customer: 'ada', type: 'view', time: 1_743_282_000 })
    await insert('decisions', { topic: 't', partition: 1, offset: 6, customer: 'ada', time: 1_743_282_000 })
    await insert('actions', { id: 'x', topic: 't', partition: 1, offset: 6, customer: 'ada', time: 1_743_282_000 })
    // The state is binary, not text.
    const query = "ALTER TABLE profiles UPDATE state = base64Decode({state:String}) WHERE customer = 'ada'"
    await database.client.command({ query: `${query} SETTINGS mutations_sync = 1`, query_params: { state } })

    const { options: clickhouse, client } = database
    await assert.rejects(checkMigrated(clickhouse), (error) => (error as MigrationError).code === 'pending')
    assert.equal(await migrate({ clickhouse, dryRun: false, onStep: () => {} }), files.length - 5)
    await checkMigrated(clickhouse)

    const store = createProfileStore(client)
    assert.deepEqual(decodeCheckpoint((await store.readCheckpoint(1))!.state), checkpoint!.golden.checkpoint)
    const [ada] = await store.read(1, ['ada'])
    assert.equal(ada!.state.toString('base64'), state)
    assert.equal(await readPolicy(client, 'p'), policyText)
    assert.equal(await readSettings(client, 'none'), undefined)
    for (const table of ['events', 'decisions', 'actions', 'customers']) {
      assert.deepEqual(await database.select(`SELECT customer FROM ${table}`), [{ customer: 'ada' }], table)
    }
  })

  test('a database name is never taken for SQL', async () => {
    const odd = { ...database.options, database: `${database.options.database}\`; DROP DATABASE x; --` }
    const directory = pathToFileURL(`${folder}/`)
    await migrate({ clickhouse: odd, directory, dryRun: true, onStep: () => {} })
    await run()
    assert.deepEqual(await tables(), ['a', 'b', 'c', 'migrations'])
  })
})
