import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Service, skip, until, World } from './harness.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))
const partitions = 3
const windowMs = 8_000

interface Sent {
  readonly id: string
  readonly action: string
  readonly customer: string
  readonly time: number
}

/** What is known of a case, by our own reckoning or as the table has it; times in ms, 0 for none. */
interface Known {
  readonly verdict: string
  readonly delivered: number
  readonly impression: number
  readonly click: number
  readonly goal: number
  readonly conversion: number
  readonly rejection: number
  readonly failed: number
  readonly failure: string
  readonly value: number | null
}

/** What came of actions, from outcomes and goals, whatever becomes of the process in between. */
describe('cases', { skip }, () => {
  let world: World
  let config: string
  let service: Service
  let fed = 0

  before(async () => {
    world = await World.open()
    await world.createTopics({
      events: partitions,
      outcomes: partitions,
      feedback: partitions,
      actions: 1,
      dead_letters: 1,
    })
    config = world.writeConfig({
      topics: [
        { name: world.topic('events'), format: 'json' },
        { name: world.topic('outcomes'), format: 'json', role: 'outcomes' },
        {
          name: world.topic('feedback'),
          format: 'json',
          role: 'outcomes',
          mapping: {
            id: 'uid',
            customer: '$key',
            action: 'what.name',
            type: 'what.kind',
            time: { field: 'at', unit: 's' },
            types: { bounced: 'not_delivered', opened: 'click' },
          },
        },
      ],
      features: [
        {
          name: 'rejections',
          count: {},
          where: 'type == "outcome" && outcome == "rejection"',
          window: 'lifetime',
        },
        { name: 'here', count: {}, window: 'session' },
        { name: 'busy', sum: 'double(session_events)', window: 'lifetime' },
      ],
      actions: [
        {
          name: 'offer',
          group: 'sales',
          tags: ['price'],
          channel: 'mail',
          when: 'type == "view"',
          goal: { when: 'order', within: `${windowMs}ms`, value: 'properties.revenue' },
        },
        { name: 'tip', when: 'type == "help"' },
        { name: 'apology', when: 'outcome == "rejection" && rejections == 1' },
      ],
      slice: { checkpoint: '200ms' },
      memory: { profiles_mb: 1 },
    })
    service = await world.start(config)
    await service.logged('task.open')
  })
  after(() => world?.close())

  /** @param of more fields, and another time than now */
  async function happen(userId: string, type: string, of: { timestamp?: number; properties?: object } = {}) {
    const event = { messageId: `m${fed++}`, userId, type, timestamp: Date.now(), ...of }
    await world.produce('events', [{ key: userId, value: JSON.stringify(event) }])
  }
  async function come(customer: string, type: string, of: object) {
    const outcome = { id: `o${fed++}`, customer, type, time: Date.now(), ...of }
    await world.produce('outcomes', [{ key: customer, value: JSON.stringify(outcome) }])
  }
  async function feedBack(customer: string, name: string, kind: string) {
    const record = { uid: `f${fed++}`, what: { name, kind }, at: Math.ceil(Date.now() / 1000) }
    await world.produce('feedback', [{ key: customer, value: JSON.stringify(record) }])
  }
  const valuesOf = async (topic: string) =>
    (await world.read(topic)).map(({ key, value }) => ({ key: String(key), ...JSON.parse(String(value)) }))
  const sentTo = async (customer: string, action: string): Promise<Sent[]> =>
    (await valuesOf('actions')).filter((sent) => sent.customer === customer && sent.action === action)
  /** Waits for the customer's actions of that name, in order. */
  async function sent(customer: string, action: string, count = 1): Promise<Sent[]> {
    let found: Sent[] = []
    await until(`${action} to ${customer}`, async () => {
      found = await sentTo(customer, action)
      return found.length >= count
    })
    return found
  }

  async function table(): Promise<Map<string, Known>> {
    const times = ['delivered', 'impression', 'click', 'goal', 'conversion', 'rejection', 'failed']
    const columns = times.map((name) => `toFloat64(ifNull(toUnixTimestamp64Milli(${name}), 0)) AS ${name}`)
    const rows = await world.select<Known & { action_id: string }>(
      `SELECT action_id, verdict, ${columns.join(', ')}, failure, value FROM cases FINAL`,
    )
    return new Map(rows.map(({ action_id, ...known }) => [action_id, known]))
  }

  /** From the topics alone, as of a time when all windows of offers are over. */
  async function reckon(): Promise<Map<string, Known>> {
    const [actions, events, outcomes, feedback] = await Promise.all(
      ['actions', 'events', 'outcomes', 'feedback'].map(valuesOf),
    )
    const reported = [
      ...outcomes!,
      ...feedback!.map(({ uid, key, what, at }) => {
        const type = { bounced: 'not_delivered', opened: 'click' }[what.kind as string]
        return { id: uid, customer: key, action: what.name, type, time: at * 1000 }
      }),
    ]
    const once = [...new Map(reported.map((one) => [`${one.customer} ${one.id}`, one])).values()]
    const latest = (all: Sent[]) => all.toSorted((a, b) => a.time - b.time).at(-1)?.id
    const known = new Map<string, Known>()
    for (const { id, action, customer } of actions!) {
      const own = actions!.filter((other) => other.customer === customer)
      const ofCase = once.filter((one) => {
        if (one.customer !== customer) return false
        if (one.action_id !== undefined) return one.action_id === id
        return latest(own.filter((other) => other.action === one.action && other.time <= one.time)) === id
      })
      const of = (...types: string[]) => ofCase.filter(({ type }) => types.includes(type)).map(({ time }) => time)
      const first = (times: number[]) => (times.length === 0 ? 0 : Math.min(...times))
      const failures = of('failure', 'not_delivered', 'expired', 'withdrawn')
      const orders = events!.filter(({ userId, type, timestamp }) => {
        if (userId !== customer || type !== 'order' || action !== 'offer') return false
        const open = own.filter((other) => {
          return other.action === 'offer' && other.time <= timestamp && timestamp < other.time + windowMs
        })
        return latest(open) === id
      })
      const goal = first(orders.map(({ timestamp }) => timestamp))
      const [click, conversion, rejection] = [first(of('click')), first(of('conversion')), first(of('rejection'))]
      const impression = first(of('impression', 'click'))
      const delivered = first(of('delivered'))
      const worth = [
        ...orders.map(({ timestamp, properties }) => [timestamp, properties?.revenue]),
        ...ofCase.filter(({ type }) => type === 'conversion').map(({ time, value }) => [time, value]),
      ]
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => a - b)
      let verdict = delivered + impression > 0 ? 'negative' : 'unseen'
      if (action !== 'offer') verdict = click > 0 ? 'positive' : 'open'
      if (failures.length > 0) verdict = 'not_delivered'
      if (rejection > 0) verdict = 'negative'
      if (goal + conversion > 0) verdict = 'positive'
      known.set(id, {
        verdict,
        delivered,
        impression,
        click,
        goal,
        conversion,
        rejection,
        failed: first(failures),
        failure: ofCase.find(({ type }) => type === 'not_delivered')?.type ?? '',
        value: worth[0]?.[1] ?? null,
      })
    }
    return known
  }

  async function settled(): Promise<Map<string, Known>> {
    for (const topic of ['events', 'outcomes', 'feedback']) await world.consumed(service, topic)
    let known = new Map<string, Known>()
    await until('all windows of offers are over', async () => {
      known = await table()
      const open = await world.select("SELECT action_id FROM cases FINAL WHERE action = 'offer' AND verdict = 'open'")
      return known.size === (await valuesOf('actions')).length && open.length === 0
    })
    return known
  }

  it('hold what came of each action, by either way to name it, also after a crash in between', async () => {
    const customers = Array.from({ length: 24 }, (_, i) => `c${i}`)
    for (const who of customers) await happen(who, 'view')
    await happen('helped', 'help')
    const sentFirst = new Map<string, Sent>()
    await until('all have their action', async () => {
      for (const one of await valuesOf('actions')) sentFirst.set(one.customer, one)
      return sentFirst.size > customers.length
    })
    const late: (() => Promise<void>)[] = []
    for (const [i, who] of customers.entries()) {
      const { id: action_id, time } = sentFirst.get(who)!
      switch (i % 8) {
        case 1:
          await come(who, 'delivered', { action_id })
          break
        case 2:
          await come(who, 'click', { action_id, time: time + 2 })
          await come(who, 'impression', { action_id, time: time + 1 })
          break
        case 3:
          await happen(who, 'order', { timestamp: time + 1, properties: { revenue: 12.5 } })
          break
        case 4:
          await come(who, 'impression', { action_id })
          late.push(() => happen(who, 'order', { timestamp: time + windowMs - 1, properties: { revenue: 3 } }))
          late.push(() => happen(who, 'order', { timestamp: time + windowMs, properties: { revenue: 4 } }))
          break
        case 5:
          await come(who, 'rejection', { action_id })
          if (i > 8) late.push(() => come(who, 'conversion', { action_id, value: 7 }))
          break
        case 6:
          await happen(who, 'view', { timestamp: time + 5 })
          await happen(who, 'order', { timestamp: time + 6 })
          break
        case 7:
          await feedBack(who, 'offer', 'bounced')
          break
      }
      // In the midst of it, with some consumed and some not.
      if (i === 14) {
        await service.kill()
        service = await world.start(config)
      }
    }
    await feedBack('helped', 'tip', 'opened')
    const known = await settled()
    assert.equal([...known.values()].filter(({ verdict }) => verdict === 'unseen').length >= 3, true)
    // What comes after the windows revises their verdicts.
    for (const one of late) await one()
    await service.stop()
    service = await world.start(config)
    let found = await settled()
    const expected = await reckon()
    await until('what came late is stored', async () => {
      found = await table()
      return [...expected].every(([id, { goal, conversion }]) => {
        return found.get(id)?.goal === goal && found.get(id)?.conversion === conversion
      })
    })
    assert.deepEqual(found, expected)
    const verdicts = new Set([...found.values()].map(({ verdict }) => verdict))
    assert.deepEqual([...verdicts].sort(), ['negative', 'not_delivered', 'open', 'positive', 'unseen'])
    assert.equal((await sentTo('c5', 'apology')).length, 1)
    assert.deepEqual(service.faults, [])
  })

  it('are written the same by each replay, and say what was known when the action was sent', async () => {
    const different = await world.select(
      `SELECT action_id, revision FROM (SELECT DISTINCT * EXCEPT (inserted_at) FROM cases)
       GROUP BY action_id, revision HAVING count() > 1`,
    )
    assert.deepEqual(different, [])
    const [offer] = await world.select(
      "SELECT DISTINCT `group`, tags, channel, probability, score FROM cases FINAL WHERE action = 'offer'",
    )
    assert.deepEqual(offer, { group: 'sales', tags: ['price'], channel: 'mail', probability: 1, score: 1 })
  })

  it('take nothing from outcomes that are wrong, and tell how many there were of which kind', async () => {
    const before = await table()
    const [offer] = await sent('c1', 'offer')
    const action_id = offer!.id
    await come('c2', 'conversion', { action_id })
    await come('c1', 'conversion', { action_id: '0123456789abcdef' })
    await come('c1', 'click', { action: 'offer', time: offer!.time - 1 })
    await come('c1', 'delivered', { action_id, time: before.get(action_id)!.delivered + 1 })
    await come('c3', 'rejection', { action_id: (await sent('c3', 'offer'))[0]!.id, time: offer!.time + windowMs })
    await come('c1', 'unsubscribed', { action_id })
    await come('c1', 'conversion', { action_id, time: Date.now() + 3_600_000 })
    await come('c1', 'conversion', { action_id: 'null' })
    await world.consumed(service, 'outcomes')
    const count = (effect: string) => service.metric('beckon_outcomes_total', `effect="${effect}"`)
    await until('all are counted', async () => (await count('contradicted')) === 1)
    assert.deepEqual(
      await Promise.all(['unknown_action', 'before_action', 'repeated', 'contradicted'].map(count)),
      [2, 1, 1, 1],
    )
    for (const reason of ['future', 'no_action']) {
      assert.equal(await service.metric('beckon_dead_letters_total', `reason="${reason}"`), 1, reason)
    }
    await world.stored(service)
    const now = await table()
    assert.deepEqual(now.get(action_id), before.get(action_id))
    assert.deepEqual(now.get((await sent('c3', 'offer'))[0]!.id)?.verdict, 'positive')
  })

  it('do not disturb what features say: SQL over the events gives the same', async () => {
    await world.stored(service)
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'parity', '-c', config], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${stdout}${stderr}`)
    const rows = await world.select<{ customer: string; rejections: number }>(
      "SELECT customer, numbers['rejections'] AS rejections FROM customers WHERE customer IN ('c4', 'c5') ORDER BY customer",
    )
    assert.deepEqual(rows, [
      { customer: 'c4', rejections: 0 },
      { customer: 'c5', rejections: 1 },
    ])
  })
})
