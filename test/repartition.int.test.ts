import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Message } from 'kafkajs'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { type Service, skip, until, World } from './harness.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))
const remindMs = 20_000

/**
 * Customers of 4 partitions move to where their keys lie among more. Whatever is killed on the way, each is greeted once and
 * reminded once, and the features are those of all that was sent, as if there had never been another number.
 */
describe('customers who move to more partitions', { skip }, () => {
  let world: World
  let config: string
  let service: Service
  const customers = Array.from({ length: 60 }, (_, i) => `c${i}`)
  const topics = ['clicks', 'orders'] as const
  /** Those who are not erased. */
  let rest = customers
  let fed = 0
  /** By customer. */
  const views = new Map<string, number>()
  const spent = new Map<string, number>()
  /** Who waits to be reminded, or has been. */
  const reminded = new Set<string>()

  before(async () => {
    world = await World.open()
    await world.createTopics({ clicks: 4, orders: 4, actions: 4, dead_letters: 1, journal: 4 })
    config = configure()
  })
  after(() => world?.close())

  const configure = (...more: readonly object[]) =>
    world.writeConfig({
      topics: topics.map((name) => ({ name: world.topic(name), format: 'json', key: 'customer', tombstones: 'erase' })),
      features: [
        { name: 'views', count: {}, where: 'type == "view"', window: 'lifetime' },
        { name: 'views_1h', count: {}, where: 'type == "view"', window: { size: '1h', pane: '5m' } },
        { name: 'spent', sum: 'value', window: 'lifetime' },
        { name: 'last_types', last_n: 'type', n: 5, max_events: 10, window: { sliding: '2h' } },
        ...more,
      ],
      actions: [
        { name: 'hello', when: 'type == "view"', contact: { cooldown: '30d' } },
        { name: 'remind', on: { absent: 'buy', after: 'add', for: `${remindMs}ms` }, when: 'true' },
      ],
      slice: { checkpoint: '200ms' },
    })

  /** Where a producer that knows that many partitions puts it. */
  function message(type: string, customer: string, partitions: number, value?: number): Message {
    const event = { messageId: `m${fed++}`, type, userId: customer, timestamp: Date.now(), value }
    return { partition: partitionOfKey(customer, partitions), key: customer, value: JSON.stringify(event) }
  }

  /** Views, and orders of some, by a producer that knows that many partitions. */
  async function shop(who: readonly string[], partitions: number): Promise<void> {
    await world.produce(
      'clicks',
      who.map((customer) => {
        views.set(customer, (views.get(customer) ?? 0) + 1)
        return message('view', customer, partitions)
      }),
    )
    const buyers = who.filter((_, i) => i % 3 === 0)
    await world.produce(
      'orders',
      buyers.map((customer) => {
        spent.set(customer, (spent.get(customer) ?? 0) + 7)
        return message('order', customer, partitions, 7)
      }),
    )
  }

  async function putAside(who: readonly string[], partitions: number): Promise<void> {
    for (const customer of who) reminded.add(customer)
    await world.produce(
      'clicks',
      who.map((customer) => message('add', customer, partitions)),
    )
  }

  /** @param killAt ends it as it says so */
  async function tool(args: readonly string[], killAt?: RegExp) {
    const child = spawn(process.execPath, [program, ...args, '-c', config], { stdio: ['ignore', 'pipe', 'pipe'] })
    const seen = { out: '', err: '', code: null as number | null }
    createInterface({ input: child.stdout }).on('line', (line) => {
      seen.out += `${line}\n`
      if (killAt?.test(line)) child.kill('SIGKILL')
    })
    child.stderr.on('data', (text) => {
      seen.err += text
    })
    ;[seen.code] = await once(child, 'close')
    return seen
  }
  const repartition = (to: number, killAt?: RegExp) => tool(['repartition', '--to', String(to)], killAt)

  async function actionsOf(name: string): Promise<string[]> {
    const all = (await world.read('actions')).map(({ value }) => JSON.parse(String(value)))
    return all.filter(({ action }) => action === name).map(({ customer }) => customer as string)
  }

  /** Everybody was greeted and reminded once, and has the features of all that was sent, as SQL over the events has them. */
  async function assertWhole(): Promise<void> {
    await world.consumed(service, ...topics)
    await until('all are reminded', async () => (await actionsOf('remind')).length >= reminded.size)
    assert.deepEqual((await actionsOf('remind')).sort(), [...reminded].sort(), 'each is reminded once')
    assert.deepEqual((await actionsOf('hello')).sort(), [...customers].sort(), 'each is greeted once')
    await world.stored(service)
    const rows = await world.select<{ customer: string; views: number; spent: number }>(
      "SELECT customer, numbers['views'] AS views, numbers['spent'] AS spent FROM customers ORDER BY customer",
    )
    const expected = [...views].map(([customer, n]) => ({ customer, views: n, spent: spent.get(customer) ?? 0 }))
    assert.deepEqual(
      rows,
      expected.sort((a, b) => (a.customer < b.customer ? -1 : 1)),
    )
    const { out, err, code } = await tool(['parity'])
    assert.equal(code, 0, `${out}${err}`)
    assert.deepEqual(service.faults, [])
  }

  async function stop(): Promise<void> {
    assert.equal((await service.stop()).code, 0, service.output)
  }

  it('have there what they had, however often the move is killed, and nothing comes twice', async () => {
    service = await world.start(config)
    await shop(customers, 4)
    await world.consumed(service, ...topics)
    const refused = await repartition(6)
    assert.deepEqual([refused.code, /stop all processes of the service/.test(refused.err)], [1, true], refused.err)
    await shop(customers, 4)
    await putAside(customers.slice(0, 20), 4)
    await stop()
    // Not taken yet when the number grows.
    await shop(customers.slice(5, 25), 4)

    const planned = await tool(['repartition', '--to', '6', '--dry-run', '--json'])
    const { step, moving, customers: known, strays, grow } = JSON.parse(planned.out)
    const moved = customers.filter((customer) => partitionOfKey(customer, 6) !== partitionOfKey(customer, 4))
    assert.deepEqual([step, known, moving, strays, grow.length], ['move', customers.length, moved.length, 0, 3])
    for (const line of [
      /orders has 6/,
      /partition 1 is taken/,
      /partition 2 are copied/,
      /the copies/,
      /the checkpoints/,
    ]) {
      const { code, out, err } = await repartition(6, line)
      assert.match(out, line, err)
      assert.equal(code, null, 'it was killed')
    }
    const { out, err, code } = await repartition(6)
    assert.equal(code, 0, `${out}${err}`)
    assert.match((await repartition(4)).err, /can only become more/)
    service = await world.start(config)
    await shop(customers, 6)
    await assertWhole()
    assert.equal(await service.metric('beckon_customers_in_two_partitions'), 0)
  })

  it('are erased wherever they have been', async () => {
    const gone = customers.find((customer) => partitionOfKey(customer, 6) !== partitionOfKey(customer, 4))!
    const { out, err, code } = await tool(['erase', gone, '--json'])
    assert.equal(code, 0, err)
    assert.ok(JSON.parse(out).erased.events >= views.get(gone)!)
    for (const table of ['events', 'decisions', 'actions', 'profiles']) {
      const [left] = await world.select<{ n: string }>(`SELECT count() AS n FROM ${table} WHERE customer = '${gone}'`)
      assert.equal(Number(left!.n), 0, table)
    }
    views.delete(gone)
    spent.delete(gone)
    rest = customers.filter((customer) => customer !== gone)
  })

  it('move again, after the number grew under the running service and some producers did not know of it yet', async () => {
    await putAside(rest.slice(30, 40), 6)
    await world.consumed(service, ...topics)
    const topicPartitions = topics.map((name) => ({ topic: world.topic(name), count: 8 }))
    await world.admin.createPartitions({ topicPartitions })
    await service.logged('topics.changed')
    for (const partitions of [8, 6, 8, 6]) await shop(rest, partitions)
    await stop()
    const failed = await world.start(config)
    assert.equal((await failed.logged('task.failed'))['reason'], 'partitions')
    await failed.stop()
    const { out, err, code } = await repartition(8)
    assert.equal(code, 0, `${out}${err}`)
    service = await world.start(config)
    await shop(rest, 8)
    await assertWhole()
  })

  it('have their whole past in a feature that comes later', async () => {
    await stop()
    config = configure({ name: 'shopped', count: {}, where: 'type != "add"', window: 'lifetime' })
    service = await world.start(config)
    await shop(rest.slice(0, 10), 8)
    assert.equal((await tool(['backfill', '--json'])).code, 0)
    await assertWhole()
    const rows = await world.select<{ customer: string; shopped: number }>(
      "SELECT customer, numbers['shopped'] AS shopped FROM customers",
    )
    for (const { customer, shopped } of rows) {
      assert.equal(shopped, views.get(customer)! + (spent.get(customer) ?? 0) / 7, customer)
    }
    await stop()
  })
})
