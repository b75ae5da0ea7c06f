/** The tests that every adapter of the log must pass. An adapter's own test file runs them on it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { OutRecord, RecordBatch } from '../events/log.ts'
import { type ConsumeOptions, type Consumption, type Log, LogError, partitionKey, type TopicPartition } from './log.ts'

/** What the tests need from an adapter. */
interface Bench {
  readonly log: Log
  /** Another client of the same brokers. */
  readonly other: Log
  /** A new name that no topic, group or transactional id has. */
  name(): string
  close(): Promise<void>
}

export function testLogContract(adapter: string, open: () => Promise<Bench>): void {
  describe(`the log: ${adapter}`, () => {
    let bench: Bench
    before(async () => {
      bench = await open()
    })
    after(() => bench.close())

    async function newTopic(partitions = 1): Promise<string> {
      const topic = bench.name()
      await bench.log.createTopics([{ topic, partitions }])
      return topic
    }

    test('a topic can get more partitions, which take records by their keys', async () => {
      const topic = await newTopic(2)
      assert.deepEqual(await bench.log.offsets(topic, 1), { low: 0, high: 0 })
      await bench.log.addPartitions(topic, 5)
      assert.equal(await bench.log.partitionCount(topic), 5)
      assert.deepEqual(await bench.log.offsets(topic, 4), { low: 0, high: 0 })
      const written = await bench.log.append([{ topic, partition: 4, key: 'ann', value: null, headers: {} }])
      assert.deepEqual([...written], [[partitionKey({ topic, partition: 4 }), 0]])
      await bench.log.addPartitions(topic, 5)
      await assert.rejects(bench.log.addPartitions(topic, 4), (error: LogError) => error.code === 'refused')
      await assert.rejects(
        bench.log.addPartitions(bench.name(), 4),
        (error: LogError) => error.code === 'unknown_topic',
      )
    })

    test('records arrive in order, each once, with all their parts', async () => {
      const topic = await newTopic()
      const sent: OutRecord[] = [
        {
          topic,
          key: 'ann',
          value: Buffer.from('one'),
          headers: { ce_id: 'é1', raw: Buffer.from([0, 255]), twice: ['a', 'b'] },
        },
        { topic, key: Buffer.from([0, 200]), value: Buffer.alloc(0), headers: {} },
        { topic, key: null, value: Buffer.from('no key'), headers: {} },
        { topic, key: 'ann', value: null, headers: {}, timestampMs: 1_767_225_600_123 },
        { topic, key: '', value: Buffer.alloc(70_000, 7), headers: { empty: '' } },
      ]
      await bench.log.append(sent.slice(0, 2))
      await bench.log.append(sent.slice(2))
      const seen: unknown[] = []
      let expected = 0
      const consumption = await bench.log.consume({
        ...quiet([topic], bench.name()),
        async onBatch(batch) {
          assert.equal(batch.startOffset, expected)
          for (let i = 0; i < batch.count; i++) {
            assert.equal(batch.offset(i), seen.length)
            const { timestampMs } = sent[batch.offset(i)]!
            if (timestampMs === undefined) assert.ok(Math.abs(batch.timestamp(i) - Date.now()) < 600_000)
            else assert.equal(batch.timestamp(i), timestampMs)
            const headers = batch.headers(i).map(({ name, value }) => [name, value])
            seen.push([batch.key(i), batch.value(i), headers])
          }
          assert.ok(batch.highWatermark >= batch.nextOffset)
          expected = batch.nextOffset
        },
      })
      await until(() => seen.length >= sent.length)
      await consumption.stop()
      const text = (value: string) => Buffer.from(value)
      assert.deepEqual(seen, [
        [
          text('ann'),
          text('one'),
          [
            ['ce_id', text('é1')],
            ['raw', Buffer.from([0, 255])],
            ['twice', text('a')],
            ['twice', text('b')],
          ],
        ],
        [Buffer.from([0, 200]), text(''), []],
        [null, text('no key'), []],
        [text('ann'), null, []],
        [text(''), Buffer.alloc(70_000, 7), [['empty', text('')]]],
      ])
    })

    test('a key goes to the partition of its murmur2 hash; a partition given with the record is kept', async () => {
      const topic = await newTopic(8)
      // The partitions that Java's producer chooses.
      const keys: [string, number][] = [
        ['21', 4],
        ['foobar', 6],
        ['a-little-bit-long-string', 0],
      ]
      await bench.log.append(keys.map(([key]) => ({ topic, key, value: null, headers: {} })))
      const written = await bench.log.append([{ topic, partition: 3, key: '21', value: null, headers: {} }])
      assert.deepEqual([...written], [[partitionKey({ topic, partition: 3 }), 0]])
      for (const [key, partition] of [...keys, ['21', 3] as const]) {
        assert.deepEqual(await readKeys(bench.log, topic, partition), [key])
      }
    })

    test('a slice’s records and offset become visible together, and not before it is committed', async () => {
      const [input, output, groupId] = [await newTopic(), await newTopic(2), bench.name()]
      const at = { groupId, topic: input, partition: 0 }
      assert.deepEqual(await bench.log.committedOffsets(groupId, [input], 0), [{ offset: null, metadata: '' }])
      const writer = await bench.log.openWriter(bench.name())
      await writer.commit({ ...at, records: records(output, ['a', 'b']), nextOffset: 5, metadata: '{"d":1}' })
      await eventually(() => bench.other.committedOffsets(groupId, [input], 0), [{ offset: 5, metadata: '{"d":1}' }])
      await writer.commit({ ...at, records: records(output, ['c'], 1), nextOffset: 7, metadata: '' })
      await eventually(() => bench.other.committedOffsets(groupId, [input], 0), [{ offset: 7, metadata: '' }])
      await eventually(() => readKeys(bench.other, output, 0), ['a', 'b'])
      await eventually(() => readKeys(bench.other, output, 1), ['c'])
      await writer.close()
    })

    test('a slice without records commits its offset', async () => {
      const [topic, groupId] = [await newTopic(), bench.name()]
      const writer = await bench.log.openWriter(bench.name())
      for (const nextOffset of [1, 2, 3]) {
        await writer.commit({ records: [], groupId, topic, partition: 0, nextOffset, metadata: `${nextOffset}` })
      }
      await eventually(() => bench.log.committedOffsets(groupId, [topic], 0), [{ offset: 3, metadata: '3' }])
      await writer.close()
    })

    test('opening the id again fences the earlier writer: nothing of its slice is seen, its offset does not move', async () => {
      const [topic, output, groupId, id] = [await newTopic(), await newTopic(), bench.name(), bench.name()]
      const at = { groupId, topic, partition: 0, metadata: '' }
      const zombie = await bench.log.openWriter(id)
      await zombie.commit({ ...at, records: records(output, ['first']), nextOffset: 1 })
      const owner = await bench.other.openWriter(id)
      await assert.rejects(zombie.commit({ ...at, records: records(output, ['zombie']), nextOffset: 9 }), {
        name: 'LogError',
        code: 'fenced',
        retriable: true,
      })
      assert.equal((await bench.other.committedOffsets(groupId, [topic], 0))[0]?.offset, 1)
      await assert.rejects(zombie.commit({ ...at, records: [], nextOffset: 9 }), { code: 'aborted' })
      await owner.commit({ ...at, records: records(output, ['second']), nextOffset: 2 })
      await eventually(async () => (await bench.log.committedOffsets(groupId, [topic], 0))[0]?.offset, 2)
      await eventually(() => readKeys(bench.log, output, 0), ['first', 'second'])
      await Promise.all([zombie.close(), owner.close()])
    })

    test('a record that is too large is refused, with all of its slice', async () => {
      const [topic, output, groupId, id] = [await newTopic(), await newTopic(), bench.name(), bench.name()]
      const at = { groupId, topic, partition: 0, nextOffset: 1, metadata: '' }
      const writer = await bench.log.openWriter(id)
      const large = { topic: output, key: null, value: Buffer.alloc(1_100_000), headers: {} }
      await assert.rejects(writer.commit({ ...at, records: [...records(output, ['small']), large] }), {
        code: 'too_large',
        retriable: false,
      })
      await writer.close()
      const next = await bench.log.openWriter(id)
      assert.equal((await bench.log.committedOffsets(groupId, [topic], 0))[0]?.offset, null)
      await next.commit({ ...at, records: records(output, ['after']) })
      await eventually(() => readKeys(bench.log, output, 0), ['after'])
      await next.close()
    })

    test('a slice of many records to one partition is one transaction, in order', async () => {
      const [topic, output, groupId] = [await newTopic(), await newTopic(), bench.name()]
      const keys = Array.from({ length: 2500 }, (_, i) => `k${i}`)
      const writer = await bench.log.openWriter(bench.name())
      const sent = keys.map((key) => ({ topic: output, partition: 0, key, value: Buffer.alloc(900), headers: {} }))
      await writer.commit({ records: sent, groupId, topic, partition: 0, nextOffset: 1, metadata: '' })
      await eventually(() => readKeys(bench.log, output, 0), keys)
      await writer.close()
    })

    test('an unknown topic is named, whatever the call', async () => {
      const topic = bench.name()
      const unknown = { name: 'LogError', code: 'unknown_topic', message: new RegExp(topic) }
      await assert.rejects(bench.log.partitionCount(topic), unknown)
      await assert.rejects(bench.log.consume(quiet([topic], bench.name())), unknown)
      await assert.rejects(bench.log.offsets(topic, 0), { code: 'unknown_topic' })
    })

    test('a consumer starts at the committed offset, and a batch says where the next starts, past control records', async () => {
      const [topic, groupId] = [await newTopic(), bench.name()]
      const writer = await bench.log.openWriter(bench.name())
      const at = { groupId, topic, partition: 0, metadata: '' }
      // Offsets 0 and 1, and a control record at 2; then 3, and one at 4.
      await writer.commit({ ...at, records: records(topic, ['a', 'b']), nextOffset: 1 })
      await writer.commit({ ...at, records: records(topic, ['c']), nextOffset: 1 })
      await writer.close()
      const batches: [number, string[], number][] = []
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        async onBatch(batch) {
          batches.push([batch.startOffset, keysOf(batch), batch.nextOffset])
        },
      })
      await until(() => batches.at(-1)?.[2] === 5)
      await bench.log.append(records(topic, ['d']))
      await until(() => batches.at(-1)?.[2] === 6)
      await consumption.stop()
      assert.equal(batches[0]?.[0], 1)
      assert.deepEqual(
        batches.flatMap(([, keys]) => keys),
        ['b', 'c', 'd'],
      )
      for (const [i, [start]] of batches.entries()) if (i > 0) assert.equal(start, batches[i - 1]![2])
    })

    test('seek in onAssigned sets the start, and seek while running moves the position', async () => {
      const [topic, groupId] = [await newTopic(), bench.name()]
      await bench.log.append(records(topic, ['0', '1', '2', '3']))
      const at = { topic, partition: 0 }
      const seen: string[] = []
      let back = true
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        onAssigned: (_, joined) => joined.seek(at, 2),
        async onBatch(batch) {
          seen.push(...keysOf(batch))
          if (back) consumption.seek(at, 0)
          back = false
        },
      })
      await until(() => seen.length === 6)
      await consumption.stop()
      assert.deepEqual(seen, ['2', '3', '0', '1', '2', '3'])
    })

    test('a paused partition stops while others go on', async () => {
      const [topic, groupId] = [await newTopic(2), bench.name()]
      const resting = { topic, partition: 0 }
      const seen: string[] = []
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        onAssigned: (_, joined) => joined.pause(resting),
        async onBatch(batch) {
          seen.push(...keysOf(batch))
        },
      })
      await bench.log.append(records(topic, ['rest'], 0))
      for (const key of ['a', 'b', 'c']) {
        await bench.log.append(records(topic, [key], 1))
        await until(() => seen.at(-1) === key)
      }
      await consumption.stop()
      assert.deepEqual(seen, ['a', 'b', 'c'])
    })

    test('a handler that throws is reported, and its batch comes again; other partitions go on', async () => {
      const [topic, groupId] = [await newTopic(2), bench.name()]
      const failures: [unknown, TopicPartition][] = []
      const seen: string[] = []
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        async onBatch(batch) {
          if (batch.partition === 0 && failures.length < 2) throw new TypeError('a bug')
          seen.push(...keysOf(batch))
        },
        onFailure: (error, at) => failures.push([error, at]),
      })
      await bench.log.append(records(topic, ['again'], 0))
      await until(() => failures.length > 0)
      await bench.log.append(records(topic, ['other'], 1))
      await until(() => seen.length === 2)
      await consumption.stop()
      assert.deepEqual(seen.sort(), ['again', 'other'])
      assert.deepEqual(
        failures.map(([error, at]) => [String(error), at.partition]),
        [
          ['TypeError: a bug', 0],
          ['TypeError: a bug', 0],
        ],
      )
    })

    test('a handler that waits holds up its own partition only', async () => {
      const [topic, groupId] = [await newTopic(2), bench.name()]
      const seen: string[] = []
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        async onBatch(batch, turn) {
          if (seen.length === 0 && batch.partition === 0) await until(() => seen.includes('late'))
          assert.ok(turn.isCurrent())
          seen.push(...keysOf(batch))
        },
      })
      await bench.log.append(records(topic, ['waits'], 0))
      await sleep(50)
      await bench.log.append(records(topic, ['late'], 1))
      await until(() => seen.length === 2)
      await bench.log.append(records(topic, ['goes on'], 0))
      await until(() => seen.length === 3)
      await consumption.stop()
      assert.deepEqual(seen, ['late', 'waits', 'goes on'])
    })

    test('a generation begins when the handlers of the last one have ended, at the offsets they committed', async () => {
      const [topic, groupId] = [await newTopic(), bench.name()]
      await bench.log.append(records(topic, ['a', 'b']))
      const writer = await bench.log.openWriter(bench.name())
      const events: string[] = []
      let assigned = 0
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        onAssigned: () => void assigned++,
        async onBatch(batch, turn) {
          events.push(`begins at ${batch.startOffset}`)
          if (batch.startOffset > 0) return
          await until(async () => {
            await turn.heartbeat()
            return !turn.isCurrent()
          })
          await writer.commit({ records: [], groupId, topic, partition: 0, nextOffset: 1, metadata: '' })
          await eventually(async () => (await bench.log.committedOffsets(groupId, [topic], 0))[0]?.offset, 1)
          events.push('committed')
        },
      })
      await until(() => events.length === 1)
      // More members than partitions: the newcomer gets none, or all if its id sorts first.
      const second = await bench.other.consume({
        ...quiet([topic], groupId),
        async onBatch(batch) {
          events.push(`begins at ${batch.startOffset}`)
        },
      })
      await until(() => events.length === 3)
      await Promise.all([consumption.stop(), second.stop(), writer.close()])
      assert.deepEqual(events.slice(0, 3), ['begins at 0', 'committed', 'begins at 1'])
      assert.ok(assigned >= 2)
    })

    test('onRevoking runs before partitions go to another member, and before the group is left', async () => {
      const [topic, groupId] = [await newTopic(2), bench.name()]
      const events: string[] = []
      let handling = false
      const member = (log: Log, name: string) =>
        log.consume({
          ...quiet([topic], groupId),
          async onBatch(_batch, turn) {
            handling = true
            await until(async () => {
              await turn.heartbeat()
              return !turn.isCurrent()
            })
            handling = false
          },
          async onRevoking() {
            assert.equal(handling, false, 'no handler runs')
            await sleep(50)
            events.push(`${name} saved`)
          },
          onAssigned: (partitions) => void events.push(`${name} has ${partitions.length}`),
        })
      const first = await member(bench.log, 'first')
      await until(() => events.includes('first has 2'))
      await bench.log.append(records(topic, ['a'], 0))
      await until(() => handling)
      const second = await member(bench.other, 'second')
      await until(() => events.includes('second has 1') && events.includes('first has 1'))
      assert.ok(events.indexOf('first saved') < events.indexOf('second has 1'), String(events))
      const before = events.length
      await first.stop()
      await until(() => events.includes('second has 2'))
      assert.equal(
        events.slice(before).find((event) => event !== 'second saved'),
        'first saved',
        String(events),
      )
      await second.stop()
    })

    test('members share the partitions, with the same numbers in all topics; one member at a time handles each', async () => {
      const [clicks, orders, groupId] = [await newTopic(4), await newTopic(4), bench.name()]
      const running = new Set<string>()
      const handled: [string, string][] = []
      const owned: Record<string, readonly TopicPartition[]> = {}
      const member = (log: Log, name: string): Promise<Consumption> =>
        log.consume({
          ...quiet([clicks, orders], groupId),
          onAssigned(partitions) {
            owned[name] = partitions
          },
          async onBatch(batch, turn) {
            const key = `${batch.topic}/${batch.partition}`
            assert.ok(!running.has(key), 'no other handler has it')
            running.add(key)
            await sleep(5)
            await turn.heartbeat()
            running.delete(key)
            for (const each of keysOf(batch)) handled.push([name, each])
          },
          onFailure: (error) => {
            throw error
          },
        })
      const first = await member(bench.log, 'first')
      await until(() => owned['first']?.length === 8)
      const second = await member(bench.other, 'second')
      await until(() => owned['first']?.length === 4 && owned['second']?.length === 4)
      for (const name of ['first', 'second']) {
        const numbers = (topic: string) =>
          owned[name]!.filter((at) => at.topic === topic).map(({ partition }) => partition)
        assert.deepEqual(numbers(clicks), numbers(orders))
        assert.equal(numbers(clicks).length, 2)
      }
      const mine = owned['first']!.find(({ topic }) => topic === clicks)!.partition
      const theirs = owned['second']!.find(({ topic }) => topic === clicks)!.partition
      await bench.log.append([...records(clicks, ['mine'], mine), ...records(orders, ['theirs'], theirs)])
      await until(() => handled.length === 2)
      assert.deepEqual(handled.sort(), [
        ['first', 'mine'],
        ['second', 'theirs'],
      ])
      await second.stop()
      await until(() => owned['first']?.length === 8)
      await bench.log.append(records(orders, ['left'], theirs))
      await until(() => handled.some(([name, key]) => name === 'first' && key === 'left'))
      await first.stop()
    })

    test('stop waits for the running handler, whose turn is over, and hands the rest to the next member', async () => {
      const [topic, groupId] = [await newTopic(), bench.name()]
      await bench.log.append(records(topic, ['a', 'b']))
      const events: string[] = []
      let stopped: Promise<void> | undefined
      const consumption = await bench.log.consume({
        ...quiet([topic], groupId),
        async onBatch(_, turn) {
          assert.ok(turn.isCurrent())
          events.push('begins')
          await until(() => stopped !== undefined)
          assert.ok(!turn.isCurrent())
          await sleep(20)
          events.push('ends')
        },
      })
      await until(() => events.length > 0)
      stopped = consumption.stop().then(() => void events.push('stopped'))
      await stopped
      assert.deepEqual(events, ['begins', 'ends', 'stopped'])
      const seen: string[] = []
      const next = await bench.other.consume({
        ...quiet([topic], groupId),
        async onBatch(batch) {
          seen.push(...keysOf(batch))
        },
      })
      await until(() => seen.length === 2)
      await next.stop()
    })

    test('the brokers tell their time, even to several who ask at the same time', async () => {
      const groupId = bench.name()
      await Promise.all([bench.log, bench.other, bench.log].map((log) => log.askTime(groupId)))
      for (const log of [bench.log, bench.other]) {
        const nowMs = log.nowMs()
        // In this test the brokers have this machine's clock.
        assert.ok(nowMs !== undefined && Math.abs(nowMs - Date.now()) < 60_000, String(nowMs))
      }
    })

    test('a range is read without a group, up to its end or the end of the log', async () => {
      const topic = await newTopic()
      await bench.log.append(records(topic, ['0', '1', '2', '3', '4']))
      assert.deepEqual(await readKeys(bench.log, topic, 0, 1, 4), ['1', '2', '3'])
      assert.deepEqual(await readKeys(bench.log, topic, 0, 3), ['3', '4'])
      assert.deepEqual(await readKeys(bench.log, topic, 0, 5), [])
      assert.deepEqual(await bench.log.offsets(topic, 0), { low: 0, high: 5 })
    })
  })
}

