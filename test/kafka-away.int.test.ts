import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openKafkaLog } from '../src/log/kafka/kafka-log.ts'
import { killPart, startPart, startStack, stopStack } from '../src/tools/stack/stack.ts'
import { type Service, skip, until, World } from './harness.ts'

/** On a Kafka of its own, which is killed, and loses the end of a log. */
describe('a Kafka that goes away', { skip }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'beckon-kafka-away-'))
  let world: World
  let service: Service
  let fed = 0

  before(async () => {
    const { kafka } = await startStack({ dir, ports: { kafka: 0 } })
    world = await World.open({ kafka })
    await world.createTopics({ events: 1, actions: 1, dead_letters: 1 })
    service = await world.start(
      world.writeConfig({
        topics: [{ name: world.topic('events'), format: 'json' }],
        features: [{ name: 'seen', count: {}, window: 'lifetime' }],
        slice: { checkpoint: '200ms' },
      }),
    )
  })
  after(async () => {
    await world?.close()
    await stopStack({ dir, wipe: true })
    rmSync(dir, { recursive: true, force: true })
  })

  /** By a producer of its own each time: one that has written before a log's end was lost is refused. */
  async function feed(count: number): Promise<void> {
    const log = await openKafkaLog({ brokers: [world.kafka], clientId: 'e2e' })
    const records = Array.from({ length: count }, () => {
      const event = { messageId: `m${fed++}`, type: 'view', userId: 'c', timestamp: Date.now() }
      const value = Buffer.from(JSON.stringify({ ...event, properties: { text: 'x'.repeat(1000) } }))
      return { topic: world.topic('events'), key: 'c', value, headers: {} }
    })
    await log.append(records)
    await log.close()
  }

  const seriesOf = async (name: string) =>
    (await service.get('/metrics')).text.split('\n').filter((line) => line.startsWith(`${name}{`))

  it('is seen in the probe and the metrics while it is away, and forgotten when it is back', async () => {
    await feed(40)
    await world.consumed(service, 'events')
    await until('it is ready', async () => (await service.get('/readyz')).status === 200)
    assert.equal(await service.metric('beckon_kafka_up'), 1)
    assert.equal(await service.metric('beckon_group_member'), 1)
    await until('nothing waits', async () => (await service.metric('beckon_consumer_lag')) === 0)

    await killPart({ dir, part: 'kafka' })
    await until('it is not ready', async () => (await service.get('/readyz')).status === 503)
    await until('it says why', async () =>
      /no broker has answered for \d+ s.*no fetch was answered for \d+ s/.test((await service.get('/readyz')).text),
    )
    await until('no broker answers', async () => (await service.metric('beckon_kafka_up')) === 0)
    await until('the lag is not known', async () => (await seriesOf('beckon_consumer_lag')).length === 0)
    assert.equal((await service.get('/healthz')).status, 200)

    await startPart({ dir, part: 'kafka' })
    await until('it is ready again', async () => (await service.get('/readyz')).status === 200)
    await feed(40)
    await world.consumed(service, 'events')
    await until('the lag is known', async () => (await seriesOf('beckon_consumer_lag')).length === 1)
    assert.equal(await service.metric('beckon_kafka_up'), 1)
  })

  it('has lost the end of a log: that partition stops, although the log has grown past its place again', async () => {
    await world.stored(service)
    await killPart({ dir, part: 'kafka' })
    const folder = join(dir, 'kafka', 'data', `${world.topic('events')}-0`)
    const log = readdirSync(folder).find((name) => name.endsWith('.log'))!
    truncateSync(join(folder, log), Math.floor(statSync(join(folder, log)).size / 2))
    await startPart({ dir, part: 'kafka' })
    await until('the log is shorter', async () => {
      const [end] = await world.admin.fetchTopicOffsets(world.topic('events'))
      return Number(end!.high) < 80
    })
    await feed(80)
    await until('it stops', async () => (await service.get('/readyz')).text.includes('"state":"failed"'))
    assert.match((await service.get('/readyz')).text, /"reason":"(diverged|ahead)"/)
    assert.equal((await service.stop()).code, 0, service.output)
    const [row] = await world.select<{ seen: number }>("SELECT numbers['seen'] AS seen FROM customers")
    assert.equal(row!.seen, 80, 'nothing of what took the place of the lost records is taken')
  })
})
