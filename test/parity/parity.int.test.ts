import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ParitySummary } from '../../src/parity/tally.ts'
import { Random } from '../../src/tools/demo/random.ts'
import { skip, until, World } from '../harness.ts'
import { declareAll } from './declarations.ts'
import { disturb } from './disturb.ts'

const program = fileURLToPath(new URL('../../../bin/beckon.js', import.meta.url))
const customers = 40
const features = declareAll({
  number: 'properties.price * 1.5',
  text: 'properties.sku',
  conditions: ['type == "purchase" || properties.price > 50', 'has(properties.coupon) && session_events > 2'],
})

/** Visits over two months, with coupons that are there, null or missing. */
function history() {
  const random = new Random(7)
  return Array.from({ length: customers }, (_, c) => {
    let timeMs = Date.UTC(2026, 0, 1)
    return Array.from({ length: 80 }, (_, n) => {
      timeMs += random.exponential(random.chance(0.2) ? 4 * 86_400_000 : 600_000)
      const coupon = random.pick([{}, {}, { coupon: null }, { coupon: 'X' }])
      const price = random.below(10_000) / 100
      const own = { price, sku: `s${random.below(12)}`, ...coupon }
      const type = random.pick(['view', 'view', 'purchase'])
      return { id: `${c}-${n}`, customer: `someone-${c}`, type, timeMs: Math.floor(timeMs), properties: own }
    })
  }).flat()
}

describe('beckon parity', { skip }, () => {
  let world: World
  let config: string
  const run = (...args: string[]) => {
    const { status, stdout } = spawnSync(process.execPath, [program, 'parity', '-c', config, ...args], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    })
    return { status, stdout, last: stdout.trimEnd().split('\n').at(-1)! }
  }

  before(async () => {
    world = await World.open()
    await world.createTopics({ shop: 3, actions: 1, dead_letters: 1 })
    const arrivals = disturb(history(), { latenessMs: 1_800_000, duplicates: 0.05, stragglers: 0.05, seed: 3 })
    const messages = arrivals.map((event) => ({ key: event.customer, value: JSON.stringify(event) }))
    await world.produce('shop', messages)
    const mapping = { id: 'id', customer: 'customer', type: 'type', time: 'timeMs', properties: 'properties' }
    config = world.writeConfig({
      topics: [{ name: world.topic('shop'), format: 'json', mapping }],
      features,
      // So that every copy is known, however much later it comes.
      dedupe: { window: '365d' },
      parity: { every: '1s', sample: 10 },
    })
  })
  after(() => world?.close())

  it('is checked by the running service now and then, on a sample', async () => {
    const service = await world.start(config)
    await world.consumed(service, 'shop')
    await world.stored(service)
    await until('a check compared ten customers', async () => {
      return (await service.metric('beckon_parity_compared')) === 10 * features.length
    })
    assert.ok((await service.metric('beckon_parity_last_run_timestamp_seconds')) > 0)
    assert.equal(await service.metric('beckon_parity_different'), 0)
    assert.deepEqual(await service.stop(), { code: 0, signal: null })
    assert.deepEqual(service.faults, [])
  })

  it('finds every feature of every customer equal, with disorder, late events and duplicates', async () => {
    const [seen] = await world.select<Record<string, string>>(
      'SELECT countIf(late) > 50 AS late, countIf(duplicate) > 50 AS duplicates FROM events FINAL',
    )
    assert.deepEqual(seen, { late: 1, duplicates: 1 })
    const { status, last } = run('--json')
    const compared = features.length * customers
    const { equal, within_bound: near, worst, ...rest } = JSON.parse(last) as ParitySummary
    assert.deepEqual(rest, { features: features.length, compared, different: 0, untold: 0 })
    assert.equal(equal + near, compared)
    assert.ok(near < compared / 10 && worst < 0.1)
    assert.equal(status, 0)
  })

  it('prints the SQL, which runs by itself, also as of one moment', async () => {
    const queries = (...args: string[]) =>
      run('--sql', ...args)
        .stdout.split(/;\n/)
        .filter((text) => text !== '')
    const rows = await world.select<{ count_lifetime: number }>(queries()[0]!)
    assert.equal(rows.length, customers)
    const total = (all: typeof rows) => all.reduce((sum, { count_lifetime }) => sum + count_lifetime, 0)
    assert.equal(total(rows), customers * 80)
    const until = '2026-01-05T00:00:00Z'
    const early = history().filter(({ timeMs }) => timeMs <= Date.parse(until)).length
    assert.equal(total(await world.select<{ count_lifetime: number }>(queries('--as-of', until)[0]!)), early)
  })

  it('fails where the events do not say what the profiles do, and names customers only when asked', async () => {
    await world.database.client.command({
      query: `INSERT INTO events SELECT * REPLACE (time + toIntervalMillisecond(1) AS time)
        FROM events FINAL WHERE customer = 'someone-7' AND NOT duplicate LIMIT 1`,
    })
    const { status, stdout, last } = run('--json')
    assert.equal(status, 1)
    const { different, worst } = JSON.parse(last) as ParitySummary
    assert.ok(different >= 1 && worst > 0)
    assert.ok(!stdout.includes('someone-7'))
    assert.match(run('--show').stdout, /count_lifetime of someone-7: profile 80, SQL 81/)
  })
})
