import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { type Service, skip, until, World } from './harness.ts'

/** What a topic must not do under a running service: it stops then, and says why, before anything is taken that is wrong. */
describe('a topic that changes while the service runs', { skip }, () => {
  const customers = Array.from({ length: 20 }, (_, i) => `c${i}`)
  let sent = 0

  const settings = (world: World) => ({
    topics: [{ name: world.topic('events'), format: 'json', key: 'customer' }],
    features: [{ name: 'seen', count: {}, window: 'lifetime' }],
    actions: [{ name: 'hello', when: 'type == "view"', contact: { cooldown: '30d' } }],
    slice: { checkpoint: '200ms' },
  })

  /** One event of each customer, where a producer that knows that many partitions puts it. */
  function feed(world: World, partitions: number, rounds = 1): Promise<void> {
    const messages = Array.from({ length: rounds }, () => customers)
      .flat()
      .map((customer) => {
        const event = { messageId: `m${sent++}`, type: 'view', userId: customer, timestamp: Date.now() }
        return {
          partition: partitionOfKey(customer, partitions),
          key: customer,
          value: JSON.stringify(event),
        }
      })
    return world.produce('events', messages)
  }

  async function inWorld(run: (world: World, file: string, service: Service) => Promise<void>): Promise<void> {
    const world = await World.open()
    try {
      await world.createTopics({ events: 2, actions: 2, dead_letters: 1, journal: 2 })
      const file = world.writeConfig(settings(world))
      await feed(world, 2, 5)
      const service = await world.start(file)
      await world.consumed(service, 'events')
      await world.stored(service)
      await run(world, file, service)
    } finally {
      await world.close()
    }
  }

  async function recreate(world: World, partitions: number): Promise<void> {
    const topic = world.topic('events')
    await world.admin.deleteTopics({ topics: [topic] })
    await until('the topic is gone', async () => !(await world.admin.listTopics()).includes(topic))
    await world.createTopics({ events: partitions })
  }

  async function failedAll(service: Service, reason: string, partitions = 2): Promise<string> {
    await service.logged('started')
    await until(`all partitions fail: ${reason}`, async () => {
      const ready = await service.get('/readyz')
      return ready.status === 503 && ready.text.split(`"state":"failed","reason":"${reason}"`).length > partitions
    })
    await until('the metric tells', async () => {
      return (await service.metric(`beckon_partition_failed{reason="${reason}"}`)) === partitions
    })
    return (await service.get('/readyz')).text
  }

  const seen = async (world: World): Promise<number> => {
    const [row] = await world.select<{ seen: number }>("SELECT sum(numbers['seen']) AS seen FROM customers")
    return row!.seen
  }

  for (const [grown, rounds] of [
    ['is shorter than what was taken', 1],
    ['has grown past what was taken', 9],
  ] as const) {
    it(`stops it where the topic is made anew and ${grown}: nothing of the new one is taken`, () =>
      inWorld(async (world, file, service) => {
        await recreate(world, 2)
        await feed(world, 2, rounds)
        assert.match(await failedAll(service, 'ahead'), /deleted and created anew|but it ends at/)
        assert.equal(await seen(world), customers.length * 5)
        assert.equal((await service.get('/healthz')).status, 200, 'a restart would mend nothing')
        assert.equal((await service.stop()).code, 0, service.output)

        const again = await world.start(file)
        await failedAll(again, 'ahead')
        assert.equal(await seen(world), customers.length * 5)
        await again.stop()
        // Each was greeted once in the old one, and nobody again.
        assert.equal((await world.read('actions')).length, customers.length)
      }))
  }

  it('stops it where the topic is deleted, with few words', () =>
    inWorld(async (world, _file, service) => {
      await world.admin.deleteTopics({ topics: [world.topic('events')] })
      assert.match(await failedAll(service, 'deleted'), /is not there any more/)
      const lines = service.lines.length
      await sleep(10_000)
      assert.ok(service.lines.length - lines < 5, service.output)
      assert.equal((await service.stop()).code, 0, service.output)
    }))

  it('stops it where partitions are added, before a customer whose key has moved gets an action again', () =>
    inWorld(async (world, file, service) => {
      const topicPartitions = [{ topic: world.topic('events'), count: 3 }]
      await world.admin.createPartitions({ topicPartitions })
      assert.match(await failedAll(service, 'partitions'), /had 2 partitions and now ha/)
      const moved = customers.filter((customer) => partitionOfKey(customer, 3) !== partitionOfKey(customer, 2))
      assert.ok(moved.length > 0)
      await until('a producer knows of it', async () => {
        const [ends] = [await world.admin.fetchTopicOffsets(world.topic('events'))]
        return ends.length === 3
      })
      await feed(world, 3)
      assert.equal((await service.stop()).code, 0, service.output)

      // The journal has fewer partitions than the input now; to give it more would mend nothing.
      const again = await world.start(file)
      assert.match(await failedAll(again, 'partitions', 3), /the profiles lie in 2 partitions/)
      assert.equal((await again.stop()).code, 0, again.output)
      assert.equal(await seen(world), customers.length * 5)
      assert.equal((await world.read('actions')).length, customers.length)
    }))

  it('tells of an output topic that is gone, and goes on when it is there again', () =>
    inWorld(async (world, _file, service) => {
      await world.admin.deleteTopics({ topics: [world.topic('actions')] })
      await until('it is told', async () => (await service.get('/readyz')).text.includes('actions is not there'))
      await world.createTopics({ actions: 2 })
      await feed(world, 2)
      await world.consumed(service, 'events')
      await until('it is ready', async () => (await service.get('/readyz')).status === 200)
      assert.equal((await service.stop()).code, 0, service.output)
    }))

  it('stops a partition whose last records were written by a leader that the log never had', () =>
    inWorld(async (world, file, service) => {
      assert.equal((await service.stop()).code, 0, service.output)
      const topic = world.topic('events')
      const [group] = await world.admin.fetchOffsets({ groupId: world.group, topics: [topic] })
      const { offset, metadata } = group!.partitions.find(({ partition }) => partition === 0)!
      const epoch = Number(metadata!.split(' ')[2])
      assert.ok(epoch >= 0, `no epoch in ${metadata}`)
      await world.commit(topic, 0, Number(offset), metadata!.replace(/\d+$/, String(epoch + 5)))

      const again = await world.start(file)
      const line = await again.logged('task.failed')
      assert.deepEqual([line['reason'], line['partition']], ['diverged', 0])
      await until('the other goes on', async () => (await again.metric('beckon_partitions{state="running"}')) === 1)
      await again.stop()
    }))
})
