/**
 * Recovery relies on this: an acknowledged insert is stored as it was sent, and may be sent again. Each test names a default of
 * the server that would break it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { noAgent, noCampaign, noGeo, noReferrer } from '../../enrich/enrichment.ts'
import { Event } from '../../events/event.ts'
import { eventsTable, writeEventRow } from '../event-row.ts'
import { blankProfile, profilesTable, writeProfileRow } from '../profile-row.ts'
import { RowBuffer, type RowChunk } from '../row-binary.ts'
import { insertRows } from './insert.ts'
import { createTestDatabase, skip, type TestDatabase } from './test-database.ts'

const enrichment = { agent: noAgent, campaign: noCampaign, referrer: noReferrer, channelGroup: '' as const, geo: noGeo }

function eventAt(offset: number, timeMs = 1_700_000_000_000): RowChunk {
  const row = new RowBuffer()
  const event = new Event()
  event.id = `e${offset}`
  event.customer = 'c'
  event.timeMs = timeMs
  const session = { sessionIndex: 1, sessionStartMs: timeMs }
  writeEventRow(row, 'shop', 0, {
    offset,
    position: offset,
    event,
    enrichment,
    ...session,
    late: false,
    duplicate: false,
  })
  return row.take()
}

function profileAt(version: number, state: string): RowChunk {
  const row = new RowBuffer()
  writeProfileRow(row, {
    ...blankProfile,
    customer: 'c',
    version,
    state: Buffer.from(state),
  })
  return row.take()
}

describe('an acknowledged insert', { skip }, () => {
  let database: TestDatabase

  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database.drop())

  const insertEvents = (...chunks: readonly RowChunk[]): Promise<void> =>
    insertRows(database.client, eventsTable, chunks)

  async function offsets(): Promise<number[]> {
    const rows = await database.select<{ n: number }>('SELECT offset::UInt32 AS n FROM events FINAL ORDER BY n')
    return rows.map(({ n }) => n)
  }

  test('is stored when it is acknowledged (async_insert is on by default)', async () => {
    const [settings] = await database.select(
      `SELECT getSetting('async_insert') AS async, getSetting('input_format_skip_unknown_fields') AS skips,
        getSetting('input_format_null_as_default') AS nulls`,
    )
    assert.deepEqual(settings, { async: false, skips: false, nulls: false })
    for (let offset = 0; offset < 5; offset++) {
      await insertEvents(eventAt(offset))
      assert.equal((await offsets()).length, offset + 1)
    }
  })

  test('may be repeated after any number of others (a de-duplication token would be forgotten by then)', async () => {
    const before = await offsets()
    for (const offset of [0, 1, 2, 3, 4, 0, 0, 4]) await insertEvents(eventAt(offset))
    await insertEvents(eventAt(1), eventAt(1))
    assert.deepEqual(await offsets(), before)
  })

  test('may overlap with others, as after a crash', async () => {
    await insertEvents(eventAt(100), eventAt(101), eventAt(102))
    await insertEvents(eventAt(101), eventAt(102), eventAt(103))
    assert.deepEqual((await offsets()).slice(-4), [100, 101, 102, 103])
  })

  test('tells two events of the same moment apart by their offsets', async () => {
    await insertEvents(eventAt(200, 5), eventAt(201, 5))
    assert.deepEqual((await offsets()).slice(-2), [200, 201])
  })

  test('may span more months than the server allows by default (100)', async () => {
    const months = Array.from({ length: 150 }, (_, month) => eventAt(1000 + month, Date.UTC(2000, month)))
    await insertEvents(...months)
    const [count] = await database.select('SELECT count()::UInt32 AS n FROM events FINAL WHERE offset >= 1000')
    assert.deepEqual(count, { n: 150 })
  })

  test('of the same profile version twice reads the same by FINAL and by argMax', async () => {
    for (const [version, state] of [
      [5, 'five'],
      [4, 'four'],
      [5, 'five'],
    ] as const) {
      await insertRows(database.client, profilesTable, [profileAt(version, state)])
    }
    assert.deepEqual(await database.select('SELECT state FROM profiles FINAL'), [{ state: 'five' }])
    assert.deepEqual(await database.select('SELECT argMax(state, version) AS state FROM profiles'), [{ state: 'five' }])
  })
})
