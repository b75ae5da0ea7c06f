import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { type Click, generateClicks } from './clicks.ts'
import { produceClicks } from './clicks-topic.ts'

const broker = process.env['BECKON_TEST_KAFKA']
const topic = `bench.clicks.${process.pid}.${Date.now()}`

describe('the reference workload in Kafka', { skip: broker === undefined && 'BECKON_TEST_KAFKA is not set' }, () => {
  const kafka = new Kafka({ brokers: [String(broker)], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const consumer = kafka.consumer({ groupId: topic })
  after(async () => {
    await consumer.disconnect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.deleteGroups([topic])
    await admin.disconnect()
  })

  it('holds every click once, those of a customer in one partition and in their order', async () => {
    const clicks = [...generateClicks({ count: 5000, customers: 300, seed: 3 })]
    await produceClicks([String(broker)], topic, 3, clicks)
    await admin.connect()
    const offsets = await admin.fetchTopicOffsets(topic)
    assert.deepEqual(
      offsets.map(({ low, high }) => low === '0' && Number(high) > 500),
      [true, true, true],
    )

    const read = new Map<string, Buffer[]>()
    const partitions = new Map<string, number>()
    let count = 0
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: async ({ partition, message }) => {
            const customer = String(message.key)
            assert.equal(partitions.get(customer) ?? partition, partition)
            partitions.set(customer, partition)
            read.set(customer, [...(read.get(customer) ?? []), message.value ?? Buffer.alloc(0)])
            if (++count === clicks.length) resolve()
          },
        })
        .catch(reject)
    })
    assert.deepEqual(read, byCustomer(clicks))
  })
})

function byCustomer(clicks: readonly Click[]): Map<string, Buffer[]> {
  const values = new Map<string, Buffer[]>()
  for (const { customer, value } of clicks) values.set(customer, [...(values.get(customer) ?? []), value])
  return values
}
