import { setTimeout as sleep } from 'node:timers/promises'
import { journalCodec } from '../src/journal/journal.ts'
import { openKafkaLog } from '../src/log/kafka/kafka-log.ts'
import type { Log } from '../src/log/log.ts'
import { journalSchemas } from '../src/schema-files.ts'
import type { Report } from './report.ts'
import { makeBed, type Place, partitions, ServiceProcess } from './service-process.ts'

const topic = 'rebalance.events'
const customers = 3_000
/** Each is some events for every partition. */
const tickMs = 20
const eventsPerTick = 60
/** Between two changes of the group. */
const calmMs = 8_000

const config = `
topics: [{ name: ${topic}, format: json }]
features: [{ name: n, count: {}, window: lifetime }]
`

/** How long a partition stands still when workers join and leave: the longest time between two of its slices. */
export async function benchRebalance(place: Place, report: Report): Promise<void> {
  const log = await openKafkaLog({ brokers: [place.kafka], clientId: 'bench' })
  await log.createTopics([{ topic, partitions }])
  const running: ServiceProcess[] = []
  let fed = 0
  let feeding = true
  const feed = async () => {
    while (feeding) {
      await log.append(Array.from({ length: eventsPerTick }, () => eventOf(fed++)))
      await sleep(tickMs)
    }
  }
  const fedAll = feed()
  try {
    const start = async () => {
      const bed = await makeBed(place, 'rebalance', config)
      await bed.client.close()
      const service = new ServiceProcess(bed, [])
      running.push(service)
      await service.reaches('beckon_events_consumed_total', 1)
      return service
    }
    const first = await start()
    await sleep(calmMs)
    for (const [name, change] of [
      ['second_joins', start],
      ['third_joins', start],
      ['first_leaves', () => first.end('SIGTERM')],
    ] as const) {
      report.say(name.replace('_', ' '))
      const fromMs = Date.now()
      await change()
      await sleep(calmMs)
      const stops = await longestStops(log, fromMs, Date.now())
      report.figure(`rebalance_${name}_longest_stop_seconds`, Math.max(...stops) / 1000)
    }
  } finally {
    feeding = false
    await fedAll
    for (const service of running) await service.end('SIGTERM')
    await log.close()
  }
}

function eventOf(n: number) {
  const userId = `c${n % customers}`
  const event = { messageId: `m${n}`, type: 'view', userId, timestamp: Date.now() }
  return { topic, key: userId, value: Buffer.from(JSON.stringify(event)), headers: {} }
}

/** By partition, the longest time without a slice within [fromMs, toMs], by the times of the journal's records; ms. */
async function longestStops(log: Log, fromMs: number, toMs: number): Promise<number[]> {
  const journal = journalCodec('rebalance.journal', journalSchemas())
  return Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      let last = fromMs
      let longest = 0
      for await (const batch of log.read('rebalance.journal', partition, 0, Number.MAX_SAFE_INTEGER)) {
        for (const { now } of journal.decode(batch)) {
          if (now < fromMs || now > toMs) continue
          longest = Math.max(longest, now - last)
          last = now
        }
      }
      return Math.max(longest, toMs - last)
    }),
  )
}
