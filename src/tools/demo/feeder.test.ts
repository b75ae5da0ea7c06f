import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { partitionOfKey } from '../../log/murmur2.ts'
import { Feeder } from './feeder.ts'
import { SendTimes } from './send-times.ts'
import { createShop } from './shop.ts'

const partitions = 3
const topic = 'shop.events'
const dayMs = 86_400_000

async function feeding(startMs = Date.now() - 60 * dayMs, badShare = 0.1) {
  const log = new MemoryLog()
  await log.createTopics([{ topic, partitions }])
  const sendTimes = new SendTimes(partitions)
  const shop = createShop({ seed: 1, customers: 100, startMs, rate: 100, badShare })
  return { log, sendTimes, feeder: new Feeder(log, topic, partitions, shop, sendTimes) }
}

async function recordsOf(log: MemoryLog) {
  const records: { partition: number; offset: number; key: string; value: string }[] = []
  for (let partition = 0; partition < partitions; partition++) {
    for await (const batch of log.read(topic, partition, 0, Number.POSITIVE_INFINITY)) {
      for (let i = 0; i < batch.count; i++) {
        const [key, value] = [String(batch.key(i)), String(batch.value(i))]
        records.push({ partition, offset: batch.offset(i), key, value })
      }
    }
  }
  return records
}

describe('the feeder', () => {
  it('sends as many records as it is told, good and bad together, and counts both', async () => {
    const { log, feeder } = await feeding()
    await feeder.run(2500, 100_000, new AbortController().signal)
    const records = await recordsOf(log)
    assert.equal(records.length, 2500)
    assert.equal(feeder.produced, 2500)
    assert.ok(feeder.bad > 150 && feeder.bad < 350, `${feeder.bad}`)
  })

  it('knows of each record, by its place in the topic, when it was handed over', async () => {
    const { log, sendTimes, feeder } = await feeding()
    const beforeMs = performance.now()
    await feeder.send(500)
    const betweenMs = performance.now()
    await feeder.send(500)
    let early = 0
    for (const { partition, offset, key } of await recordsOf(log)) {
      assert.equal(partition, partitionOfKey(key, partitions))
      const ms = sendTimes.of(partition, offset)
      assert.ok(ms !== undefined && ms >= beforeMs && ms <= performance.now())
      if (ms <= betweenMs) early++
      const { high } = await log.offsets(topic, partition)
      assert.equal(sendTimes.of(partition, high), undefined)
    }
    assert.equal(early, 500)
  })

  it('sends nothing of the future', async () => {
    const { feeder } = await feeding(Date.now() + dayMs)
    assert.equal(await feeder.send(10), 0)
  })

  it('ends at the signal', async () => {
    const { feeder } = await feeding()
    const abort = new AbortController()
    const running = feeder.run(Number.POSITIVE_INFINITY, 1000, abort.signal)
    abort.abort()
    await running
    assert.ok(feeder.produced < 1000)
  })

  it('makes every bad record one that a JSON topic refuses', async () => {
    const { log, feeder } = await feeding(Date.now() - 60 * dayMs, 1)
    await feeder.send(2000)
    const broken = (await recordsOf(log)).filter(({ value }) => !isJson(value))
    const cutOff = broken.filter(({ value }) => value.startsWith('{"messageId"'))
    assert.ok(cutOff.length > 50, 'a part of them is JSON that was cut off')
    assert.ok(broken.length > 300)
    assert.equal(feeder.bad, 1000)
  })
})

describe('the send times', () => {
  it('are kept of the latest records only', () => {
    const times = new SendTimes(1)
    for (let i = 0; i < 200_000; i++) times.note(0, i)
    assert.equal(times.of(0, 199_999), 199_999)
    assert.equal(times.of(0, 100_000), 100_000)
    assert.equal(times.of(0, 1000), undefined)
    assert.equal(times.of(0, 200_000), undefined)
    assert.equal(times.of(1, 0), undefined)
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
