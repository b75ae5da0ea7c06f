import { partitionKey, type TopicPartition } from '../log.ts'

const sequenceEnd = 2 ** 31

/** A producer's sequence numbers: its records are numbered from 0 in each partition. */
export class Sequences {
  readonly #next = new Map<string, number>()

  /** Reserves the numbers of the partition's next `count` records, and returns the first. They wrap around at 2^31. */
  reserve(at: TopicPartition, count: number): number {
    const key = partitionKey(at)
    const first = this.#next.get(key) ?? 0
    this.#next.set(key, (first + count) % sequenceEnd)
    return first
  }
}
