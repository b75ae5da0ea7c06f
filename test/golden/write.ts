import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { foldVersion } from '../../src/fold-version.ts'
import { checkpointFormat, encodeCheckpoint } from '../../src/journal/checkpoint.ts'
import { formatVersion } from '../../src/profiles/codec.ts'
import { encodeRules, rulesFormat } from '../../src/rules/deployed.ts'
import { type Migration, readMigrations } from '../../src/store/clickhouse/migrate.ts'
import { sampleFold } from './fold.ts'
import { goldenFile, goldenJournal, goldenRules, journal, migrationsFile } from './golden.ts'
import { sampleProfile } from './profile.ts'
import { checkpoint, deployed, journalEntry } from './samples.ts'

/** Writes the golden files of the present formats, where they are not there yet. */

function add(kind: string, format: number, golden: object): void {
  const file = goldenFile(kind, format)
  if (existsSync(file)) return
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`)
  console.log(`wrote ${kind}/v${format}.json`)
}

/** Files that are there already stay as they are. */
function addMigrations(migrations: readonly Migration[]): void {
  const known = JSON.parse(readFileSync(migrationsFile, 'utf8')) as Record<string, string>
  const checksums = Object.fromEntries(migrations.map(({ number, checksum }) => [number, checksum]))
  writeFileSync(migrationsFile, `${JSON.stringify({ ...checksums, ...known }, null, 2)}\n`)
}

addMigrations(await readMigrations())
const record = journal.encode(journalEntry)
add('journal', Number(record.headers['beckon.format']), goldenJournal(record, journalEntry))
add('rules', rulesFormat, goldenRules(encodeRules('rules', 'group', deployed), deployed))
add('checkpoint', checkpointFormat, { state: String(encodeCheckpoint(checkpoint)), checkpoint })
add('profile', formatVersion, await sampleProfile())
add('fold', foldVersion, await sampleFold())
