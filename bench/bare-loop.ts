import { readFileSync } from 'node:fs'
import avro from 'avsc'
import kafkajs from 'kafkajs'

/**
 * The loop that the service is measured beside: kafkajs and avsc as everybody uses them, which decodes every event and
 * does nothing with it. Arguments: broker, topic, events. Prints one JSON line.
 */
const [broker = '', topic = '', count = '0'] = process.argv.slice(2)
const events = Number(count)
const schema = JSON.parse(readFileSync(new URL('../../bench/clicks.avsc', import.meta.url), 'utf8')) as avro.Schema
const type = avro.Type.forSchema(schema)
const kafka = new kafkajs.Kafka({ brokers: [broker], clientId: 'bare-loop', logLevel: kafkajs.logLevel.NOTHING })
const consumer = kafka.consumer({ groupId: `bare-${process.pid}-${Date.now()}`, maxBytesPerPartition: 1 << 20 })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })

let seen = 0
let latest = 0
let startedMs = 0
// As the service is timed: from when it was given its partitions.
consumer.on(consumer.events.GROUP_JOIN, () => {
  startedMs ||= performance.now()
})
await new Promise<void>((resolve, reject) => {
  const run = consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: ({ batch, resolveOffset }) => {
      for (const { value } of batch.messages) {
        const event = type.fromBuffer(value!.subarray(5)) as { event_time: number }
        latest = Math.max(latest, event.event_time)
      }
      seen += batch.messages.length
      resolveOffset(batch.lastOffset())
      if (seen >= events) resolve()
      return Promise.resolve()
    },
  })
  run.catch(reject)
})
const seconds = (performance.now() - startedMs) / 1000
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ events: seen, seconds, cpuSeconds: (user + system) / 1e6, latest }))
process.exit(0)
