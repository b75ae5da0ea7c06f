// An upstream app: what a customer does goes to the input topic, keyed by the customer.
import { Kafka, Partitioners } from 'kafkajs'

const kafka = new Kafka({ brokers: ['localhost:9092'] })
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
await producer.connect()
for (const name of ['Desk', 'Chair', 'Lamp']) {
  const event = { messageId: crypto.randomUUID(), userId: 'eve', event: 'Product Viewed', properties: { name } }
  const value = JSON.stringify({ ...event, timestamp: new Date().toISOString() })
  await producer.send({ topic: 'myshop.events', messages: [{ key: event.userId, value }] })
}
await producer.disconnect()
