import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { fileURLToPath } from 'node:url'
import { declareAll } from '../../test/parity/declarations.ts'
import { disturb } from '../../test/parity/disturb.ts'
import type { Engine } from '../engine.ts'
import type { Value } from '../events/event.ts'
import { Pipeline } from '../pipeline.ts'
import { Profile } from '../profiles/profile.ts'
import { readFeatures } from '../profiles/readable.ts'
import { compileStages } from '../stages.ts'
import { insertRows } from '../store/clickhouse/insert.ts'
import { createTestDatabase, skip, type TestDatabase } from '../store/clickhouse/test-database.ts'
import { eventsTable } from '../store/event-row.ts'
import { SliceRows } from '../store/slice-rows.ts'
import { Random } from '../tools/demo/random.ts'
import { MemoryProfiles } from '../tools/replay/memory-profiles.ts'
import { RowBatch } from '../tools/replay/row-batch.ts'
import { openEngine } from './config-option.ts'
import { featuresCommand } from './features.ts'
import { parityCommand } from './parity.ts'
import { runInProcess } from './test-setup.ts'

const program = fileURLToPath(new URL('../../../bin/beckon.js', import.meta.url))
const hourMs = 3_600_000
const noonMs = Date.UTC(2026, 0, 31, 12)

interface Given {
  readonly customer: string
  readonly timeMs: number
  readonly type: string
  readonly properties?: Readonly<Record<string, Value>>
  readonly id?: string
}

const mapping = { id: 'id', customer: 'customer', type: 'type', time: 'timeMs', properties: 'properties' }

/** The events through the service's pipeline, in the order of arrival. */
function fold(engine: Engine, events: readonly Given[]) {
  const profiles = new MemoryProfiles([])
  const pipeline = new Pipeline(compileStages(engine, 'json'))
  const rows = events.map((event, line) => {
    return { kind: 'json', line, bytes: Buffer.from(JSON.stringify({ id: `${line}`, ...event })) } as const
  })
  const batch = new RowBatch('shop', rows, 0)
  const nowMs = Date.UTC(2027, 0, 1)
  const decoded = pipeline.decode(batch, 0, rows.length, nowMs)
  const { events: folded, tally } = pipeline.fold(batch, 0, decoded, profiles, nowMs)
  assert.equal(tally.deadLetters.size, 0)
  return { profiles, chunk: new SliceRows().ofEvents('shop', 0, (write) => write(folded)) }
}

