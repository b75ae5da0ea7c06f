/** Groups records for the brokers: into batches by partition, and batches into requests. */
import type { OutRecord } from '../../events/log.ts'
import { LogError, partitionKey, type TopicPartition } from '../log.ts'
import { partitionOfKey } from '../murmur2.ts'

/** By default brokers take batches of up to 1 MiB. */
const maxBatchBytes = 1_000_000
/** By default brokers take requests of up to 100 MiB, but more at once gains nothing. */
const maxRequestBytes = 4_000_000
/** At most this many bytes around a record in its batch: lengths, deltas and the batch's header. */
const recordOverheadBytes = 100

/** Records of one partition, in order, that are sent together. */
export interface PartitionBatch extends TopicPartition {
  readonly records: OutRecord[]
  bytes: number
}

/** Chooses each record's partition like Kafka's Java producer; records without a key go round robin. */
export class Batcher {
  #next = 0

  /**
   * The records as batches; the batches of a partition keep the records' order.
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

/** Groups batches by the node that leads their partition; those of one partition stay in order. */
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

/** Groups one broker's batches into requests, each with at most one batch per partition; these stay in order. */
export function requestsOf<T extends PartitionBatch>(batches: readonly T[]): T[][] {
  const requests: T[][] = []
  /** By partition: the first request that may take its next batch. */
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
