import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { PublishedAction } from '../src/emit/action.ts'
import { skip, World } from './harness.ts'

interface Decided {
  readonly id: string
  readonly customer: string
  readonly arm: string
  readonly one_in: number
  readonly nothing: number
  readonly candidates: readonly string[]
  readonly treatments: readonly string[]
  readonly reasons: readonly string[]
  readonly probabilities: readonly number[]
  readonly slots: readonly string[]
  readonly chosen: readonly string[]
}

/** Rules with all that an arbitration knows, on the servers, with a crash in the midst of it. */
describe('what the service publishes and stores of its decisions', { skip }, () => {
  let world: World
  const customers = 400
  const events = 4_000

  before(async () => {
    world = await World.open()
    await world.createTopics({ clicks: 2, actions: 2, dead_letters: 1 })
  })
  after(() => world?.close())

  /** Those from the n-th to before the m-th. */
  const feed = (n: number, m: number) =>
    world.produce(
      'clicks',
      Array.from({ length: m - n }, (_, k) => {
        const i = n + k
        const userId = `c${(i * 7) % customers}`
        const properties = { score: (i * 13) % 5, recall: i % 97 === 0 }
        const timestamp = Date.UTC(2026, 5, 1) + i * 5_000
        return {
          key: userId,
          value: JSON.stringify({ messageId: `m${i}`, type: 'view', userId, timestamp, properties }),
        }
      }),
    )

  const configure = () =>
    world.writeConfig({
      topics: [{ name: world.topic('clicks'), format: 'json' }],
      actions: [
        {
          name: 'offer',
          when: 'properties.score > 0',
          value: 'properties.score',
          group: 'sales',
          tags: ['spring'],
          contact: { cooldown: '2h' },
          treatments: [
            { name: 'long', channel: 'email', slots: ['hero'] },
            { name: 'short', channel: 'push', factor: 0.5, payload: { text: 'hi' } },
          ],
        },
        { name: 'news', when: 'true', value: 2, contact: { cooldown: '1h' }, expires: '1h' },
        { name: 'next_offer', when: 'true', value: 9, mode: 'shadow', contact: { cooldown: '1h' } },
        { name: 'recall', when: 'properties.recall == true', value: 0, mandatory: true },
      ],
      arbitration: {
        slots: { hero: 1, row: 1 },
        nothing: 1,
        explore: { epsilon: '20 %' },
        held_back: { one_in: 4 },
        contact: { caps: [{ max: 3, per: '4h' }] },
      },
      holdout: { share: '10 %', salt: 'spring' },
      slice: { max_events: 100 },
    })

  it('is the same on the topic and in the tables, once, after it was killed', async () => {
    const config = configure()
    const killed = await world.start(config)
    await killed.logged('task.open')
    await feed(0, events / 2)
    await killed.kill()
    const service = await world.start(config)
    await feed(events / 2, events)
    await world.consumed(service, 'clicks')
    await world.stored(service)
    assert.deepEqual(service.faults, [])
    assert.equal((await service.stop()).code, 0, service.output)

    const records = await world.read('actions')
    const published = records.map(({ value }) => JSON.parse(String(value)) as PublishedAction)
    const byId = new Map(published.map((action) => [action.id, action]))
    assert.equal(byId.size, published.length)
    const rows = await world.select<PublishedAction>(
      'SELECT id, action, customer, decision_id, treatment, slot, purpose, `group`, tags, arm, probability, kind, channel FROM actions FINAL',
    )
    assert.equal(rows.length, published.length)
    for (const row of rows) {
      const {
        id,
        action,
        customer,
        decision_id,
        treatment,
        slot,
        purpose,
        group,
        tags,
        arm,
        probability,
        kind,
        channel,
      } = byId.get(row.id)!
      const told = { id, action, customer, decision_id, treatment, slot, purpose, group, tags, arm, probability, kind }
      assert.deepEqual({ ...row }, { ...told, channel })
    }

    const decisions = await world.select<Decided>('SELECT * FROM decisions FINAL')
    assert.equal(new Set(decisions.map(({ id }) => id)).size, decisions.length)
    const arms = new Map<string, string>()
    const seen = new Set<string>()
    for (const {
      id,
      customer,
      arm,
      one_in,
      nothing,
      candidates,
      treatments,
      reasons,
      probabilities,
      slots,
      chosen,
    } of decisions) {
      assert.equal(arms.get(customer) ?? arm, arm, 'a customer is in one arm')
      arms.set(customer, arm)
      const own = published.filter(({ decision_id }) => decision_id === id)
      assert.deepEqual(
        own.sort((a, b) => a.rank - b.rank).map(({ action }) => action),
        chosen,
      )
      for (const { action, treatment, slot, probability } of own) {
        const at = candidates.findIndex((name, i) => name === action && treatments[i] === treatment)
        assert.deepEqual([reasons[at], slots[at], probabilities[at]], ['chosen', slot, probability])
        assert(probability > 0)
      }
      if (chosen.length === 0) assert(nothing > 0)
      if (arm === 'holdout') assert(chosen.every((name) => name === 'recall'))
      const isHeldBack = !reasons.some((reason) => ['chosen', 'nothing', 'holdout', 'shadow'].includes(reason))
      if (one_in !== 1) assert(isHeldBack && one_in === 4)
      for (const reason of reasons) seen.add(reason)
    }
    for (const reason of ['chosen', 'outranked', 'nothing', 'holdout', 'shadow', 'cooldown'])
      assert(seen.has(reason), reason)
    const held = [...arms.values()].filter((arm) => arm === 'holdout').length
    assert(held > customers * 0.05 && held < customers * 0.16, `${held} are in the holdout`)
    for (const { customer, action } of published) assert(arms.get(customer) === 'treated' || action === 'recall')
  })
})