describe('beckon features', { skip }, () => {
  let database: TestDatabase
  const folder = mkdtempSync(join(tmpdir(), 'beckon-features-'))
  const file = (name: string, text?: string) => {
    if (text !== undefined) writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const configure = (features: readonly unknown[]): Engine => {
    const sections = {
      kafka: { brokers: ['none:1'] },
      clickhouse: database.options,
      topics: [{ name: 'shop', format: 'json', key: 'any', mapping }],
      features,
      dedupe: { window: '365d' },
    }
    return openEngine(file('beckon.yaml', JSON.stringify(sections)))
  }
  const store = async (engine: Engine, events: readonly Given[]) => {
    await database.client.command({ query: 'TRUNCATE TABLE events' })
    await insertRows(database.client, eventsTable, [fold(engine, events).chunk])
  }
  const run = (...args: string[]) => runInProcess(featuresCommand(), '-c', file('beckon.yaml'), ...args)
  const csv = async (...args: string[]) => {
    const { err, code } = await run(...args, '--out', file('out.csv'))
    assert.deepEqual([err, code], ['', 0])
    return readFileSync(file('out.csv'), 'utf8').trimEnd().split('\n')
  }

  before(async () => {
    database = await createTestDatabase()
  })
  after(async () => {
    await database?.drop()
    rmSync(folder, { recursive: true })
  })

  describe('over a few events around a moment', () => {
    before(async () => {
      const hour = { size: '1h', pane: '1m' }
      const engine = configure([
        { name: 'views', count: {}, where: 'type == "view"', window: 'lifetime' },
        { name: 'views_1h', count: {}, where: 'type == "view"', window: hour },
        { name: 'latest', last: 'properties.sku', window: 'lifetime' },
        { name: 'idle', time_since: {}, window: 'lifetime' },
        { name: 'share', smoothed_rate: 'type == "view"', prior: 0.25, window: 'lifetime' },
        { name: 'per_view', value: 'share / views' },
      ])
      const view = (customer: string, timeMs: number, sku: string) => {
        return { customer, timeMs, type: 'view', properties: { sku } }
      }
      await store(engine, [
        view('at', noonMs, 'future'),
        view('before', noonMs - 1, 'past'),
        view('both', noonMs - hourMs, 'an hour ago'),
        view('both', noonMs - hourMs + 60_000, 'within the hour'),
        view('both', noonMs + 1, 'future'),
        { ...view('twice', noonMs - 5_000, 'once'), id: 'same' },
        { ...view('twice', noonMs - 5_000, 'once'), id: 'same' },
      ])
    })

    it('knows what came a ms before it, not what came at it, and windows end with it', async () => {
      assert.deepEqual(await csv('--as-of', '2026-01-31T12:00:00Z'), [
        '"customer","time","views","views_1h","latest","idle","share","per_view"',
        '"before","2026-01-31T12:00:00.000Z",1,1,"past",0,0.3181818181818182,0.3181818181818182',
        '"both","2026-01-31T12:00:00.000Z",2,1,"within the hour",3540,0.375,0.1875',
        '"twice","2026-01-31T12:00:00.000Z",1,1,"once",5,0.3181818181818182,0.3181818181818182',
      ])
    })

    it('are a view that goes with the time, of the SQL that parity prints', async () => {
      const nowMs = Date.now()
      const view = (minutesAgo: number) => ({ customer: 'late', timeMs: nowMs - minutesAgo * 60_000, type: 'view' })
      await insertRows(database.client, eventsTable, [
        fold(openEngine(file('beckon.yaml')), [view(90), view(70), view(10), view(-10)]).chunk,
      ])
      const printed = await runInProcess(parityCommand(), '--sql', '--as-of', 'now', '-c', file('beckon.yaml'))
      assert.deepEqual([printed.err, printed.code], ['', 0])
      const query = printed.out.trim().replace(/;$/, '')
      await database.client.command({ query: `CREATE OR REPLACE VIEW features_now AS ${query}` })
      const read = 'SELECT toUInt32(views) AS views, toUInt32(views_1h) AS views_1h FROM features_now WHERE customer = '
      assert.deepEqual(await database.select(`${read} 'late'`), [{ views: 3, views_1h: 1 }])
      assert.deepEqual(await database.select(`${read} 'both'`), [{ views: 3, views_1h: 0 }])
      await database.client.command({ query: 'DROP VIEW features_now' })
      await database.client.command({
        query: "DELETE FROM events WHERE customer = 'late' SETTINGS lightweight_deletes_sync = 2",
      })
    })

    it('writes no text that a spreadsheet takes for a formula, and leaves numbers as they are', async () => {
      const given = ['=1+1', '+1-1', '-cmd', '@SUM(A1)', '\t=1', '"\r=1"', '-5', '+1.5e3', 'a=1', "'=1", 'é']
      const rows = file('formulas.csv', `customer,note\n${given.map((text) => `${text},${text}`).join('\n')}\n`)
      const lines = await csv('--as-of', '2026-01-31T12:00:00Z', '--customers', rows, '--features', 'views')
      const spoken = ["'=1+1", "'+1-1", "'-cmd", "'@SUM(A1)", "'\t=1", "'\r=1", '-5', '+1.5e3', 'a=1', "'=1", 'é']
      assert.deepEqual(
        lines.slice(1),
        spoken.map((text) => `"${text}","2026-01-31T12:00:00.000Z","${text}",0`),
      )
    })

    it('gives each row of a file what was known before its own moment, and carries its other columns along', async () => {
      const rows = [
        'label,customer,time,ROW,AT',
        `yes,both,${noonMs + 2},r1,a`,
        'no,both,2026-01-31T12:00:00Z,r2,',
        'no,both,2026-01-31T12:00:00.001Z,r3,',
        '"a ""b"", c",nobody,2026-01-31T13:00:00+01:00,r4,',
        'yes,at,2026-01-31T12:00:00.001Z,r5,',
      ]
      const chosen = ['--features', 'latest,views,share,per_view']
      assert.deepEqual(await csv('--rows', file('rows.csv', rows.join('\n')), ...chosen), [
        '"customer","time","label","ROW","AT","latest","views","share","per_view"',
        '"both","2026-01-31T12:00:00.002Z","yes","r1","a","future",3,0.4230769230769231,0.14102564102564102',
        '"both","2026-01-31T12:00:00.000Z","no","r2","","within the hour",2,0.375,0.1875',
        '"both","2026-01-31T12:00:00.001Z","no","r3","","within the hour",2,0.375,0.1875',
        '"nobody","2026-01-31T12:00:00.000Z","a ""b"", c","r4","",,0,0.25,',
        '"at","2026-01-31T12:00:00.001Z","yes","r5","","future",1,0.3181818181818182,0.3181818181818182',
      ])
    })

    it('gives the rows in the order of the file, also where they are more than one query takes', async () => {
      const asked = Array.from({ length: 2_500 }, (_, n) => `${['both', 'at', 'nobody'][n % 3]},${noonMs + 1 + n},${n}`)
      const lines = await csv(
        '--rows',
        file('many.csv', ['customer,time,n', ...asked].join('\n')),
        '--features',
        'views',
      )
      const views = (n: number) => [n === 0 ? 2 : 3, 1, 0][n % 3]
      const found = lines.slice(1).map((line) => line.split(',').slice(2).join())
      assert.deepEqual(
        found,
        asked.map((_, n) => `"${n}",${views(n)}`),
      )
    })

    it('takes the customers of a file, and says in a line what came of it', async () => {
      const customers = file('customers.csv', 'customer\nboth\nnobody\n')
      const args = ['--as-of', String(noonMs), '--customers', customers, '--features', 'views', '--json']
      const { out } = await run(...args, '--out', file('out.csv'))
      const { seconds, ...summary } = JSON.parse(out)
      assert.deepEqual(summary, { rows: 2, features: 1 })
      assert.equal(typeof seconds, 'number')
      assert.match(readFileSync(file('out.csv'), 'utf8'), /"both",.*,2\n"nobody",.*,0\n$/)
    })

    it('says why where it finds nothing', async () => {
      const said = mock.method(process.stderr, 'write', () => true)
      await run('--as-of', '2001-01-01', '--features', 'views', '--out', file('none.csv'))
      const text = said.mock.calls.map(({ arguments: [line] }) => String(line)).join('')
      said.mock.restore()
      assert.match(text, /no events before 2001-01-01T00:00:00\.000Z: the first event is at 20\d\d-/)
    })

    it('refuses what does not say what is asked for', async () => {
      const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
        [[], /either --as-of or --rows/],
        [['--as-of', '2026-01-01', '--rows', 'a'], /either --as-of or --rows/],
        [['--rows', 'a', '--customers', 'b'], /--customers goes with --as-of/],
        [['--rows', file('none.csv')], /none\.csv/],
        [['--rows', file('a.csv', 'customer,when\na,1\n')], /no column time/],
        [['--rows', file('b.csv', 'customer,time\na,2026-01-01\nb,yesterday\n')], /b\.csv, line 3: time is neither/],
        // Seconds.
        [['--rows', file('c.csv', 'customer,time\na,1769860800\n')], /line 2: time is neither/],
        [['--rows', file('d.csv', 'customer,time\n')], /no row/],
        [['--rows', file('e.csv', 'customer,time,a,a\nb,2026-01-01,1,2\n')], /the header has two columns called/],
        [['--rows', file('f.csv', 'customer,time,views\nb,2026-01-01,1\n')], /views is a feature and another column/],
        [['--rows', file('g.csv', 'customer,time\n,2026-01-01\n')], /line 2: no customer/],
        [['--rows', file('h.csv', 'customer,time\na,2026-01-01\nb\n')], /line 3: the row has 1 fields/],
        [['--as-of', '2026-01-01', '--customers', file('b.csv')], /a column time, where one moment is given/],
        [['--as-of', '2026-01-01', '--features', 'views,visits'], /no feature visits: there are views, /],
      ]
      for (const [args, message] of cases) {
        const { err, code } = await run(...args)
        assert.match(err, message)
        assert.equal(code, 2, err)
      }
    })
  })

  it('writes to stdout for the next program, and is wrong usage where the time is none', () => {
    configure([{ name: 'views', count: {}, window: 'lifetime' }])
    const beckon = (...args: string[]) =>
      spawnSync(process.execPath, [program, 'features', '-c', file('beckon.yaml'), ...args], { encoding: 'utf8' })
    const { stdout, stderr, status } = beckon('--as-of', '2026-01-31T12:00Z', '--json')
    assert.equal(stdout.split('\n')[1], '"before","2026-01-31T12:00:00.000Z",1')
    assert.deepEqual([JSON.parse(stderr).rows, status], [3, 0])
    const wrong = beckon('--as-of', '2026-02-30')
    assert.match(wrong.stderr, /Give a time in ISO 8601/)
    assert.equal(wrong.status, 2)
  })

  it('refuses features that have no SQL, by their names', async () => {
    configure([
      { name: 'views', count: {}, window: 'lifetime' },
      { name: 'odd', count: {}, where: '{type: 1}.view == 1', window: 'lifetime' },
      { name: 'from_traits', value: 'size(traits) > 1' },
    ])
    const { err, code } = await run('--as-of', '2026-01-01')
    assert.match(err, /^odd has no SQL: .*\nfrom_traits has no SQL: .*\nchoose others/)
    assert.equal(code, 2)
    assert.equal((await run('--as-of', '2026-01-01', '--features', 'views', '--out', file('out.csv'))).code, 0)
  })

  it('gives what the core gives of the events before the moment, for every kind in every window', async () => {
    const random = new Random(11)
    const customers = 24
    const histories = Array.from({ length: customers }, (_, c) => {
      let timeMs = Date.UTC(2026, 0, 1)
      return Array.from({ length: 60 }, (_, n): Given => {
        timeMs += Math.floor(random.exponential(random.chance(0.2) ? 3 * 24 * hourMs : 600_000))
        const coupon = random.pick([{}, {}, { coupon: null }, { coupon: 'X' }])
        const properties = { price: random.below(10_000) / 100, sku: `s${random.below(12)}`, ...coupon }
        return { id: `${c}-${n}`, customer: `c${c}`, type: random.pick(['view', 'purchase']), timeMs, properties }
      })
    })
    // `session_events` is of the order of arrival, so every other customer's events come in that of their time.
    const ordered = (customer: string) => Number(customer.slice(1)) % 2 === 0
    const late = { latenessMs: 1_800_000, duplicates: 0.05, stragglers: 0.05, seed: 3 }
    const events = histories.flatMap((history) => (ordered(history[0]!.customer) ? history : disturb(history, late)))
    const engine = configure([
      ...declareAll({
        number: 'properties.price * 1.5',
        text: 'properties.sku',
        conditions: ['has(properties.coupon) && session_events > 2 || properties.price > 50'],
        // What a bound comes to in an expression is none of this test.
      }).filter(({ name }) => name !== 'bounded'),
      { name: 'bought', funnel: ['type == "view"', 'type == "purchase"'], within: '1h', window: 'lifetime' },
      { name: 'in_time', count: {}, window: 'lifetime', lateness: '10m' },
    ])
    await store(engine, events)
    const asked = Array.from({ length: 200 }, (_, n) => {
      const history = random.pick(histories)
      const { customer, timeMs } = random.pick(history)
      // At an event, right after it, some time after it, before all and after all of them.
      return {
        n,
        customer,
        timeMs: timeMs + random.pick([0, 1, random.below(hourMs), random.below(5 * 24 * hourMs), -90 * 24 * hourMs]),
      }
    })
    const rows = ['customer,time,n', ...asked.map(({ n, customer, timeMs }) => `${customer},${timeMs},${n}`)]
    const { err, code } = await run('--rows', file('rows.csv', rows.join('\n')), '--out', file('out.parquet'))
    assert.deepEqual([err, code], ['', 0])

    const found = await readParquet(database, file('out.parquet'))
    assert.equal(found.length, asked.length)
    let compared = 0
    for (const [i, { n, customer, timeMs }] of asked.entries()) {
      const { customer: who, time, n: number, ...features } = found[i]!
      assert.deepEqual([who, Date.parse(`${time}Z`), number], [customer, timeMs, String(n)])
      const before = events.filter((event) => event.customer === customer && event.timeMs < timeMs)
      const profile = before.length > 0 ? fold(engine, before).profiles.of(customer) : new Profile(customer)
      const wanted = valuesOf(engine, profile, timeMs)
      for (const [name, value] of Object.entries(features)) {
        if (!ordered(customer) && name.endsWith('_1')) continue
        compared++
        assertSame(value, wanted.get(name), name, `${name} of ${customer} before ${timeMs}`)
      }
    }
    assert.ok(compared > 200 * 200)
  })
})

