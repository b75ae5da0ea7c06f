import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordBatch } from '../src/events/log.ts'
import type { JournalEntry } from '../src/journal/journal.ts'
import { StateError } from '../src/store/state-error.ts'
import { type GoldenJournal, goldenFiles, goldenJournal, journal } from './golden/golden.ts'

/** What every version wrote is read by this one, and none writes otherwise than its format says. */

const unfit = 'the written format is another one: raise its number, and add a golden file (npm run golden)'

describe('the journal', () => {
  const goldens = goldenFiles<GoldenJournal>('journal')
  const batchOf = ({ headers, value }: GoldenJournal) =>
    ({
      count: 1,
      value: () => Buffer.from(value, 'base64'),
      headers: () => Object.entries(headers).map(([name, text]) => ({ name, value: Buffer.from(text) })),
    }) as unknown as RecordBatch
  /** Of the fields that not all formats have. */
  const unknown = { settings: '', rejected: -1, quarantined: [] }

  for (const { format, golden } of goldens) {
    it(`is read as format ${format} wrote it`, () => {
      const [entry] = journal.decode(batchOf(golden))
      assert.deepEqual({ ...entry }, { ...unknown, ...golden.entry })
    })
  }

  it('is written as its format says', () => {
    const { format, golden } = goldens.at(-1)!
    const record = journal.encode(golden.entry)
    assert.equal(record.headers['beckon.format'], String(format), unfit)
    assert.deepEqual(goldenJournal(record, golden.entry), golden, unfit)
    const filled = Object.entries(golden.entry).filter(([, value]: [string, JournalEntry[keyof JournalEntry]]) =>
      typeof value === 'object' ? Object.keys(value).length > 0 : value !== 0 && value !== '',
    )
    assert.equal(filled.length, Object.keys(golden.entry).length, 'the golden file holds something in every field')
  })

  it('of a later version is refused', () => {
    const { format, golden } = goldens.at(-1)!
    const later = batchOf({ ...golden, headers: { 'beckon.format': String(format + 1) } })
    assert.throws(() => journal.decode(later), StateError)
  })
})
