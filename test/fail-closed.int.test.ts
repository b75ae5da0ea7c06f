import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import kafkajs from 'kafkajs'
import { maxBatchBytes } from '../src/log/kafka/codecs.ts'
import { type Service, skip, until, World } from './harness.ts'

/** Where it can't be shown that nothing is lost, a partition of all topics stops with its reason, and the others go on. */
describe('a partition that can not be made right', { skip }, () => {
  let world: World
  let config: string
  let fed = 0
  const perPartition = 20

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: 2, other: 2, actions: 2, dead_letters: 1, journal: 2 })
    config = world.writeConfig({
      topics: [
        { name: world.topic('events'), format: 'json' },
        { name: world.topic('other'), format: 'json' },
      ],
      features: [{ name: 'seen', count: {}, window: 'lifetime' }],
      actions: [{ name: 'fifth', when: 'seen % 5 == 0' }],
      slice: { checkpoint: '200ms' },
    })
  })
  after(() => world?.close())

  async function feed(topic: string): Promise<void> {
    const messages = Array.from({ length: perPartition * 2 }, (_, i) => {
      const customer = `c${i % 2}`
      const event = { messageId: `m${fed++}`, type: 'view', userId: customer, timestamp: 1_700_000_000_000 + fed }
      return { partition: i % 2, key: customer, value: JSON.stringify(event) }
    })
    await world.produce(topic, messages)
  }

  const seenBy = async (customer: string): Promise<number> => {
    const [row] = await world.select<{ seen: number }>(
      `SELECT numbers['seen'] AS seen FROM customers WHERE customer = '${customer}'`,
    )
    return row?.seen ?? 0
  }
  const failed = (service: Service, reason: string) => service.metric(`beckon_partition_failed{reason="${reason}"}`)

  /** A run over both topics that saves all and ends well. */
  async function runOnce(): Promise<void> {
    await feed('events')
    await feed('other')
    const service = await world.start(config)
    await world.consumed(service, 'events', 'other')
    assert.deepEqual((await service.stop()).code, 0, service.output)
  }

  /** Partition 0, by the statements of the runbook that have the word. */
  async function mend(of: World, word: string, offsets: Readonly<Record<string, number>>): Promise<void> {
    const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')
    const block = [...runbook.matchAll(/```sql\n([^`]*)```/g)].map(([, sql]) => sql!).find((sql) => sql.includes(word))!
    const text = block
      .replace('{"T":C,"U":D}', JSON.stringify(offsets))
      .replaceAll('partition = P', 'partition = 0')
      .replace('SELECT P', 'SELECT 0')
      .replace('"partitions":N', '"partitions":1')
    for (const query of text.split(/;\s*/)) if (query.trim() !== '') await of.database.client.command({ query })
  }

  it('says gap where the topic was cut past the checkpoint', async () => {
    await runOnce()
    await feed('events')
    const ends = await world.admin.fetchTopicOffsets(world.topic('events'))
    const { high } = ends.find(({ partition }) => partition === 0)!
    const cut = [{ partition: 0, offset: String(Number(high) - perPartition / 2) }]
    await world.admin.deleteTopicRecords({ topic: world.topic('events'), partitions: cut })

    const service = await world.start(config)
    const line = await service.logged('task.failed')
    assert.deepEqual([line['reason'], line['partition']], ['gap', 0])
    assert.match(String(line['hint']), /the checkpoint is at \d+ of \S+\.events, but the topic now begins at \d+/)
    await until('the other partition goes on', async () => (await seenBy('c1')) === perPartition * 3)
    assert.equal(await seenBy('c0'), perPartition * 2, 'what stopped changes nothing')
    assert.equal(await failed(service, 'gap'), 1)
    const ready = await service.get('/readyz')
    assert.equal(ready.status, 503)
    assert.match(ready.text, /"state":"failed","reason":"gap"/)
    assert.equal((await service.get('/healthz')).status, 200, 'a restart would mend nothing')
    await service.stop()
  })

  it('goes on with the hole as the runbook says', async () => {
    const topics = ['events', 'other'].map((name) => world.topic(name))
    const ends = await world.admin.fetchTopicOffsets(topics[0]!)
    const { low } = ends.find(({ partition }) => partition === 0)!
    const partitions = [{ partition: 0, offset: low }]
    await world.admin.setOffsets({ groupId: world.group, topic: topics[0]!, partitions })
    const committed = await world.admin.fetchOffsets({ groupId: world.group, topics })
    const offsets = committed.map(({ topic, partitions: of }) => [
      topic,
      Number(of.find((one) => one.partition === 0)!.offset),
    ])
    await mend(world, 'replaceRegexpOne', Object.fromEntries(offsets))
    const service = await world.start(config)
    await world.consumed(service, 'events', 'other')
    await until('it is saved', async () => (await seenBy('c0')) === perPartition * 2 + perPartition / 2)
    assert.equal((await service.stop()).code, 0, service.output)
  })

  it('says ahead where the offsets were set back or are gone', async () => {
    await world.admin.setOffsets({
      groupId: world.group,
      topic: world.topic('other'),
      partitions: [{ partition: 1, offset: '0' }],
    })
    await feed('other')
    const service = await world.start(config)
    const line = await service.logged('task.failed', ({ reason }) => reason === 'ahead')
    assert.equal(line['partition'], 1)
    assert.match(
      String(line['hint']),
      /the checkpoint is at 20 of \S+\.other, but the group has the committed offset 0/,
    )
    await service.stop()

    await world.admin.deleteGroups([world.group])
    const again = await world.start(config)
    const gone = await again.logged('task.failed', ({ partition }) => partition === 1)
    assert.match(String(gone['hint']), /but the group has no committed offset/)
    await again.stop()
  })

  it('says gap where the profiles are lost and the topic no longer reaches back', async () => {
    const bare = await World.open()
    try {
      await bare.createTopics({ events: 1, actions: 1, dead_letters: 1 })
      const file = bare.writeConfig({ topics: [{ name: bare.topic('events'), format: 'json' }] })
      const messages = Array.from({ length: 10 }, (_, n) => {
        const event = { messageId: `b${n}`, type: 'view', userId: 'c', timestamp: 1_700_000_000_000 + n }
        return { key: 'c', value: JSON.stringify(event) }
      })
      await bare.produce('events', messages)
      const first = await bare.start(file)
      await bare.consumed(first, 'events')
      await first.stop()
      await bare.database.client.command({ query: 'TRUNCATE TABLE profiles' })
      const cut = [{ partition: 0, offset: '5' }]
      await bare.admin.deleteTopicRecords({ topic: bare.topic('events'), partitions: cut })
      const second = await bare.start(file)
      const line = await second.logged('task.failed')
      assert.equal(line['reason'], 'gap')
      assert.match(String(line['hint']), /there is no checkpoint of it/)
      await second.stop()

      await mend(bare, 'DELETE', { [bare.topic('events')]: 10 })
      await bare.produce('events', messages.slice(0, 2))
      const third = await bare.start(file)
      await bare.consumed(third, 'events')
      assert.equal((await third.stop()).code, 0, third.output)
    } finally {
      await bare.close()
    }
  })

  it('says ahead where a topic was made anew', async () => {
    const fresh = await World.open()
    try {
      await fresh.createTopics({ events: 1, other: 1, actions: 1, dead_letters: 1 })
      const file = fresh.writeConfig({
        topics: [
          { name: fresh.topic('events'), format: 'json' },
          { name: fresh.topic('other'), format: 'json' },
        ],
        features: [{ name: 'seen', count: {}, window: 'lifetime' }],
        slice: { checkpoint: '200ms' },
      })
      const event = (n: number) => ({
        key: 'c',
        value: JSON.stringify({ messageId: `n${n}`, type: 'view', userId: 'c', timestamp: 1_700_000_000_000 + n }),
      })
      await fresh.produce('events', [event(1), event(2)])
      await fresh.produce('other', [event(3)])
      const first = await fresh.start(file)
      await fresh.consumed(first, 'events', 'other')
      await first.stop()
      await fresh.admin.deleteTopics({ topics: [fresh.topic('events')] })
      await until('the topic is gone', async () => !(await fresh.admin.listTopics()).includes(fresh.topic('events')))
      await fresh.createTopics({ events: 1 })
      await fresh.produce('events', [event(4)])

      const second = await fresh.start(file)
      const line = await second.logged('task.failed')
      assert.equal(line['reason'], 'ahead')
      assert.match(String(line['hint']), /\.events was deleted and created anew/)
      await second.stop()
    } finally {
      await fresh.close()
    }
  })

  it('says checksum where bytes have changed, and unreadable where they unpack to too much; the others go on', async () => {
    const bare = await World.open()
    try {
      await bare.createTopics({ events: 3, actions: 3, dead_letters: 1 })
      const file = bare.writeConfig({
        topics: [{ name: bare.topic('events'), format: 'json' }],
        features: [{ name: 'seen', count: {}, window: 'lifetime' }],
        slice: { checkpoint: '200ms' },
      })
      const event = (id: string, partition: number) => {
        const value = { messageId: id, type: 'view', userId: `c${partition}`, timestamp: 1_700_000_000_000 }
        return { partition, key: `c${partition}`, value: JSON.stringify(value) }
      }
      for (const partition of [0, 1, 2]) await bare.produce('events', [event(`good-${partition}`, partition)])
      await bare.produce('events', [event('wrong-amount', 0)])
      await bare.damage('events', 0, 'wrong-amount', 'other-amount')
      const bomb = { partition: 1, key: 'c1', value: Buffer.alloc(maxBatchBytes + 1) }
      await bare.produce('events', [bomb], kafkajs.CompressionTypes.GZIP)
      for (const partition of [0, 1, 2]) await bare.produce('events', [event(`late-${partition}`, partition)])

      const service = await bare.start(file)
      for (const [partition, reason] of ['checksum', 'unreadable'].entries()) {
        const line = await service.logged('task.failed', (one) => one['reason'] === reason)
        assert.equal(line['partition'], partition)
        assert.match(String(line['hint']), new RegExp(`at offset 1 of ${bare.topic('events')}, partition ${partition}`))
        assert.equal(await failed(service, reason), 1)
      }
      const ready = await service.get('/readyz')
      assert.equal(ready.status, 503)
      assert.match(ready.text, /"state":"failed","reason":"checksum"/)
      assert.match(ready.text, /"state":"failed","reason":"unreadable"/)
      const committed = async () => {
        const [found] = await bare.admin.fetchOffsets({ groupId: bare.group, topics: [bare.topic('events')] })
        return found!.partitions.toSorted((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset))
      }
      await until('what is before them, and the other partition, is taken', async () => {
        return String(await committed()) === '1,1,2'
      })
      await service.stop()
    } finally {
      await bare.close()
    }
  })
})
