import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { goldenFile, goldenJournal, journal } from './golden.ts'
import { journalEntry } from './samples.ts'

/** Writes the golden files of the present formats, where they are not there yet. */

function add(kind: string, format: number, golden: object): void {
  const file = goldenFile(kind, format)
  if (existsSync(file)) return
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`)
  console.log(`wrote ${kind}/v${format}.json`)
}

const record = journal.encode(journalEntry)
add('journal', Number(record.headers['beckon.format']), goldenJournal(record, journalEntry))
