import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Message } from 'kafkajs'
import { skip, World } from './harness.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))

/** Clicks and orders of the same customers come by topics of their own, in formats of their own. */
describe('what two topics tell of a customer', { skip }, () => {
  let world: World
  let config: string
  const customers = 200
  const startMs = Date.UTC(2026, 5, 1)
  let fed = 0
  /** By customer. */
  const views = new Map<string, number>()
  const spent = new Map<string, number>()

  before(async () => {
    world = await World.open()
    await world.createTopics({ clicks: 3, orders: 3, actions: 3, dead_letters: 1 })
    config = configure(['clicks', 'orders'])
  })
  after(() => world?.close())

  const topics = {
    clicks: { format: 'json' },
    orders: {
      format: 'json',
      mapping: {
        id: 'order_no',
        customer: 'buyer',
        type: { constant: 'order' },
        time: { field: 'placed_at', unit: 'ms' },
        value: 'total',
      },
    },
  }

  const configure = (names: readonly (keyof typeof topics)[]) =>
    world.writeConfig({
      topics: names.map((name) => ({ ...topics[name], name: world.topic(name) })),
      features: [
        { name: 'views', count: {}, where: 'type == "view"', window: 'lifetime' },
        { name: 'views_1h', count: {}, where: 'type == "view"', window: { size: '1h', pane: '5m' } },
        { name: 'spend', sum: 'value', window: 'lifetime' },
        { name: 'last_types', last_n: 'type', n: 5, max_events: 10, window: { sliding: '2h' } },
        { name: 'bought', funnel: ['type == "view"', 'type == "order"'], within: '1h', window: 'lifetime' },
        { name: 'pages', count: {}, window: 'session' },
        { name: 'worth', value: 'double(spend) / (views + 1)' },
      ],
      actions: [{ name: 'thank', when: 'type == "order" && views >= 1', payload: { views: { cel: 'views' } } }],
      slice: { max_events: 100 },
    })

  /** Three clicks and an order, of customers in turn; orders lie up to a quarter of an hour before the clicks. */
  async function feed(count: number): Promise<void> {
    const clicks: Message[] = []
    const orders: Message[] = []
    for (let i = 0; i < count; i++, fed++) {
      const customer = `c${(fed * 7) % customers}`
      const timeMs = startMs + fed * 5_000
      for (let n = 0; n < 3; n++) {
        const event = { messageId: `m${fed}-${n}`, type: 'view', userId: customer, timestamp: timeMs + n * 1_000 }
        clicks.push({ key: customer, value: JSON.stringify(event) })
      }
      views.set(customer, (views.get(customer) ?? 0) + 3)
      const total = 1 + (fed % 9)
      const order = { order_no: `o${fed}`, buyer: customer, placed_at: timeMs - (fed % 15) * 60_000, total }
      orders.push({ key: customer, value: JSON.stringify(order) })
      spent.set(customer, (spent.get(customer) ?? 0) + total)
    }
    await world.produce('clicks', clicks)
    await world.produce('orders', orders)
  }

  async function assertTold(): Promise<void> {
    const rows = await world.select<{ customer: string; numbers: Record<string, number> }>(
      'SELECT customer, numbers FROM customers ORDER BY customer',
    )
    assert.deepEqual(
      rows.map(({ customer, numbers }) => [customer, numbers['views'], numbers['spend']]),
      [...views.keys()].sort().map((customer) => [customer, views.get(customer), spent.get(customer)]),
    )
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'parity', '-c', config, '--json'])
    const { compared, different } = JSON.parse(stdout.trim().split('\n').at(-1)!)
    assert.deepEqual([compared, different], [7 * customers, 0])
  }

  /** Takes all that lies there, and ends well. */
  async function runToTheEnd(): Promise<void> {
    const service = await world.start(config)
    await world.consumed(service, 'clicks', 'orders')
    await world.stored(service)
    await assertTold()
    assert.deepEqual(service.faults, [])
    assert.equal((await service.stop()).code, 0, service.output)
  }

  it('meets in one profile, which is what SQL computes over the events of both', async () => {
    await feed(2_000)
    await runToTheEnd()
  })

  it('is the same after the service was killed in the midst of it, and each order has its action once', async () => {
    const killed = await world.start(config)
    await killed.logged('task.open')
    await feed(1_000)
    await killed.kill()
    await runToTheEnd()
    const actions = (await world.read('actions')).map(({ value }) => JSON.parse(String(value)))
    assert.equal(new Set(actions.map(({ id }) => id)).size, actions.length)
    // What a profile had seen of the clicks at each order, by the order in which all of it came.
    const rows = await world.select<{ id: string; views: string }>(`
      SELECT o.id AS id, toString(countIf(c.position < o.position)) AS views
      FROM (SELECT * FROM events FINAL WHERE type = 'order') AS o
      INNER JOIN (SELECT * FROM events FINAL WHERE type = 'view') AS c ON c.customer = o.customer
      GROUP BY o.id HAVING countIf(c.position < o.position) > 0`)
    const told = actions.map(({ event_id: id, payload }) => `${id} ${payload.views}`)
    assert.deepEqual(told.sort(), rows.map(({ id, views: n }) => `${id} ${n}`).sort())
  })

  it('is kept when a topic is taken out of the configuration, and goes on when it is back', async () => {
    const alone = configure(['clicks'])
    const one = await world.start(alone)
    await feed(100)
    await world.consumed(one, 'clicks')
    assert.equal((await one.stop()).code, 0, one.output)
    await runToTheEnd()
  })

  it('says topics where one is taken out that would have to be replayed', async () => {
    const service = await world.start(config)
    await service.logged('task.open')
    await feed(200)
    await world.consumed(service, 'clicks', 'orders')
    await service.kill()
    const alone = await world.start(configure(['clicks']))
    const line = await alone.logged('task.failed')
    assert.equal(line['reason'], 'topics')
    await alone.stop()
    await runToTheEnd()
  })

  it('is refused at the start where the topics have not as many partitions', async () => {
    await world.createTopics({ calls: 2 })
    const service = await world.start(
      world.writeConfig({ topics: ['clicks', 'calls'].map((name) => ({ name: world.topic(name), format: 'json' })) }),
    )
    assert.notEqual((await service.ended()).code, 0)
    assert.match(service.output, /must have the same number of partitions/)
  })
})
