import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { skip, World } from './harness.ts'

/** A crash, and a start with other rules: what the earlier ones decided is decided again by those. */
describe('rules that change after a crash', { skip }, () => {
  let world: World
  let fed = 0
  const part = 30

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: 1, actions: 1, dead_letters: 1 })
  })
  after(() => world?.close())

  /** Only the first slice of a process is saved before its end, so that a crash leaves the others to replay. */
  const configure = (features: readonly object[], actions: readonly object[]) =>
    world.writeConfig({
      topics: [{ name: world.topic('events'), format: 'json' }],
      features: [{ name: 'seen', count: {}, window: 'lifetime' }, ...features],
      actions,
      arbitration: { emit: 'all' },
      slice: { checkpoint: '1h' },
    })
  const earlierRules = () =>
    configure(
      [{ name: 'pages', distinct: 'properties.page', window: 'lifetime' }],
      [{ name: 'fifth', when: 'seen % 5 == 0' }],
    )
  const laterRules = () =>
    configure(
      [{ name: 'top_page', top: 'properties.page', window: 'lifetime' }],
      [{ name: 'tenth', when: 'seen % 10 == 0' }],
    )

  const feed = () =>
    world.produce(
      'events',
      Array.from({ length: part }, () => {
        const properties = { page: `p${fed % 3}` }
        const event = {
          messageId: `m${fed}`,
          type: 'view',
          userId: 'c',
          timestamp: 1_700_000_000_000 + fed++,
          properties,
        }
        return { key: 'c', value: JSON.stringify(event) }
      }),
    )

  async function takeAndCrash(config: string): Promise<void> {
    await feed()
    const service = await world.start(config)
    await world.consumed(service, 'events')
    await feed()
    await world.consumed(service, 'events')
    await service.kill()
  }

  it('keep what the earlier ones published, once, and count on from there', async () => {
    await takeAndCrash(earlierRules())
    const service = await world.start(laterRules())
    await feed()
    await world.consumed(service, 'events')
    await service.logged('backfill.done')
    assert.equal((await service.stop()).code, 0, service.output)

    const actions = (await world.read('actions')).map(({ value }) => JSON.parse(String(value)).action)
    const fifths = actions.filter((name) => name === 'fifth').length
    const tenths = actions.filter((name) => name === 'tenth').length
    assert.deepEqual([fifths, tenths], [(part * 2) / 5, part / 10], 'each rule decided its own part')
    const [row] = await world.select<{ seen: number; top_page: string[]; names: string[] }>(
      `SELECT numbers['seen'] AS seen, lists['top_page'] AS top_page, arraySort(arrayConcat(mapKeys(numbers), mapKeys(strings), mapKeys(lists))) AS names
       FROM customers WHERE customer = 'c'`,
    )
    assert.deepEqual(row, { seen: part * 3, top_page: ['p0', 'p1', 'p2'], names: ['seen', 'top_page'] })
  })

  it('wait for their text where the store has lost it', async () => {
    await takeAndCrash(laterRules())
    await world.database.client.command({ query: 'TRUNCATE TABLE policies' })
    const service = await world.start(earlierRules())
    const line = await service.logged('task.failed')
    assert.equal(line['reason'], 'policy')
    await service.stop()
  })
})
