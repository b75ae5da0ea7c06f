import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { MigrationError, migrate } from './migrate.ts'
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

  test('migrations are applied once each, in order, and remembered', async () => {
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

  test('other line ends are no edit', async () => {
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

  test('a database name is never taken for SQL', async () => {
    const odd = { ...database.options, database: `${database.options.database}\`; DROP DATABASE x; --` }
    const directory = pathToFileURL(`${folder}/`)
    await migrate({ clickhouse: odd, directory, dryRun: true, onStep: () => {} })
    await run()
    assert.deepEqual(await tables(), ['a', 'b', 'c', 'migrations'])
  })
})
