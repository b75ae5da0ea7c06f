import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { keysOf, testLogContract, until } from '../log.contract.ts'
import type { Log, LogError } from '../log.ts'
import { openCluster } from './clusters.ts'
import { maxBatchBytes } from './codecs.ts'
import { openKafkaLog } from './kafka-log.ts'

const address = process.env['BECKON_TEST_KAFKA']
const prefix = `beckon-log-${process.pid}-${Date.now()}`
let names = 0
const kcat = spawnSync('kcat', ['-V'])
const newName = () => `${prefix}-${++names}`

if (address === undefined) {
  test('the log on Kafka', { skip: 'BECKON_TEST_KAFKA is not set' }, () => undefined)
} else {
  for (const records of ['lean', 'stock'] as const) {
    testLogContract(`Kafka, ${records} records`, async () => {
      const open = () => openKafkaLog({ brokers: [address], clientId: 'contract', records })
      const [log, other] = await Promise.all([open(), open()])
      return { log, other, name: newName, close: async () => void (await Promise.all([log.close(), other.close()])) }
    })
  }
  testKafka(address)
}

function testKafka(broker: string): void {
  describe('the log on Kafka only', () => {
    const logs = new Map<string, Log>()
    const admin: Admin = rawClient(broker).admin()
    before(async () => {
      await admin.connect()
      for (const records of ['lean', 'stock'] as const) {
        logs.set(records, await openKafkaLog({ brokers: [broker], clientId: 'test', records }))
      }
    })
    after(async () => {
      for (const log of logs.values()) await log.close()
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
      await admin.deleteTopics({ topics })
      await admin.disconnect()
    })
    const [lean, stock] = [() => logs.get('lean')!, () => logs.get('stock')!]

    async function newTopic(config: Record<string, string> = {}): Promise<string> {
      const topic = newName()
      await lean().createTopics([{ topic, partitions: 1, config }])
      return topic
    }

    /** All that a consumer of this log gets from the topic, up to an offset. */
    async function consumeAll(
      log: Log,
      topic: string,
      end: number,
    ): Promise<{ keys: string[]; values: string[]; next: number }> {
      const seen = { keys: [] as string[], values: [] as string[], next: 0 }
      const consumption = await log.consume({
        topics: [topic],
        groupId: newName(),
        async onBatch(batch) {
          for (let i = 0; i < batch.count; i++) {
            seen.keys.push(String(batch.key(i)))
            seen.values.push(String(batch.value(i)))
          }
          seen.next = batch.nextOffset
        },
        onAssigned: () => undefined,
        onFailure: (error) => {
          throw error
        },
        onCrash: (error) => {
          throw error
        },
      })
      await until(() => seen.next >= end)
      await consumption.stop()
      return seen
    }

    test('a deleted topic does not prevent others from being created, though its offsets were asked for', async () => {
      const topic = await newTopic()
      await lean().committedOffsets(newName(), [topic], 0)
      await admin.deleteTopics({ topics: [topic] })
      const other = await newTopic()
      assert.equal(await lean().partitionCount(other), 1)
      await lean().addPartitions(other, 2)
      assert.equal(await lean().partitionCount(other), 2)
    })

    test('batches of every codec that producers use are read, mixed in one partition', async () => {
      const topic = await newTopic()
      const producer = rawClient(broker).producer({ allowAutoTopicCreation: false })
      await producer.connect()
      const { None, GZIP, Snappy, LZ4 } = kafkajs.CompressionTypes
      const wanted: string[] = []
      for (const compression of [None, GZIP, Snappy, LZ4]) {
        const messages = Array.from({ length: 50 }, (_, i) => ({
          key: `${compression}-${i}`,
          value: 'value '.repeat(i),
        }))
        await producer.send({ topic, compression, messages })
        wanted.push(...messages.map(({ key }) => key))
      }
      await producer.disconnect()
      for (const log of [lean(), stock()]) {
        const { keys, values } = await consumeAll(log, topic, 200)
        assert.deepEqual(keys, wanted)
        assert.equal(values[199], 'value '.repeat(49))
      }
    })

    test('zstd is read as librdkafka writes it', { skip: kcat.error && 'kcat is not installed' }, async () => {
      const topic = await newTopic()
      const lines = Array.from({ length: 3000 }, (_, i) => `k${i}:value ${i}`)
      const args = ['-P', '-b', broker, '-t', topic, '-p', '0', '-K:', '-z', 'zstd']
      assert.equal(spawnSync('kcat', args, { input: lines.join('\n') }).status, 0)
      for (const log of [lean(), stock()]) {
        const { keys, values } = await consumeAll(log, topic, 3000)
        assert.deepEqual(
          keys.map((key, i) => `${key}:${values[i]}`),
          lines,
        )
      }
    })

    test('row 45: a batch that unpacks to too much stops its own partition only', async () => {
      const topic = newName()
      await lean().createTopics([{ topic, partitions: 2 }])
      const producer = rawClient(broker).producer({ allowAutoTopicCreation: false })
      await producer.connect()
      const send = (partition: number, value: Buffer) =>
        producer.send({ topic, compression: kafkajs.CompressionTypes.GZIP, messages: [{ partition, value }] })
      await send(0, Buffer.alloc(maxBatchBytes + 1))
      const failures: unknown[] = []
      let seen = 0
      const consumption = await lean().consume({
        topics: [topic],
        groupId: newName(),
        async onBatch(batch) {
          assert.equal(batch.partition, 1)
          seen += batch.count
        },
        onAssigned: () => undefined,
        onFailure: (error, at) => failures.push((error as LogError).code, at.partition),
        onCrash: (error) => {
          throw error
        },
      })
      await until(() => failures.length > 0)
      await send(1, Buffer.from('fine'))
      await until(() => seen === 1)
      await Promise.all([consumption.stop(), producer.disconnect()])
      assert.deepEqual(failures.slice(0, 2), ['unreadable', 0])
    })

    test('row 46: what an upstream transaction aborted is not seen, what it committed is; both decoders agree', async () => {
      const topic = await newTopic()
      const kafka = rawClient(broker)
      const producers = await Promise.all(
        ['x', 'y'].map(async (name) => {
          const producer = kafka.producer({
            transactionalId: `${newName()}-${name}`,
            maxInFlightRequests: 1,
            idempotent: true,
          })
          await producer.connect()
          return producer
        }),
      )
      const send = (key: string) => ({
        topic,
        messages: [
          { key, value: 'v' },
          { key, value: 'w' },
        ],
      })
      const [x, y] = await Promise.all(producers.map((producer) => producer.transaction()))
      await x!.send(send('aborted 1'))
      await y!.send(send('committed 1'))
      await x!.send(send('aborted 2'))
      await lean().append([{ topic, key: 'plain', value: Buffer.from('v'), headers: {} }])
      await y!.commit()
      await x!.abort()
      const again = await producers[0]!.transaction()
      await again.send(send('committed 2'))
      await again.commit()
      const last = await producers[0]!.transaction()
      await last.send(send('aborted 3'))
      await last.abort()
      await until(async () => (await lean().offsets(topic, 0)).high === 15)
      await Promise.all(producers.map((producer) => producer.disconnect()))
      const wanted = ['committed 1', 'committed 1', 'plain', 'committed 2', 'committed 2']
      assert.deepEqual((await consumeAll(lean(), topic, 15)).keys, wanted)
      const read: string[] = []
      for await (const batch of stock().read(topic, 0, 0, 15)) {
        for (let i = 0; i < batch.count; i++) read.push(String(batch.key(i)))
      }
      assert.deepEqual(read, wanted)
      await lean().append([{ topic, key: 'end', value: Buffer.from('v'), headers: {} }])
      assert.deepEqual((await consumeAll(stock(), topic, 16)).keys, [...wanted, 'end'])
    })

    test('row 46: records held back by an open transaction are reported, and come when the transaction has ended', async () => {
      const topic = await newTopic()
      const keys: string[] = []
      const consumption = await lean().consume({
        topics: [topic],
        groupId: newName(),
        async onBatch(batch) {
          for (let i = 0; i < batch.count; i++) keys.push(String(batch.key(i)))
        },
        onAssigned: () => undefined,
        onFailure: (error) => {
          throw error
        },
        onCrash: (error) => {
          throw error
        },
      })
      const at = { topic, partition: 0 }
      const heldBackMs = () => consumption.seen(at)?.heldBackMs ?? -1
      const append = (key: string) => lean().append([{ topic, key, value: null, headers: {} }])
      await append('before')
      await until(() => keys.length === 1)
      assert.equal(heldBackMs(), 0)
      const upstream = rawClient(broker).producer({
        transactionalId: newName(),
        idempotent: true,
        maxInFlightRequests: 1,
      })
      await upstream.connect()
      const transaction = await upstream.transaction()
      await transaction.send({ topic, messages: [{ key: 'open', value: null }] })
      await append('behind')
      await until(() => heldBackMs() > 300)
      assert.deepEqual(keys, ['before'])
      await transaction.abort()
      await until(() => keys.length === 2)
      assert.deepEqual(keys, ['before', 'behind'])
      await until(() => heldBackMs() === 0)
      await Promise.all([consumption.stop(), upstream.disconnect()])
    })

    test('a topic with a lower limit than ours refuses a slice as too large', async () => {
      const [topic, groupId] = [await newTopic({ 'max.message.bytes': '2000' }), newName()]
      const large = { topic, key: null, value: Buffer.alloc(3000), headers: {} }
      const slice = { records: [large], groupId, topic, partition: 0, nextOffset: 1, metadata: '' }
      const codeOf = async () => {
        const writer = await lean().openWriter(newName())
        const code = await writer.commit(slice).then(
          () => 'committed',
          (error: LogError) => error.code,
        )
        await writer.close()
        return code
      }
      let code = ''
      // The leader of a new topic may not know yet that it leads.
      await until(async () => {
        code = await codeOf()
        return code !== 'aborted'
      })
      assert.equal(code, 'too_large')
    })

    test('records of an unwritten slice leave nothing behind: the next owner aborts them', async () => {
      const [topic, groupId, id] = [await newTopic(), newName(), newName()]
      const crashed = rawClient(broker).producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 })
      await crashed.connect()
      const transaction = await crashed.transaction()
      await transaction.send({ topic, messages: [{ key: 'lost', value: null }] })
      await transaction.sendOffsets({
        consumerGroupId: groupId,
        topics: [{ topic, partitions: [{ partition: 0, offset: '7' }] }],
      })
      const owner = await lean().openWriter(id)
      assert.equal((await lean().committedOffsets(groupId, [topic], 0))[0]?.offset, null)
      await until(async () => (await lean().offsets(topic, 0)).high === 2)
      assert.deepEqual((await consumeAll(lean(), topic, 2)).keys, [])
      await Promise.all([crashed.disconnect(), owner.close()])
    })

    test('a group without an offset, and a reader of deleted records, start at the first offset that is left', async () => {
      const topic = await newTopic()
      await lean().append(['0', '1', '2'].map((key) => ({ topic, partition: 0, key, value: null, headers: {} })))
      await admin.fetchTopicOffsets(topic) // Else kafkajs does not know the partition's leader.
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
      assert.deepEqual(await lean().offsets(topic, 0), { low: 2, high: 3 })
      assert.deepEqual((await consumeAll(lean(), topic, 3)).keys, ['2'])
      for await (const batch of lean().read(topic, 0, 0, 3)) assert.equal(batch.startOffset, 2)
    })

    test('a member that is stopped while it joins again leaves at once, even if another holds up the join', async () => {
      const [topic, groupId] = [newName(), newName()]
      await lean().createTopics([{ topic, partitions: 2 }])
      const other = await openKafkaLog({ brokers: [broker], clientId: 'other' })
      const last = await openKafkaLog({ brokers: [broker], clientId: 'last' })
      const owned = new Map<string, number>()
      const join = (log: Log, name: string, onBatch: () => Promise<void>) =>
        log.consume({
          topics: [topic],
          groupId,
          onBatch,
          onAssigned: (partitions) => void owned.set(name, partitions.length),
          onFailure: (error) => {
            throw error
          },
          onCrash: (error) => {
            throw error
          },
        })
      const describeGroup = async () => {
        const { groups } = await admin.describeGroups([groupId])
        const { state, members } = groups[0]!
        return { state, members: members.map(({ memberId }) => memberId.replace(/-.*/, '')).sort() }
      }
      let goOn = () => {}
      const held = new Promise<void>((resolve) => {
        goOn = resolve
      })
      let handling = 0
      const holder = await join(lean(), 'holder', () => {
        handling++
        return held
      })
      const leaver = await join(other, 'leaver', async () => undefined)
      await until(() => owned.get('holder') === 1 && owned.get('leaver') === 1)
      const records = [0, 1].map((partition) => ({ topic, partition, key: null, value: null, headers: {} }))
      await lean().append(records)
      await until(() => handling === 1)
      const joining = join(last, 'last', async () => undefined)
      // The newcomer's join has made the group rebalance, and the leaver has sent its own; the holder has not.
      await until(async () => (await describeGroup()).state === 'PreparingRebalance')
      await sleep(2_000)
      await leaver.stop()
      assert.deepEqual(await describeGroup(), { state: 'PreparingRebalance', members: ['last', 'test'] })
      goOn()
      await (await joining).stop()
      await holder.stop()
      await Promise.all([other.close(), last.close()])
    })

    test('a member that the group has forgotten joins again, even if joining failed at first', async ({ mock }) => {
      const [topic, groupId] = [newName(), newName()]
      await lean().createTopics([{ topic, partitions: 1 }])
      let [isAway, failures] = [false, 0]
      const find = Cluster.prototype.findGroupCoordinator
      mock.method(Cluster.prototype, 'findGroupCoordinator', function (this: unknown, asked: { groupId: string }) {
        if (!isAway) return find.call(this, asked)
        isAway = false
        failures++
        throw new kafkajs.KafkaJSConnectionError('the coordinator is away')
      })
      const keys: string[] = []
      let assigned = 0
      const consumption = await lean().consume({
        topics: [topic],
        groupId,
        onBatch: async (batch) => void keys.push(...keysOf(batch)),
        onAssigned: () => void assigned++,
        onFailure: (error) => {
          throw error
        },
        onCrash: (error) => {
          throw error
        },
      })
      await until(() => assigned === 1)
      const { owner, cluster } = openCluster(rawClient(broker))
      await owner.connect()
      const coordinator = (await cluster.findGroupCoordinator({ groupId })) as unknown as {
        leaveGroup(of: { groupId: string; memberId: string }): Promise<void>
      }
      const { groups } = await admin.describeGroups([groupId])
      isAway = true
      await coordinator.leaveGroup({ groupId, memberId: groups[0]!.members[0]!.memberId })
      await until(() => failures > 0 && !consumption.isMember())
      // Instead of waiting for a minute.
      const now = performance.now.bind(performance)
      mock.method(performance, 'now', () => now() + 60_000)
      await until(() => assigned === 2 && consumption.isMember())
      await lean().append([{ topic, partition: 0, key: 'a', value: null, headers: {} }])
      await until(() => keys.length === 1)
      await consumption.stop()
      await owner.disconnect()
    })

    test('brokers that can’t be reached are reported as unavailable', async () => {
      await assert.rejects(openKafkaLog({ brokers: ['127.0.0.1:1'], clientId: 'test' }), {
        code: 'unavailable',
        retriable: true,
      })
    })
  })
}

/** kafkajs's cluster class: a test blocks its way to the coordinator. */
const Cluster = createRequire(import.meta.url)('kafkajs/src/cluster')

function rawClient(broker: string): Kafka {
  return new kafkajs.Kafka({ clientId: 'upstream', brokers: [broker], logLevel: kafkajs.logLevel.NOTHING })
}
