import { Kafka, logLevel, Partitioners } from 'kafkajs'
import type { Click } from './clicks.ts'

/** Kept small enough that a batch of one partition stays below the broker's 1 MiB. */
const maxBatchRecords = 2000

/**
 * Makes the topic and fills it with the clicks, keyed by customer and partitioned as Java's producer does. The
 * records carry the time at which they reached the log, so the topic keeps them whatever their age.
 */
export async function produceClicks(
  brokers: readonly string[],
  topic: string,
  partitions: number,
  clicks: Iterable<Pick<Click, 'customer' | 'value' | 'loggedMs'>>,
): Promise<void> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'beckon-bench', logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: partitionByCustomer })
  try {
    await Promise.all([admin.connect(), producer.connect()])
    const configEntries = [{ name: 'retention.ms', value: '-1' }]
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: false })
    let messages: { key: string; value: Buffer; timestamp: string }[] = []
    for (const { customer, value, loggedMs } of clicks) {
      messages.push({ key: customer, value, timestamp: String(loggedMs) })
      if (messages.length === maxBatchRecords) {
        await producer.send({ topic, messages, acks: 1 })
        messages = []
      }
    }
    if (messages.length > 0) await producer.send({ topic, messages, acks: 1 })
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  }
}

/** kafkajs hashes slowly, so the partition of each customer is remembered. */
function partitionByCustomer(): ReturnType<typeof Partitioners.DefaultPartitioner> {
  const partition = Partitioners.DefaultPartitioner()
  const known = new Map<string, number>()
  return (args) => {
    const key = String(args.message.key)
    let found = known.get(key)
    if (found === undefined) {
      found = partition(args)
      known.set(key, found)
    }
    return found
  }
}
