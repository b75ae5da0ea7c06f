import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { type Service, skip, World } from './harness.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))
const partitions = 2

/** Nobody is addressed without consent, and traits come from where they are kept, whatever becomes of the process. */
describe('traits and consent from topics of their own', { skip }, () => {
  let world: World
  let config: string
  const startMs = Date.now() - 3_600_000
  const customers = Array.from({ length: 20 }, (_, i) => `c${i}`)
  let fed = 0

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: partitions, crm: partitions, consents: partitions, actions: 1, dead_letters: 1 })
    config = world.writeConfig({
      topics: [
        { name: world.topic('events'), format: 'json', key: 'customer' },
        { name: world.topic('crm'), format: 'json', role: 'traits', mapping: { customer: 'id', time: 'updated_at' } },
        { name: world.topic('consents'), format: 'json', role: 'consent' },
      ],
      features: [
        { name: 'views', count: {}, window: 'lifetime' },
        { name: 'visit_views', count: {}, window: 'session' },
        { name: 'recent', sum: 'properties.price', window: { sliding: '30m' } },
        { name: 'is_gold', value: 'traits.tier == "gold"' },
      ],
      actions: [
        { name: 'write', when: 'type == "view"', channel: 'email', purpose: 'marketing' },
        { name: 'serve', when: 'type == "view"' },
        { name: 'welcome_gold', on: 'becomes_true', when: 'is_gold && views > 0' },
      ],
      arbitration: { emit: 'all' },
    })
  })
  after(() => world?.close())

  const send = (topic: string, customer: string, record: object) =>
    world.produce(topic, [
      { key: customer, partition: partitionOfKey(customer, partitions), value: JSON.stringify(record) },
    ])
  const nextMs = () => startMs + fed++ * 100

  const view = async (who: readonly string[]) => {
    for (const userId of who) {
      const properties = { price: fed % 7 }
      const event = { messageId: `m${fed}`, type: 'track', event: 'view', userId, timestamp: nextMs(), properties }
      await send('events', userId, event)
    }
  }
  const consent = async (who: readonly string[], given: boolean, channel = 'email') => {
    for (const customer of who) {
      await send('consents', customer, { customer, purpose: 'marketing', channel, given, time: nextMs() })
    }
  }
  const know = async (who: readonly string[], traits: object) => {
    for (const id of who) await send('crm', id, { id, updated_at: nextMs(), ...traits })
  }
  const settled = async (service: Service) => {
    await world.consumed(service, 'events', 'crm', 'consents')
    await world.stored(service)
  }
  const run = (...args: string[]) => execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  /** All that was published, in order. */
  const published = async () =>
    (await world.read('actions')).map(
      ({ value }) => JSON.parse(String(value)) as { id: string; kind: string; action: string; customer: string },
    )
  const count = async (name: string) => {
    const counts = new Map<string, number>()
    for (const { kind, action, customer } of await published()) {
      if (kind === 'action' && action === name) counts.set(customer, (counts.get(customer) ?? 0) + 1)
    }
    return counts
  }
  /** Decisions whose latest statement before them, in the order of the journal, was no, or which had none. */
  const withoutConsent = () =>
    world.select(
      `SELECT id FROM (SELECT DISTINCT id, customer, position FROM actions WHERE action = 'write') AS sent
       LEFT JOIN (SELECT DISTINCT customer, position AS said_at, given FROM consent) AS said USING (customer)
       GROUP BY id, position HAVING NOT argMaxIf(given, said_at, said_at < position)`,
    )

  it('nothing is sent before consent is given, nor after it was withdrawn, across a crash', async () => {
    let service = await world.start(config)
    const [gives, rest] = [customers.slice(0, 10), customers.slice(10)]
    await consent(gives, true)
    await consent(rest.slice(0, 5), true, 'sms')
    await know(customers, { tier: 'silver', city: 'Brno' })
    await settled(service)
    await view(customers)
    await settled(service)
    assert.deepEqual(await count('write'), new Map(gives.map((customer) => [customer, 1])))
    assert.equal((await count('serve')).size, customers.length, 'an action without a purpose needs no consent')

    // In flight when the process is killed.
    await consent(gives.slice(0, 5), false, '')
    await know(customers.slice(0, 3), { tier: 'gold', city: null })
    await view(customers)
    await service.kill()
    service = await world.start(config)
    await settled(service)
    const before = await count('write')
    await view(customers)
    await settled(service)
    await service.kill()
    service = await world.start(config)
    await view(customers)
    await settled(service)
    const afterwards = await count('write')
    for (const customer of gives.slice(0, 5)) assert.equal(afterwards.get(customer), before.get(customer), customer)
    for (const customer of gives.slice(5)) assert.equal(afterwards.get(customer), 4, customer)
    for (const customer of rest) assert.equal(afterwards.get(customer), undefined, customer)
    assert.deepEqual(await withoutConsent(), [])
    const welcomed = await count('welcome_gold')
    assert.deepEqual(welcomed, new Map(customers.slice(0, 3).map((customer) => [customer, 1])))
    assert.deepEqual(service.faults, [])
    await service.stop()
  })

  it('an opt-out takes back each open action once, however often the process is killed', async () => {
    const some = customers.slice(0, 8)
    let service = await world.start(config)
    for (let round = 0; round < 6; round++) {
      await consent(some, true, round % 3 === 0 ? '' : 'email')
      await view(some)
      // The topics are read as they come, so which views are decided on with consent differs from round to round.
      if (round % 2 === 0) await settled(service)
      await consent(some, false, round % 3 === 1 ? '' : 'email')
      await view(some.slice(4))
      await service.kill()
      service = await world.start(config)
    }
    await settled(service)
    assert.deepEqual(service.faults, [])
    await service.stop()
    assert.deepEqual(await withoutConsent(), [])

    const open = await world.select<{ id: string }>(
      `SELECT id FROM (SELECT DISTINCT id, customer, position FROM actions WHERE action = 'write') AS sent
       INNER JOIN (SELECT DISTINCT customer, position AS said_at FROM consent WHERE NOT given) AS said USING (customer)
       GROUP BY id, position HAVING countIf(said_at > position) > 0`,
    )
    const all = await published()
    const withdrawn = all.filter(({ kind }) => kind === 'withdrawn').map(({ id }) => id)
    assert.deepEqual(withdrawn.toSorted(), open.map(({ id }) => id).sort())
    assert.ok(withdrawn.length >= 3 * some.length, 'every second round has a view between yes and no')
    for (const id of withdrawn) {
      assert.deepEqual(
        all.filter((one) => one.id === id).map(({ kind }) => kind),
        ['action', 'withdrawn'],
      )
    }
    const closed = await world.select<{ id: string }>(
      "SELECT action_id AS id FROM cases FINAL WHERE failure = 'withdrawn' AND verdict = 'not_delivered' ORDER BY id",
    )
    assert.deepEqual(
      closed.map(({ id }) => id),
      withdrawn.toSorted(),
    )
  })

  it('features over events and traits are what SQL says, as of then and as of now', async () => {
    const parity = run('parity', '-c', config, '--json')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const { different, compared } = parity.at(-1)
    assert.deepEqual([different, compared], [0, customers.length * 4])
    const asOf = (ms: number) =>
      run('features', '-c', config, '--as-of', new Date(ms).toISOString(), '--features', 'views,is_gold')
    assert.ok(asOf(Date.now()).includes('c0'), 'a row a customer')
  })

  it('who said what is on record, and a customer who only said something has a profile', async () => {
    const service = await world.start(config)
    await consent(['silent'], true)
    await know(['known'], { tier: 'gold' })
    await settled(service)
    const shown = run('profile', 'silent', '-c', config)
    assert.match(shown, /as of +no event yet/)
    assert.match(shown, /marketing +email +yes +20/)
    assert.match(run('profile', 'known', '-c', config), /tier +gold/)
    assert.match(run('profile', 'c0', '-c', config), /marketing +any other +no +20/)
    await service.stop()
  })
})
