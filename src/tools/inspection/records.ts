import type { RecordBatch } from '../../events/log.ts'
import type { Log } from '../../log/log.ts'

/** Which records of a topic to look at. */
export interface Asked {
  readonly topic: string
  /** If left out, all partitions. */
  readonly partition: number | undefined
  /** The first ones from this offset on; if left out, the newest. */
  readonly fromOffset: number | undefined
  /** At most this many, from all partitions together. */
  readonly limit: number
}

export interface Found {
  readonly batch: RecordBatch
  readonly i: number
}

/** Reads them without a group, so that nothing is committed. Ordered by timestamp. @throws LogError */
export async function findRecords(log: Log, { topic, partition, fromOffset, limit }: Asked): Promise<Found[]> {
  const partitions = partition === undefined ? [...Array(await log.partitionCount(topic)).keys()] : [partition]
  const found: Found[] = []
  for (const one of partitions) {
    const { low, high } = await log.offsets(topic, one)
    const from = fromOffset === undefined ? undefined : Math.max(low, fromOffset)
    found.push(
      ...(from === undefined
        ? await newest(log, topic, one, limit, low, high)
        : await first(log, topic, one, limit, from, high)),
    )
  }
  const at = ({ batch, i }: Found) => [batch.timestamp(i), batch.partition, batch.offset(i)] as const
  found.sort((a, b) => {
    const [left, right] = [at(a), at(b)]
    return left[0] - right[0] || left[1] - right[1] || left[2] - right[2]
  })
  return fromOffset === undefined ? found.slice(-limit) : found.slice(0, limit)
}

async function first(log: Log, topic: string, partition: number, limit: number, from: number, high: number) {
  const found: Found[] = []
  for await (const batch of log.read(topic, partition, from, high)) {
    for (let i = 0; i < batch.count && found.length < limit; i++) found.push({ batch, i })
    if (found.length === limit) break
  }
  return found
}

/** Not every offset has a record: a transaction's end takes one, and compaction and aborts leave gaps. */
const sparse = 8

async function newest(log: Log, topic: string, partition: number, limit: number, low: number, high: number) {
  for (let width = 2 * limit; ; width *= sparse) {
    const from = Math.max(low, high - width)
    let found: Found[] = []
    for await (const batch of log.read(topic, partition, from, high)) {
      for (let i = 0; i < batch.count; i++) found.push({ batch, i })
      found = found.slice(-limit)
    }
    if (found.length === limit || from === low) return found
  }
}
