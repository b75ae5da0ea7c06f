import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createTestDatabase, skip, type TestDatabase } from '../../store/clickhouse/test-database.ts'
import { zoneNames, zoneOf } from './calendar.ts'
import { serverZones } from './server-zones.ts'

describe('timezones', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database?.drop())

  it('are those of a real server: npm run zones writes the list anew', async () => {
    const known = await database.select<{ time_zone: string }>('SELECT time_zone FROM system.time_zones')
    assert.deepEqual(
      known.map(({ time_zone }) => time_zone).sort(),
      [...serverZones].sort(),
      'the list is of another version of ClickHouse',
    )
    assert.ok(zoneNames().length > 500)
  })

  it('have the local dates that the server has, also around the hours in which clocks change', async () => {
    const quarterMs = 900_000
    // Few, since a server takes long to learn a timezone.
    const zones = fc.sample(fc.constantFrom(...zoneNames()), { numRuns: 12, seed: 11 })
    const name = fc.constantFrom('America/St_Johns', 'America/Goose_Bay', 'Australia/Lord_Howe', ...zones)
    // What is to come differs: each version of Node and of the server has the rules of its day.
    const years = { min: Date.UTC(2000, 0, 2) / quarterMs, max: Date.UTC(2026, 0, 1) / quarterMs }
    const within = fc.constantFrom(0, 30_000, 59_999, 60_000, 300_000, quarterMs - 1)
    const anyTime = fc.tuple(name, fc.integer(years), within)
    // The nights from Saturday to Sunday in spring and autumn.
    const night = fc
      .tuple(fc.integer({ min: 0, max: 25 }), fc.constantFrom(2, 3, 9, 10), fc.integer({ min: 1, max: 31 }), fc.nat(60))
      .map(([year, month, day, quarter]) => Date.UTC(2000 + year, month, day) / quarterMs + quarter)
    const sample = (of: typeof anyTime) => fc.sample(of, { numRuns: 1_000, seed: 11 })
    const asked = [...sample(anyTime), ...sample(fc.tuple(name, night, within))].map(
      ([zone, quarter, ms]) => [zone, quarter * quarterMs + ms] as const,
    )
    const result = await database.client.query({
      query: `SELECT arrayMap((zone, ms) -> toUInt32(toDate(formatDateTime(fromUnixTimestamp64Milli(ms), '%F', zone))),
        {zones: Array(String)}, {times: Array(Int64)}) AS days`,
      query_params: { zones: asked.map(([zone]) => zone), times: asked.map(([, ms]) => ms) },
      format: 'JSONEachRow',
    })
    const [{ days }] = (await result.json()) as [{ days: number[] }]
    for (const [i, [zone, ms]] of asked.entries()) {
      assert.equal(zoneOf(zone)!.index('day', ms), days[i], `${zone} at ${new Date(ms).toISOString()}`)
    }
  })
})