/** Options whose hooks fail the test if they are called unexpectedly. */
function quiet(topics: string[], groupId: string): ConsumeOptions {
  return {
    topics,
    groupId,
    onBatch: async () => undefined,
    onAssigned: () => undefined,
    onFailure: (error) => {
      throw error
    },
    onCrash: (error) => {
      throw error
    },
  }
}

function records(topic: string, keys: string[], partition = 0): OutRecord[] {
  return keys.map((key) => ({ topic, partition, key, value: Buffer.from(key), headers: {} }))
}

export function keysOf(batch: RecordBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => String(batch.key(i)))
}

/** Asks until the answer is the wanted one: a commit becomes visible some milliseconds after it resolves. */
async function eventually<T>(ask: () => Promise<T>, wanted: T): Promise<void> {
  let answer: T | undefined
  await until(async () => {
    answer = await ask()
    return isDeepStrictEqual(answer, wanted)
  }).catch(() => assert.deepEqual(answer, wanted))
}

async function readKeys(
  log: Log,
  topic: string,
  partition: number,
  from = 0,
  until = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const keys: string[] = []
  for await (const batch of log.read(topic, partition, from, until)) keys.push(...keysOf(batch))
  return keys
}

/** Waits for something that comes over the network; fails if it never does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new LogError('unavailable', 'what the test waits for did not come within 30 s')
    await sleep(5)
  }
}