async function readParquet({ client }: TestDatabase, path: string): Promise<Record<string, unknown>[]> {
  const result = await client.query({
    query: `SELECT * FROM format(Parquet, unhex('${readFileSync(path).toString('hex')}'))`,
    format: 'JSONEachRow',
    clickhouse_settings: { max_query_size: '10000000' },
  })
  return result.json()
}

function valuesOf(engine: Engine, profile: Profile, asOfMs: number): Map<string, unknown> {
  const { numberNames, numbers, stringNames, strings, listNames, lists, mapNames, maps } = readFeatures(
    engine.features,
    profile,
    asOfMs,
  )
  return new Map<string, unknown>([
    ...numberNames.map((name, i) => [name, numbers[i]] as const),
    ...stringNames.map((name, i) => [name, strings[i]] as const),
    ...listNames.map((name, i) => [name, lists[i]] as const),
    ...mapNames.map((name, i) => [name, Object.fromEntries(maps[i]!)] as const),
  ])
}

/** How near the stream says that it is, by the first part of a declared name; a share of the value. */
const bounds: Readonly<Record<string, number>> = {
  variance: 1e-12,
  stddev: 1e-12,
  decayed: 1e-9,
  median: 0.0101,
  sketch: 5 * 0.01625,
}

function assertSame(value: unknown, wanted: unknown, name: string, of: string): void {
  const bound = bounds[name.split('_')[0]!]
  if (bound !== undefined && typeof value === 'number' && typeof wanted === 'number') {
    assert.ok(Math.abs(value - wanted) <= bound * Math.abs(value) + 1e-9, `${of}: ${value} for ${wanted}`)
  } else if (typeof value === 'string' && typeof wanted === 'object' && wanted !== null) {
    assert.deepEqual(JSON.parse(value), wanted, of)
  } else {
    // A column is of one type, so what may be of any is a text.
    assert.deepEqual(value, typeof value === 'string' ? String(wanted) : (wanted ?? null), of)
  }
}
