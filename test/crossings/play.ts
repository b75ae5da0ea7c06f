import { setTimeout as sleep } from 'node:timers/promises'
import type { OutRecord } from '../../src/events/log.ts'
import { journalCodec } from '../../src/journal/journal.ts'
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts'
import type { Log } from '../../src/log/log.ts'
import { journalSchemas } from '../../src/schema-files.ts'
import type { World } from '../harness.ts'
import { compare, type Found, type Report } from './compare.ts'
import type { LoggedEvent, Slice } from './reference.ts'
import { longestMs, rules } from './rules.ts'
import { Stream } from './stream.ts'

export interface PlayOptions {
  readonly events: number
  readonly customers: number
  readonly seconds: number
  /** Before it counts, the service, which has just been started, sees so much of the same, of other customers. */
  readonly warmSeconds: number
  /** How often it is killed meanwhile, and started again. */
  readonly kills: number
  readonly seed: number
  readonly say: (line: string) => void
}

const partitions = 4
const warming = 'warm-'
const sendEveryMs = 200
const lookEveryMs = 100
/** What is due has fired so long after it was, and after all is consumed, however busy the machine is. */
const patienceMs = 3_000

/** Plays a stream through the service in real time, waits until nothing is due any more, and compares what came out. */
export async function playCrossings(
  world: World,
  { seed, seconds, warmSeconds, kills, say, ...size }: PlayOptions,
): Promise<Report> {
  await world.createTopics({ events: partitions, actions: partitions, dead_letters: 1 })
  const config = world.writeConfig({ topics: [{ name: world.topic('events'), format: 'json' }], ...rules })
  let service = await world.start(config)
  const log = await openKafkaLog({ brokers: [world.kafka], clientId: 'crossings' })
  try {
    for (let p = 0; p < partitions; p++) await service.logged('task.open', ({ partition }) => partition === p)
    const visible = new Visible(log, world.topic('actions'))
    const topic = world.topic('events')
    const warm = new Stream(seed, size.customers, warming)
    await feed(log, topic, warm, Math.ceil((size.events / seconds) * warmSeconds), warmSeconds)
    say(`playing ${size.events} events of ${size.customers} customers in ${seconds} s`)
    const stream = new Stream(seed, size.customers, '')
    for (let lives = kills + 1; lives > 0; lives--) {
      await feed(log, topic, stream, Math.ceil(size.events / (kills + 1)), seconds / (kills + 1))
      if (lives === 1) break
      await service.kill()
      service = await world.start(config)
    }
    const endMs = Date.now() + longestMs
    await sleep(longestMs)
    await world.consumed(service, 'events')
    await sleep(patienceMs)
    const { code } = await service.stop()
    if (code !== 0) throw new Error(`the service ended with ${code}:\n${service.output}`)
    await visible.stop()
    say('comparing')
    const parts = []
    for (let p = 0; p < partitions; p++) {
      parts.push({
        events: await readEvents(log, topic, p),
        slices: await readSlices(log, world, p),
        found: await readActions(log, world.topic('actions'), p, visible),
      })
    }
    return compare(parts, endMs, say)
  } finally {
    await log.close()
  }
}

async function feed(log: Log, topic: string, stream: Stream, count: number, seconds: number): Promise<void> {
  const startMs = Date.now()
  for (let sent = 0; sent < count; ) {
    const nowMs = Date.now()
    const due = Math.min(count, Math.ceil(((nowMs - startMs + sendEveryMs) / (seconds * 1_000)) * count))
    const records: OutRecord[] = []
    for (; sent < due; sent++) {
      const { id: messageId, customer: userId, type, price, timeMs: timestamp } = stream.next(nowMs)
      const value = Buffer.from(
        JSON.stringify({ messageId, userId, type, timestamp, properties: { price: price / 100 } }),
      )
      records.push({ topic, key: userId, value, headers: {} })
    }
    if (records.length > 0) await log.append(records)
    await sleep(Math.max(0, nowMs + sendEveryMs - Date.now()))
  }
}

/** From when on the records of a topic could be read by who reads committed ones only, as seen by looking again and again. */
class Visible {
  readonly #log: Log
  readonly #topic: string
  /** By partition: when the end of what can be read was first seen to be at least there, ascending. */
  readonly #seen: { high: number; ms: number }[][] = Array.from({ length: partitions }, () => [])
  #stopped = false
  readonly #running: Promise<void>

  constructor(log: Log, topic: string) {
    this.#log = log
    this.#topic = topic
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  /** @returns ms */
  since(partition: number, offset: number): number {
    const seen = this.#seen[partition]!
    let [from, to] = [0, seen.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (seen[middle]!.high > offset) to = middle
      else from = middle + 1
    }
    return seen[from]?.ms ?? Number.POSITIVE_INFINITY
  }

  async #run(): Promise<void> {
    for (;;) {
      const last = this.#stopped
      await Promise.all(
        this.#seen.map(async (seen, partition) => {
          const { high } = await this.#log.offsets(this.#topic, partition)
          if (high > (seen.at(-1)?.high ?? 0)) seen.push({ high, ms: Date.now() })
        }),
      )
      if (last) return
      await sleep(lookEveryMs)
    }
  }
}

async function readEvents(log: Log, topic: string, partition: number): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = []
  for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < batch.count; i++) {
      const {
        messageId: id,
        userId: customer,
        type,
        timestamp: timeMs,
        properties,
      } = JSON.parse(String(batch.value(i)))
      if (customer.startsWith(warming)) continue
      const price = Math.round(properties.price * 100)
      events.push({ offset: batch.offset(i), loggedMs: batch.timestamp(i), id, customer, type, price, timeMs })
    }
  }
  return events
}

async function readSlices(log: Log, world: World, partition: number): Promise<Slice[]> {
  const topic = world.topic('journal')
  const journal = journalCodec(topic, journalSchemas())
  const slices: Slice[] = []
  for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (const { next_offset: nextOffset, clock: clockMs, fired } of journal.decode(batch)) {
      slices.push({ nextOffset, clockMs, fired: fired.filter((customer) => !customer.startsWith(warming)) })
    }
  }
  return slices
}

async function readActions(log: Log, topic: string, partition: number, visible: Visible): Promise<Found[]> {
  const found: Found[] = []
  for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < batch.count; i++) {
      const { customer, action, time: timeMs, trigger, offset } = JSON.parse(String(batch.value(i)))
      if (customer.startsWith(warming)) continue
      const visibleMs = visible.since(partition, batch.offset(i))
      found.push({ customer, action, timeMs, offset: trigger === '' ? offset : undefined, visibleMs })
    }
  }
  return found
}
