import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { generateClicks } from '../bench/clicks.ts'
import { referenceActions } from '../bench/clicks-reference.ts'
import { startTestProxy } from '../src/store/clickhouse/test-proxy.ts'
import { freePort } from '../src/tools/stack/ports.ts'
import { type Service, skip, until, World } from './harness.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const partitions = 4

describe('a start that can not succeed', { skip }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.createTopics({ events: 2, three: 3, actions: 1, dead_letters: 1 })
  })
  after(() => world?.close())

  const events = () => ({ topics: [{ name: world.topic('events'), format: 'json' }] })

  /** Ends by itself with that code; the last words are one line for people, and no stack. */
  async function ends(service: Service, code: number, words: RegExp): Promise<void> {
    assert.deepEqual(await service.ended(), { code, signal: null }, service.output)
    const said = service.output.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
    assert.match(said.join('\n'), words)
    assert.doesNotMatch(service.output, /^ {4}at /m)
  }

  it('names the input topic that is missing, and the mend', async () => {
    const service = await world.start(world.writeConfig({ topics: [{ name: world.topic('missing'), format: 'json' }] }))
    await ends(service, 1, new RegExp(`^beckon: Kafka: .*${world.topic('missing')}\\b.*create it`))
  })

  for (const missing of ['actions', 'dead_letters'] as const) {
    it(`names the topic of the ${missing.replace('_', ' ')} where it is missing`, async () => {
      const output = {
        actions: world.topic('actions'),
        dead_letters: world.topic('dead_letters'),
        journal: world.topic('journal'),
        [missing]: world.topic('absent'),
      }
      const service = await world.start(world.writeConfig({ ...events(), output }))
      await ends(service, 1, new RegExp(`^beckon: Kafka: .*${world.topic('absent')}\\b.*create it`))
    })
  }

  it('says that topics of one profile differ in their partitions', async () => {
    const topics = ['events', 'three'].map((name) => ({ name: world.topic(name), format: 'json' }))
    const service = await world.start(world.writeConfig({ topics }))
    await ends(service, 1, /^beckon: .*same number of partitions: \S+events has 2, \S+three has 3/)
  })

  it('says that the brokers do not answer, and what to look at', async () => {
    const brokers = [`127.0.0.1:${await freePort()}`]
    const service = await world.start(world.writeConfig({ ...events(), kafka: { brokers } }))
    await ends(service, 1, /^beckon: Kafka: connecting to the brokers failed.*kafka\.brokers.*beckon doctor/)
  })

  it('says that the registry does not answer', async () => {
    const registry = { url: `http://127.0.0.1:${await freePort()}` }
    const output = {
      actions: world.topic('actions'),
      dead_letters: world.topic('dead_letters'),
      journal: world.topic('journal'),
      format: 'registry',
    }
    const service = await world.start(world.writeConfig({ ...events(), registry, output }))
    await ends(service, 1, /^beckon: Schema Registry: .*does not answer/)
  })

  it('says that the tables are missing, and names beckon migrate', async () => {
    const bare = await World.open({ withTables: false })
    try {
      await bare.createTopics({ events: 1, actions: 1, dead_letters: 1 })
      const service = await bare.start(bare.writeConfig({ topics: [{ name: bare.topic('events'), format: 'json' }] }))
      await ends(service, 1, /beckon migrate/)
    } finally {
      await bare.close()
    }
  })

  it('says that the tables are older than the program, or newer', async () => {
    const other = await World.open()
    try {
      await other.createTopics({ events: 1, actions: 1, dead_letters: 1 })
      const config = other.writeConfig({ topics: [{ name: other.topic('events'), format: 'json' }] })
      const { client } = other.database
      await client.command({ query: "INSERT INTO migrations (number, name, checksum) VALUES (9999, 'later', 'x')" })
      await ends(await other.start(config), 1, /migration 9999 \(later\) was applied by a newer version of beckon/)
      const query = 'DELETE FROM migrations WHERE number >= 6 SETTINGS mutations_sync = 1'
      await client.command({ query })
      await ends(await other.start(config), 1, /migrations are to be applied: 0006_settings\.sql.*; run beckon migrate/)
    } finally {
      await other.close()
    }
  })

  it('says that its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    try {
      const service = await world.start(world.writeConfig(events()), (holder.address() as AddressInfo).port)
      await ends(service, 1, /^beckon: .*EADDRINUSE.*set ops\.port/)
    } finally {
      holder.close()
    }
  })

  it('row 50: lists all faults of a configuration, each with its place', async () => {
    const wrong = world.writeConfig({
      topics: [{ name: world.topic('events'), format: 'xml' }],
      features: [{ name: 'views', count: {}, window: { size: '5m', pane: '2m' } }],
      actions: [{ name: 'Bad Name', when: 'true' }],
      surprise: 1,
    })
    const service = await world.start(wrong)
    await ends(service, 2, /xml|format/)
    for (const place of ['topics', 'features', 'actions', 'surprise']) assert.match(service.output, new RegExp(place))
    assert.match(service.output, /beckon-\w+\.yaml:1:\d+/)
    assert.match(service.output, /4 faults$/m)
  })

  it('row 50: lists all faults of expressions, a pattern that would run for ever among them', async () => {
    const service = await world.start(
      world.writeConfig({
        ...events(),
        features: [{ name: 'views', count: {}, where: 'typ == "view"', window: 'lifetime' }],
        actions: [
          { name: 'a', when: 'views + 1' },
          { name: 'b', when: 'url.matches("^(a+)+$")' },
        ],
      }),
    )
    await ends(service, 2, /did you mean type\?/)
    assert.match(service.output, /3 faults$/m)
  })

  it('names the configuration file that is missing', async () => {
    const service = await world.start('/nowhere/beckon.yaml')
    await ends(service, 2, /\/nowhere\/beckon\.yaml/)
  })
})

