import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { cases } from './bad-input-cases.ts'

const root = new URL('../../', import.meta.url)

test('every row of the catalogue of bad input has a test that bears its number', () => {
  const covered = new Set(cases.map(({ row }) => row))
  for (const folder of ['src/', 'test/']) {
    for (const name of readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.test.ts')) continue
      const text = readFileSync(new URL(folder + name, root), 'utf8')
      // In a title, or in a table of cases.
      for (const [, row] of text.matchAll(/\b(?:row |row: )(\d+)[:,]/g)) covered.add(Number(row))
    }
  }
  const rows = Array.from({ length: 54 }, (_, i) => i + 1)
  assert.deepEqual(
    [...covered].sort((a, b) => a - b),
    rows,
  )
})
