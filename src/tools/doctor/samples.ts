import { Event } from '../../events/event.ts'
import type { RecordBatch } from '../../events/log.ts'
import { Rejected } from '../../ingest/rejected.ts'
import { recordDecoder } from '../inspection/decode-record.ts'
import { fail, ok, type Verdict, warn } from './check.ts'
import { inputs } from './topics.ts'
import type { World } from './world.ts'

/** The newest records of a partition that are tried. */
const sampleRecords = 20

/** Whether beckon can read what the producers write: the most common fault of a first day. */
export async function checkSamples(world: World): Promise<Verdict> {
  const decode = recordDecoder(world.engine(), world.registry)
  const good = new Counts()
  const bad = new Counts()
  const empty: string[] = []
  for (const topic of inputs(world)) {
    let records = 0
    for await (const batch of newestRecords(world, topic)) {
      records += batch.count
      for (let i = 0; i < batch.count; i++) {
        const event = await decode(batch, i, Date.now())
        if (event instanceof Rejected) bad.add(`${topic} ${event.reason}`)
        else if (event instanceof Event) good.add(topic)
      }
    }
    if (records === 0) empty.push(topic)
  }
  const silent = empty.length > 0 ? `; no records in ${empty.join(', ')}` : ''
  if (bad.isEmpty) return ok(`events among the newest records: ${good}${silent}`)
  const detail = `dead letters among the newest records: ${bad}; events: ${good}${silent}`
  const mend = "compare the topic's format and mapping with what its producers write (docs/dead-letters.md)"
  return good.isEmpty ? fail(detail, mend) : warn(detail, mend)
}

async function* newestRecords(world: World, topic: string): AsyncIterable<RecordBatch> {
  const log = await world.log()
  const partitions = await log.partitionCount(topic)
  for (let partition = 0; partition < partitions; partition++) {
    const { low, high } = await log.offsets(topic, partition)
    yield* log.read(topic, partition, Math.max(low, high - sampleRecords), high)
  }
}

class Counts {
  readonly #counts = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  toString(): string {
    return [...this.#counts].map(([name, n]) => `${name} ${n}`).join(', ') || 'none'
  }
}
