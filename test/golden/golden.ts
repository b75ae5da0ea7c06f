import { readdirSync, readFileSync } from 'node:fs'
import type { OutRecord } from '../../src/events/log.ts'
import type { Checkpoint } from '../../src/journal/checkpoint.ts'
import { type JournalEntry, journalCodec } from '../../src/journal/journal.ts'
import type { Deployed } from '../../src/rules/deployed.ts'
import { journalSchemas } from '../../src/schema-files.ts'

/**
 * `test/golden/KIND/vN.json` holds what the code of each format N wrote, never to be edited: every later version must read
 * it as it was meant. `npm run golden` adds those of a new format.
 */

/** The sources', since what is compiled lies a folder deeper. */
const folder = new URL('../../../test/golden/', import.meta.url)

/** The checksums of the migrations by their numbers. */
export const migrationsFile = new URL('migrations.json', folder)

export const goldenFile = (kind: string, format: number) => new URL(`${kind}/v${format}.json`, folder)

/** All golden files of a kind, oldest first. */
export function goldenFiles<T>(kind: string): { readonly format: number; readonly golden: T }[] {
  return readdirSync(new URL(kind, folder))
    .map((name) => Number(/^v(\d+)\.json$/.exec(name)?.[1]))
    .sort((a, b) => a - b)
    .map((format) => ({ format, golden: JSON.parse(readFileSync(goldenFile(kind, format), 'utf8')) as T }))
}

export interface GoldenJournal {
  /** The record's headers and value, in base64. */
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
  /** What was written. */
  readonly entry: JournalEntry
}

export interface GoldenCheckpoint {
  /** As the row of the partition keeps it. */
  readonly state: string
  readonly checkpoint: Checkpoint
}

export interface GoldenRules {
  /** The record's key, headers and value. */
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
  readonly deployed: Deployed
}

export const goldenRules = ({ key, headers, value }: OutRecord, deployed: Deployed): GoldenRules => ({
  key: String(key),
  headers: headers as Readonly<Record<string, string>>,
  value: String(value),
  deployed,
})

export const journal = journalCodec('journal', journalSchemas())

export const goldenJournal = (record: OutRecord, entry: JournalEntry): GoldenJournal => ({
  headers: record.headers as Readonly<Record<string, string>>,
  value: record.value!.toString('base64'),
  entry,
})
