import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ConsentStatement } from '../../ingest/consent.ts'
import { consentTable, writeConsentRow } from '../consent-row.ts'
import { RowBuffer } from '../row-binary.ts'
import { readConsent } from './consent.ts'
import { insertRows } from './insert.ts'
import { createTestDatabase, skip, type TestDatabase } from './test-database.ts'

const startMs = Date.UTC(2026, 2, 1)

/** What a customer said, in the order in which it was read: a purpose, a channel, yes or no, and when; ms from the start. */
type Said = readonly [purpose: string, channel: string, given: boolean, ms: number]

const cases: readonly (readonly [customer: string, said: readonly Said[], now: readonly string[]])[] = [
  ['nobody', [], []],
  ['once', [['news', 'email', true, 1]], ['news email yes 1 @0']],
  [
    'latest',
    [
      ['news', '', true, 1],
      ['news', '', false, 3],
      ['news', '', true, 2],
    ],
    ['news  no 3 @1'],
  ],
  [
    'channel after all',
    [
      ['news', '', true, 1],
      ['news', 'email', false, 2],
    ],
    ['news  yes 1 @0', 'news email no 2 @1'],
  ],
  [
    'all after channel',
    [
      ['news', 'email', false, 1],
      ['news', '', true, 2],
    ],
    ['news  yes 2 @1'],
  ],
  [
    'late for all',
    [
      ['news', 'email', true, 3],
      ['news', '', false, 2],
    ],
    ['news  no 2 @1', 'news email yes 3 @0'],
  ],
  [
    'at once',
    [
      ['news', 'email', true, 1],
      ['news', '', false, 1],
    ],
    ['news  no 1 @1'],
  ],
  [
    'back at once',
    [
      ['news', '', false, 1],
      ['news', 'email', true, 1],
    ],
    ['news  no 1 @0', 'news email yes 1 @1'],
  ],
  [
    'two purposes',
    [
      ['news', '', true, 1],
      ['surveys', 'sms', false, 9],
    ],
    ['news  yes 1 @0', 'surveys sms no 9 @1'],
  ],
]

describe('consent as it is now, by the statements in the table', { skip }, () => {
  let database: TestDatabase

  before(async () => {
    database = await createTestDatabase()
    const row = new RowBuffer()
    for (const [customer, said] of cases) {
      for (const [i, [purpose, channel, given, ms]] of said.entries()) {
        const statement: ConsentStatement = { customer, purpose, channel, given, timeMs: startMs + ms }
        writeConsentRow(row, { statement, at: { topic: 'consents', partition: 3, offset: i, position: 100 + i } })
      }
    }
    // A replay inserts them again.
    const chunk = row.take()
    for (let times = 0; times < 2; times++) await insertRows(database.client, consentTable, [chunk])
  })
  after(() => database.drop())

  for (const [customer, , now] of cases) {
    test(`${customer}: ${now.join(', ') || 'nothing'}`, async () => {
      const rows = await readConsent(database.client, customer)
      assert.deepEqual(
        rows.map(({ purpose, channel, given, since, topic, partition, offset }) => {
          assert.deepEqual([topic, partition], ['consents', 3])
          return `${purpose} ${channel} ${given ? 'yes' : 'no'} ${Date.parse(`${since}Z`) - startMs} @${offset}`
        }),
        now,
      )
    })
  }

  test('what was said before the customer was erased does not count', async () => {
    const columns: [string, ...string[]] = ['partition', 'customer', 'version', 'erased_before']
    const values = [[3, 'two purposes', 200, 101]]
    await database.client.insert({ table: 'profiles', columns, values, format: 'JSONCompactEachRow' })
    const rows = await readConsent(database.client, 'two purposes')
    assert.deepEqual(
      rows.map(({ purpose }) => purpose),
      ['surveys'],
    )
  })
})
