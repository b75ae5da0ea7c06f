import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import avro from 'avsc'
import { type Log, partitionKey, type TopicPartition } from '../../src/log/log.ts'
import { numberHeader } from './feeder.ts'
import type { ReferenceErasure, ReferenceEvent } from './reference.ts'

/** What is in the input topics. */
export interface Input {
  /** By `partitionKey`, in the order of their offsets. */
  readonly events: ReadonlyMap<string, readonly (ReferenceEvent | ReferenceErasure)[]>
  /** The feeder's numbers of them. */
  readonly numbers: ReadonlySet<number>
}

const clickSchema = fileURLToPath(new URL('../../../bench/clicks.avsc', import.meta.url))

export async function readInput(log: Log, topics: readonly string[], partitions: number): Promise<Input> {
  const events = new Map<string, (ReferenceEvent | ReferenceErasure)[]>()
  const numbers = new Set<number>()
  for (const topic of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const at = { topic, partition }
      events.set(partitionKey(at), await readEvents(log, at, numbers))
    }
  }
  return { events, numbers }
}

async function readEvents(
  log: Log,
  { topic, partition }: TopicPartition,
  numbers: Set<number>,
): Promise<(ReferenceEvent | ReferenceErasure)[]> {
  const type = avro.Type.forSchema(JSON.parse(readFileSync(clickSchema, 'utf8')))
  const events: (ReferenceEvent | ReferenceErasure)[] = []
  const { high } = await log.offsets(topic, partition)
  for await (const batch of log.read(topic, partition, 0, high)) {
    for (let i = 0; i < batch.count; i++) {
      numbers.add(Number(batch.headers(i).find(({ name }) => name === numberHeader)?.value))
      const value = batch.value(i)
      if (value === null) {
        events.push({ erases: String(batch.key(i)), topic, offset: batch.offset(i) })
        continue
      }
      // Behind the five bytes of the wire format.
      const click = type.fromBuffer(value.subarray(5))
      events.push({
        topic,
        offset: batch.offset(i),
        id: click.event_id,
        customer: click.user_id,
        type: click.event_type,
        price: click.price,
        timeMs: click.event_time,
      })
    }
  }
  // The feeder's producer has no transactions, so every offset is a record's.
  if (events.length !== high) throw new Error(`read ${events.length} of ${high} records of ${topic}/${partition}`)
  return events
}
