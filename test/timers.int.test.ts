import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Service, skip, until, World } from './harness.ts'

const partitions = 4
const forMs = 3_000

/** What did not happen brings an action about, once, whatever becomes of the process that waits for it. */
describe('timers', { skip }, () => {
  let world: World
  let config: string
  let fed = 0
  let customers = 0
  /** Who waits, and since when. */
  const waiting = new Map<string, number>()

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: partitions, actions: 1, dead_letters: 1 })
    config = world.writeConfig({
      topics: [{ name: world.topic('events'), format: 'json' }],
      features: [{ name: 'adds', count: {}, where: 'type == "add"', window: { size: '1h' } }],
      actions: [{ name: 'remind', on: { absent: 'buy', after: 'add', for: `${forMs}ms` }, when: 'adds > 0' }],
      slice: { checkpoint: '200ms' },
      memory: { profiles_mb: 1 },
    })
  })
  after(() => world?.close())

  async function happen(type: string, ...who: readonly string[]): Promise<void> {
    const timestamp = Date.now()
    const messages = who.map((userId) => {
      if (type === 'add') waiting.set(userId, timestamp)
      if (type === 'buy') waiting.delete(userId)
      const event = { messageId: `m${fed++}`, type, userId, timestamp }
      return { key: userId, value: JSON.stringify(event) }
    })
    await world.produce('events', messages)
  }
  const newCustomers = (count: number) => Array.from({ length: count }, () => `c${customers++}`)

  /** All that wait have their action, each once, at its time; nobody else has one. */
  async function allFired(): Promise<void> {
    const actions = async () => (await world.read('actions')).map(({ value }) => JSON.parse(String(value)))
    await until('all timers have fired', async () => (await actions()).length >= waiting.size)
    const found = await actions()
    assert.deepEqual(found.map(({ customer }) => customer).sort(), [...waiting.keys()].sort())
    assert.equal(new Set(found.map(({ id }) => id)).size, found.length)
    for (const { customer, time, trigger } of found) {
      assert.equal(trigger, 'no buy in 3s after add')
      assert(time >= waiting.get(customer)! + forMs, `${customer} has its action before its time`)
    }
  }
  const firedBy = (service: Service) => service.metric('beckon_timers_fired_total')

  it('fire on partitions without traffic, and not for those who did what was waited for', async () => {
    const service = await world.start(config)
    await service.logged('task.open')
    const [buyer, ...others] = newCustomers(12)
    await happen('add', buyer!, ...others)
    await happen('buy', buyer!)
    await allFired()
    assert.equal(await firedBy(service), others.length)
    assert.equal((await service.stop()).code, 0, service.output)
    assert.deepEqual(service.faults, [])
  })

  it('fire after a stop or a crash in between, also for profiles that were let go', async () => {
    for (const end of ['stop', 'kill'] as const) {
      const first = await world.start(config)
      await first.logged('task.open')
      await happen('add', ...newCustomers(8))
      await happen('view', ...newCustomers(4_000))
      // What is stored is let go behind the next slice.
      await until('profiles are let go', async () => {
        await happen('view', ...newCustomers(partitions))
        return (await first.metric('beckon_profiles_in_memory')) < 2_000
      })
      await first[end]()
      const second = await world.start(config)
      await allFired()
      assert.equal((await second.stop()).code, 0, second.output)
      assert.deepEqual(second.faults, [])
    }
    const decisions = await world.select<{ customer: string }>(
      "SELECT customer FROM decisions FINAL WHERE trigger = 'no buy in 3s after add'",
    )
    assert.deepEqual(decisions.map(({ customer }) => customer).sort(), [...waiting.keys()].sort())
    const due = await world.select('SELECT customer FROM profiles FINAL WHERE next_due > toDateTime64(0, 3)')
    assert.deepEqual(due, [], 'none runs any more')
  })

  it('fire once while partitions move to another process', async () => {
    const first = await world.start(config)
    await first.logged('task.open')
    await happen('add', ...newCustomers(40))
    const second = await world.start(config)
    await second.logged('task.open')
    await happen('add', ...newCustomers(40))
    await first.kill()
    await allFired()
    assert((await firedBy(second)) > 0)
    assert.equal((await second.stop()).code, 0, second.output)
    await allFired()
  })
})
