/** Which records go to the brokers together: batches by partition, and requests of batches. */
import type { OutRecord } from '../../events/log.ts'
import { LogError, partitionKey, type TopicPartition } from '../log.ts'
import { partitionOfKey } from '../murmur2.ts'

/** Brokers take a batch of 1 MiB by default. */
const maxBatchBytes = 1_000_000
/** Brokers take a request of 100 MiB by default; more at once gains nothing. */
const maxRequestBytes = 4_000_000
/** Around a record in its batch, at most: lengths, deltas and the batch's header. */
const recordOverheadBytes = 100

/** Records of one partition, in their order, that a broker takes at once. */
export interface PartitionBatch extends TopicPartition {
  readonly records: OutRecord[]
  bytes: number
}

/** Chooses the partition of each record, as Java's producer does it; records without a key go round. */
export class Batcher {
  #next = 0

  /**
   * The records as batches, those of one partition in order.
   * @param countOf the number of a topic's partitions, at least 1
   * @throws LogError `too_large` for a record that no batch can hold
   */
  split(records: readonly OutRecord[], countOf: (topic: string) => number): PartitionBatch[] {
    const all: PartitionBatch[] = []
    const last = new Map<string, PartitionBatch>()
    for (const record of records) {
      const { topic } = record
      const bytes = sizeOf(record)
      if (bytes > maxBatchBytes) {
        throw new LogError('too_large', `a record for ${topic} has ${bytes} bytes, more than ${maxBatchBytes}`)
      }
      const partition = record.partition ?? this.#partitionOf(record, countOf(topic))
      const key = partitionKey({ topic, partition })
      let batch = last.get(key)
      if (batch === undefined || batch.bytes + bytes > maxBatchBytes) {
        batch = { topic, partition, records: [], bytes: 0 }
        last.set(key, batch)
        all.push(batch)
      }
      batch.records.push(record)
      batch.bytes += bytes
    }
    return all
  }

  #partitionOf({ key }: OutRecord, count: number): number {
    return key === null ? this.#next++ % count : partitionOfKey(key, count)
  }
}

/** The batches by the node that leads their partitions, those of one partition in order. */
export function byLeader<T extends TopicPartition>(
  batches: readonly T[],
  leaderOf: (at: T) => number,
): Map<number, T[]> {
  const byNode = new Map<number, T[]>()
  for (const batch of batches) {
    const nodeId = leaderOf(batch)
    const own = byNode.get(nodeId)
    if (own === undefined) byNode.set(nodeId, [batch])
    else own.push(batch)
  }
  return byNode
}

/** The batches as requests for one broker, each with one batch of a partition at most; those of one partition stay in order. */
export function requestsOf<T extends PartitionBatch>(batches: readonly T[]): T[][] {
  const requests: T[][] = []
  /** Which request is the first that may take the partition's next batch. */
  const first = new Map<string, number>()
  const sizes: number[] = []
  for (const batch of batches) {
    const key = partitionKey(batch)
    let at = first.get(key) ?? 0
    while (at < requests.length && sizes[at]! + batch.bytes > maxRequestBytes) at++
    if (at === requests.length) {
      requests.push([])
      sizes.push(0)
    }
    requests[at]!.push(batch)
    sizes[at]! += batch.bytes
    first.set(key, at + 1)
  }
  return requests
}

function sizeOf({ key, value, headers }: OutRecord): number {
  let bytes = recordOverheadBytes + byteLength(key) + byteLength(value)
  for (const name in headers) {
    const values = headers[name]!
    for (const one of Array.isArray(values) ? values : [values]) {
      bytes += 10 + Buffer.byteLength(name) + byteLength(one as Buffer | string)
    }
  }
  return bytes
}

function byteLength(bytes: Buffer | string | null): number {
  return bytes === null ? 0 : Buffer.byteLength(bytes)
}
