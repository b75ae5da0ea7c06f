import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { skip, until, World } from './harness.ts'

const minuteMs = 60_000
const partitions = 2

/** `21:05`, in UTC. */
const timeOfDay = (ms: number) => new Date(ms).toISOString().slice(11, 16)

/** What waits for the end of quiet hours goes out then, once, whatever becomes of the process that held it. */
describe('quiet hours', { skip }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.createTopics({ events: partitions, actions: 1, dead_letters: 1 })
  })
  after(() => world?.close())

  it('hold actions over a kill of the service, and each goes out once behind their end', async () => {
    // The next full minute that leaves time to be killed in.
    const endMs = Math.ceil((Date.now() + 20_000) / minuteMs) * minuteMs
    const expiresMs = 600_000
    const config = world.writeConfig({
      topics: [{ name: world.topic('events'), format: 'json' }],
      features: [{ name: 'adds', count: {}, where: 'type == "add"', window: { size: '1h' } }],
      actions: [
        { name: 'mail', when: 'adds > 0', channel: 'email', contact: { cooldown: '1h' }, expires: `${expiresMs}ms` },
        { name: 'banner', when: 'adds > 0', value: 0.5, channel: 'web', contact: { cooldown: '1h' } },
      ],
      contact_policy: {
        timezone: 'UTC',
        limits: [{ name: 'one_mail_an_hour', of: { channels: ['email'] }, max: 1, per: '1h' }],
        quiet_hours: [
          { name: 'night', of: { channels: ['email'] }, from: timeOfDay(endMs - 60 * minuteMs), to: timeOfDay(endMs) },
        ],
      },
      slice: { checkpoint: '200ms' },
    })
    const customers = Array.from({ length: 20 }, (_, i) => `c${i}`)
    const addedMs = new Map<string, number>()
    const add = (userId: string) => {
      addedMs.set(userId, Date.now())
      const event = { messageId: `m-${userId}`, type: 'add', userId, timestamp: addedMs.get(userId) }
      return { key: userId, value: JSON.stringify(event) }
    }
    const actions = async (name: string) =>
      (await world.read('actions'))
        .map(({ value }) => JSON.parse(String(value)))
        .filter(({ action }) => action === name)

    const first = await world.start(config)
    await first.logged('task.open')
    await world.produce('events', customers.slice(0, 10).map(add))
    await until('the first are decided', async () => (await actions('banner')).length === 10)
    await first.kill()
    await world.produce('events', customers.slice(10).map(add))
    const second = await world.start(config)
    await until('all mails are out', async () => (await actions('mail')).length >= customers.length)
    const mails = await actions('mail')
    assert.deepEqual(mails.map(({ customer }) => customer).sort(), [...customers].sort())
    assert.equal((await actions('banner')).length, customers.length)
    for (const { customer, time, trigger, expires_at: expiresAt } of mails) {
      assert(time >= endMs, `${customer} has its mail in quiet hours`)
      assert.equal(trigger, 'night ended')
      assert.equal(expiresAt, addedMs.get(customer)! + expiresMs, 'from when it was due first')
    }
    assert.equal((await second.stop()).code, 0, second.output)
    assert.deepEqual(second.faults, [])
    const rows = await world.select<{ customer: string; trigger: string; reason: string; gate: string }>(
      `SELECT customer, trigger, reasons[indexOf(candidates, 'mail')] AS reason, gates[indexOf(candidates, 'mail')] AS gate
       FROM decisions FINAL ORDER BY customer, trigger`,
    )
    assert.deepEqual(
      rows,
      [...customers].sort().flatMap((customer) => [
        { customer, trigger: '', reason: 'held', gate: 'night' },
        { customer, trigger: 'night ended', reason: 'chosen', gate: '' },
      ]),
    )
    const due = await world.select('SELECT customer FROM profiles FINAL WHERE next_due > toDateTime64(0, 3)')
    assert.deepEqual(due, [], 'nothing waits any more')
  })
})
