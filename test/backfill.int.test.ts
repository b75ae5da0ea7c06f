import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Service, skip, World } from './harness.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))

/** Rules change while there are customers: what they have anew is computed from the events, and is whole or not there. */
describe('features that are new to customers who have events', { skip }, () => {
  let world: World
  let fed = 0
  /** More than a step takes of each partition. */
  const customers = 2_400
  const firstMs = Date.UTC(2026, 5, 1)
  const minuteMs = 60_000

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: 2, actions: 2, dead_letters: 1 })
  })
  after(() => world?.close())

  const view = { where: 'type == "view"' }
  const views = (name: string, window: unknown) => ({ name, count: {}, ...view, window })
  const seen = { name: 'seen', count: {}, window: 'lifetime' }
  const before1 = [
    views('views', { size: '1h', pane: '10m' }),
    { name: 'items', distinct: 'properties.item', window: 'lifetime' },
    { name: 'latest', last_n: 'properties.item', n: 5, ...view, window: { events: 5 } },
  ]
  const after1 = [
    ...before1,
    seen,
    views('views_2d', { size: '2d', pane: '10m' }),
    { name: 'spend', sum: 'properties.price', ...view, window: { size: '1h', pane: '10m' } },
    { name: 'lately', last_n: 'properties.item', n: 3, max_events: 5, window: { sliding: '6h' } },
    { name: 'today', count: {}, window: { calendar: 'day', timezone: 'customer' } },
    { name: 'week', sum: 'properties.price', window: { calendar: 'week', timezone: 'Asia/Tokyo' } },
    { name: 'last_5', count: {}, ...view, window: { events: 5 } },
    { name: 'pages', count: {}, ...view, window: 'session' },
    { name: 'top_items', top: 'properties.item', k: 2, window: { size: '7d', pane: '1d' } },
    { name: 'by_item', count: {}, by: 'properties.item', window: 'lifetime' },
    { name: 'bought', funnel: ['type == "view"', 'type == "cart"', 'type == "buy"'], within: '2h', window: 'lifetime' },
    { name: 'early', count: {}, where: 'session_events < 3', window: 'lifetime' },
    { name: 'entries', top: 'entry_page', k: 2, window: { size: '2d', pane: '1d' } },
    { name: 'share', value: 'double(views_2d) / seen' },
  ]
  const after2 = [
    ...after1,
    { name: 'price', avg: 'properties.price', window: 'lifetime' },
    { name: 'quiet', time_since: {}, where: 'type == "buy"', window: { size: '7d', pane: '1d' } },
  ]
  const tell = (feature: string) => ({
    name: `tell_${feature}`,
    when: `${feature} >= 1`,
    payload: { n: { cel: feature } },
  })

  const configure = (features: readonly object[], actions: readonly object[]) =>
    world.writeConfig({
      topics: [{ name: world.topic('events'), format: 'json' }],
      features,
      actions,
      arbitration: { emit: 'all' },
      slice: { max_events: 200 },
    })

  /** Events of all customers in turn, some of them out of order by up to hours, and some once more. */
  async function feed(count: number): Promise<void> {
    const messages = []
    for (let i = 0; i < count; i++, fed++) {
      const k = (fed * 7919) % 100_003
      const userId = `c${fed % customers}`
      const round = Math.floor(fed / customers)
      const timestamp =
        firstMs + round * 90 * minuteMs + (k % 50) * minuteMs - (k % 11 === 0 ? (k % 400) * minuteMs : 0)
      const event = {
        messageId: `m${fed}`,
        type: 'track',
        event: ['view', 'view', 'cart', 'buy'][k % 4],
        userId,
        timestamp,
        properties: { item: `i${k % 7}`, price: (k % 1_000) / 100 },
        context: { page: { url: `https://shop.example/p${k % 3}` }, timezone: ['Europe/Paris', 'Asia/Kolkata'][k % 2] },
      }
      const message = { key: userId, value: JSON.stringify(event) }
      messages.push(message)
      if (k % 20 === 0) messages.push(message)
      // Two events in one ms.
      if (k % 13 === 0) messages.push({ key: userId, value: JSON.stringify({ ...event, messageId: `m${fed}.2` }) })
    }
    await world.produce('events', messages)
  }

  /** As a user would. */
  async function run(...args: string[]): Promise<string[]> {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { maxBuffer: 1 << 24 })
    return stdout.trim().split('\n')
  }

  /** Feeds until all is ready. */
  async function feedMeanwhile(service: Service, config: string): Promise<void> {
    let isDone = false
    const watched = run('backfill', '-c', config, '--json').finally(() => {
      isDone = true
    })
    while (!isDone) {
      await feed(500)
      await world.consumed(service, 'events')
    }
    const last = JSON.parse((await watched).at(-1)!)
    assert.deepEqual([last.customers, last.pending, last.complete], [customers, 0, true])
  }

  async function assertParity(service: Service, config: string): Promise<void> {
    await world.consumed(service, 'events')
    await world.stored(service)
    const summary = JSON.parse((await run('parity', '-c', config, '--json')).at(-1)!)
    assert.equal(summary.different, 0)
    assert.equal(summary.compared, summary.features * customers)
    const [left] = await world.select<{ n: string }>(
      "SELECT count() AS n FROM customer_features WHERE kind = 'not_ready'",
    )
    assert.equal(Number(left!.n), 0)
  }

  /** What each action told is what there was at its event, no less and no more; and no action came twice. */
  async function assertTold(action: string): Promise<number> {
    const rows = await world.select<{ told: string; counted: string }>(`
      SELECT any(a.payload['n']) AS told, toString(uniqExact(e.offset)) AS counted
      FROM (SELECT * FROM actions FINAL WHERE action = '${action}') AS a
      INNER JOIN (SELECT * FROM events FINAL WHERE NOT duplicate) AS e
        ON e.topic = a.topic AND e.partition = a.partition AND e.customer = a.customer
      WHERE e.offset <= a.offset
      GROUP BY a.id`)
    for (const { told, counted } of rows) assert.equal(told, counted)
    const ids = (await world.read('actions')).map(
      ({ value }) => JSON.parse(String(value)) as { id: string; action: string },
    )
    const own = ids.filter((one) => one.action === action).map(({ id }) => id)
    assert.equal(new Set(own).size, own.length)
    assert.equal(own.length, rows.length)
    return rows.length
  }

  it('are not read before they are whole, and then are what they would be had they been there from the start', async () => {
    const first = await world.start(configure(before1, []))
    await feed(customers * 6)
    await world.consumed(first, 'events')
    assert.equal((await first.stop()).code, 0, first.output)

    const config = configure(after1, [tell('seen')])
    const [changes] = await run('check', '-c', config, '--against', 'running', '--json')
    const { against } = JSON.parse(changes!) as { against: { changes: { name: string; state?: string }[] } }
    const states = Object.fromEntries(against.changes.map(({ name, state }) => [name, state]))
    assert.deepEqual([states['views'], states['seen'], states['share']], ['kept', 'from_events', 'computed'])

    // Asked before anybody runs these rules, it waits for one who does.
    const asked = promisify(execFile)(process.execPath, [program, 'backfill', '-c', config, '--json'])
    await once(asked.child.stdout!, 'data')
    const service = await world.start(config)
    await feedMeanwhile(service, config)
    const { stdout, stderr } = await asked
    assert.match(stderr, /has other rules than .*; what these lack is computed once it starts with them/)
    const pending = stdout.split('\n', 1).map((line) => JSON.parse(line).pending)
    assert.deepEqual(pending, [customers])
    await assertParity(service, config)
    const begun = service.lines.filter(({ event }) => event === 'backfill.begun')
    assert.equal(
      begun.reduce((sum, line) => sum + Number(line['count']), 0),
      customers,
    )
    assert.equal(await service.metric('beckon_backfilled_customers_total'), customers)
    assert.equal(await service.metric('beckon_backfill_pending_customers'), 0)
    await feed(customers)
    await assertParity(service, config)
    assert.equal((await service.stop()).code, 0, service.output)
    assert.ok((await assertTold('tell_seen')) >= customers)
  })

  it('are the same where the service is killed in the midst of it, again and again', async () => {
    const config = configure(after2, [tell('seen')])
    /** Before the first step is committed; when one is, and others are not; and when all are, but not in the store. */
    const moments = [
      (service: Service) => service.logged('backfill.begun'),
      async (service: Service) => {
        await service.logged('backfill.begun')
        while ((await service.metric('beckon_backfilled_customers_total')) === 0) await sleep(10)
      },
      async (service: Service) => {
        for (const partition of [0, 1]) await service.logged('backfill.done', (line) => line['partition'] === partition)
      },
    ]
    for (const reached of moments) {
      const service = await world.start(config)
      await feed(500)
      await reached(service)
      await service.kill()
    }
    const service = await world.start(config)
    await feedMeanwhile(service, config)
    await feed(customers)
    await assertParity(service, config)
    assert.deepEqual(service.faults, [])
    assert.equal((await service.stop()).code, 0, service.output)
    await assertTold('tell_seen')
  })

  it('go back and forth: what the rules in between did not gather is computed again', async () => {
    const config = configure(before1, [])
    const between = await world.start(config)
    await feedMeanwhile(between, config)
    assert.equal((await between.stop()).code, 0, between.output)
    const again = configure(after1, [tell('seen')])
    const service = await world.start(again)
    await feedMeanwhile(service, again)
    await assertParity(service, again)
    assert.equal((await service.stop()).code, 0, service.output)
    await assertTold('tell_seen')
  })
})