describe('ClickHouse that is down at the start', { skip }, () => {
  it('is waited for, in plain sight, and then all is done', async () => {
    const world = await World.open()
    const proxy = await startTestProxy(new URL(world.database.options.url))
    try {
      await proxy.away()
      await world.createTopics({ events: 2, actions: 1, dead_letters: 1 })
      const value = (n: number) =>
        JSON.stringify({ type: 'page', userId: `u${n % 10}`, timestamp: Date.UTC(2026, 0, 1) + n })
      await world.produce(
        'events',
        Array.from({ length: 100 }, (_, n) => ({ key: `u${n % 10}`, value: value(n) })),
      )
      const service = await world.start(
        world.writeConfig({
          topics: [{ name: world.topic('events'), format: 'json' }],
          clickhouse: { ...world.database.options, url: proxy.url },
          features: [{ name: 'pages', count: {}, window: 'lifetime' }],
        }),
      )
      await service.logged('clickhouse.away')
      await service.logged('started')
      assert.equal(await service.metric('beckon_clickhouse_up'), 0)
      assert.equal(await service.metric('beckon_events_consumed_total'), 0)
      await proxy.back()
      await world.consumed(service, 'events')
      await until('the metric says that it is back', async () => (await service.metric('beckon_clickhouse_up')) === 1)
      assert.deepEqual(await service.stop(), { code: 0, signal: null })
      const [found] = await world.select('SELECT toString(count()) AS events FROM events FINAL')
      assert.deepEqual(found, { events: '100' })
      const rows = await world.select<{ pages: number }>(`SELECT numbers['pages'] AS pages FROM customers`)
      assert.deepEqual(
        rows,
        Array.from({ length: 10 }, () => ({ pages: 10 })),
      )
    } finally {
      await world.close()
      await proxy.close()
    }
  })
})

describe('SIGTERM', { skip }, () => {
  it('ends the work in order: the partitions pass on at once, and nothing is lost or done twice', async () => {
    const world = await World.open()
    try {
      const clicks = [...generateClicks({ count: 40_000, customers: 1_000, seed: 5, spanMs: 4 * 3_600_000 })]
      await world.createTopics({ clicks: partitions, actions: partitions, dead_letters: 1 })
      const { topics, features, actions, arbitration } = parse(readFileSync(path('bench/clicks.yaml'), 'utf8'))
      const records = clicks.map(({ customer, value }) => ({ key: customer, value }))
      const half = records.length / 2
      await world.produce('clicks', records.slice(0, half))
      const config = world.writeConfig({
        topics: [{ ...topics[0], name: world.topic('clicks'), schema: path('bench/clicks.avsc') }],
        features,
        actions,
        arbitration,
        slice: { max_events: 400 }, // Small, so that it is stopped in the midst of the work.
      })

      const first = await world.start(config)
      await until(
        'the first has begun',
        async () =>
          first.lines.some(({ event }) => event === 'started') &&
          (await first.metric('beckon_events_consumed_total')) > 5_000,
      )
      // Two at once: each owns some of the partitions, and those that the first gives up must pass to the second.
      const second = await world.start(config)
      await second.logged('assigned', ({ count }) => count === partitions / 2)
      assert.deepEqual(await first.stop(), { code: 0, signal: null })
      await second.logged('assigned', ({ count }) => count === partitions)
      // What the first left, and more: however quick it was, there is work for the second.
      await world.produce('clicks', records.slice(half))
      await until('the second goes on', async () => (await second.metric('beckon_events_consumed_total')) > 5_000)
      assert.deepEqual(await second.stop(), { code: 0, signal: null })

      const third = await world.start(config)
      await world.consumed(third, 'clicks')
      assert.deepEqual(await third.stop(), { code: 0, signal: null })
      for (const service of [first, second, third]) {
        assert.equal(service.lines.at(-1)?.event, 'stopped', service.output)
        assert.deepEqual(service.faults, [])
      }

      const line = (customer: string, action: string, timeMs: number) => `${customer} ${action} ${timeMs}`
      const seen = (await world.read('actions')).map(({ value }) => JSON.parse(String(value)))
      assert.deepEqual(
        seen.map(({ customer, action, time }) => line(customer, action, time)).sort(),
        referenceActions(clicks)
          .map(({ customer, action, timeMs }) => line(customer, action, timeMs))
          .sort(),
      )
      const [found] = await world.select<{ events: string; actions: string }>(
        'SELECT toString((SELECT count() FROM events FINAL)) AS events, toString((SELECT count() FROM actions FINAL)) AS actions',
      )
      assert.deepEqual(found, { events: String(clicks.length), actions: String(seen.length) })
    } finally {
      await world.close()
    }
  })
})
