// A downstream app: it carries actions out, each one once.
import { Kafka } from 'kafkajs'

const consumer = new Kafka({ brokers: ['localhost:9092'] }).consumer({ groupId: 'myshop.app', readUncommitted: false })
const done = new Set() // A real app keeps the ids where it keeps the effect, in one transaction.
await consumer.connect()
await consumer.subscribe({ topic: 'myshop.actions', fromBeginning: true })
async function eachMessage({ message }) {
  const { id, action, customer, payload } = JSON.parse(message.value)
  if (!done.has(id)) console.log(`${action} for ${customer}: ${JSON.stringify(payload)}`)
  done.add(id)
}
await consumer.run({ eachMessage })
