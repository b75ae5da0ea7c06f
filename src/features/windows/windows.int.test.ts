import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createTestDatabase, skip, type TestDatabase } from '../../store/clickhouse/test-database.ts'
import { compile, foldAll, gapMs, read } from '../test-fold.ts'
import type { Window } from '../window.ts'

const minuteMs = 60_000
const firstMs = Date.UTC(2026, 9, 24, 18)

const local = (zone: string, ms: string) => `toDate(formatDateTime(fromUnixTimestamp64Milli(${ms}), '%F', ${zone}))`
const samePeriod = (zone: string, start: string) => `${start}(${local(zone, 'ms')}) = ${start}(${local(zone, 'now')})`

/** Each window, and its definition: a condition on the rows of `e`, then one among those that meet it and the feature's. */
const cases: readonly { readonly window: Window; readonly sql: string; readonly among?: string }[] = [
  {
    window: { kind: 'panes', sizeMs: 30 * minuteMs, paneMs: 10 * minuteMs },
    sql: 'intDiv(now, 600000) - 3 < intDiv(ms, 600000)',
  },
  {
    window: { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 60 * minuteMs },
    sql: 'intDiv(now, 3600000) = intDiv(ms, 3600000)',
  },
  { window: { kind: 'sliding', sizeMs: 45 * minuteMs, maxEvents: 1_000 }, sql: 'now - 2700000 < ms' },
  {
    window: { kind: 'sliding', sizeMs: 90 * minuteMs, maxEvents: 3 },
    sql: 'now - 5400000 < ms',
    among: 'dense_rank() OVER (PARTITION BY c, meets ORDER BY ms DESC) <= 3',
  },
  {
    window: { kind: 'calendar', period: 'day', timezone: 'Europe/Paris' },
    sql: `toDate(fromUnixTimestamp64Milli(ms), 'Europe/Paris') = toDate(fromUnixTimestamp64Milli(now), 'Europe/Paris')`,
  },
  { window: { kind: 'calendar', period: 'day', timezone: 'customer' }, sql: samePeriod('zone', 'toDate') },
  { window: { kind: 'calendar', period: 'week', timezone: 'customer' }, sql: samePeriod('zone', 'toMonday') },
  { window: { kind: 'calendar', period: 'month', timezone: 'UTC' }, sql: samePeriod(`'UTC'`, 'toStartOfMonth') },
  {
    window: { kind: 'events', count: 4 },
    sql: 'true',
    among: 'row_number() OVER (PARTITION BY c, meets ORDER BY ms DESC, id DESC) <= 4',
  },
  { window: { kind: 'session' }, sql: 'ms >= session_ms' },
  { window: { kind: 'lifetime' }, sql: 'true' },
]

/** Beside each event: the stream time, the customer's timezone, and where the latest session begins. */
const events = (rows: string) => `
  WITH
    given AS (SELECT * FROM values('c UInt32, ms Int64, id String, type String, v Int32, tz String', ${rows})),
    gaps AS (
      SELECT *, max(ms) OVER (PARTITION BY c) AS now,
        ms - lagInFrame(ms, 1, 0) OVER (PARTITION BY c ORDER BY ms ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS gap,
        tz IN (SELECT time_zone FROM system.time_zones) AS is_zone
      FROM given
    ),
    customers AS (
      SELECT c, maxIf(ms, gap > ${gapMs}) AS session_ms, argMaxIf(tz, (ms, tz), is_zone) AS found,
        if(found = '', 'UTC', found) AS zone
      FROM gaps GROUP BY c
    ),
    e AS (SELECT * FROM gaps INNER JOIN customers USING c)`

describe('windows', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database.drop())

  const fact = fc.record({
    timeMs: fc
      .tuple(fc.integer({ min: 0, max: 500 }), fc.constantFrom(0, 0, 1, 59_999))
      .map(([minutes, ms]) => firstMs + minutes * minuteMs + ms),
    type: fc.constantFrom('a', 'b'),
    value: fc.integer({ min: 0, max: 99 }),
    timezone: fc.constantFrom('', '', 'America/New_York', 'Asia/Kolkata', 'Europe/Paris', 'Nowhere/Else'),
  })
  const customers = fc
    .sample(fc.array(fact, { minLength: 1, maxLength: 30 }), { numRuns: 300, seed: 7 })
    .map((facts) => facts.map((one, i) => ({ ...one, id: `e${(i * 7) % 30}` })))
  const rows = customers
    .flatMap((facts, n) => facts.map((f) => `(${n}, ${f.timeMs}, '${f.id}', '${f.type}', ${f.value}, '${f.timezone}')`))
    .join()

  for (const { window, sql, among = 'true' } of cases) {
    it(`give what SQL over the events does: ${JSON.stringify(window)}`, async () => {
      const where = 'type == "b"'
      const set = compile([
        { name: 'n', kind: { name: 'count' }, window, where },
        { name: 'total', kind: { name: 'sum', of: 'properties.v', scale: 0 }, window, where },
        { name: 'last', kind: { name: 'last', of: 'properties.v' }, window, where },
      ])
      const found = customers.map((facts) => read(set, foldAll(set, facts)))
      const result = await database.client.query({
        query: `${events(rows)},
          meeting AS (SELECT *, type = 'b' AND (${sql}) AS meets FROM e),
          held AS (SELECT *, meets AND (${among}) AS is_in FROM meeting)
          SELECT countIf(is_in) AS n, sumIf(v, is_in) AS total, if(n = 0, NULL, argMaxIf(v, (ms, v), is_in)) AS last
          FROM held GROUP BY c ORDER BY c`,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      })
      assert.deepEqual(await result.json(), found)
    })
  }
})
