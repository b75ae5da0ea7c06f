import { partitionKey, type TopicPartition } from '../log.ts'

const sequenceEnd = 2 ** 31

/** How a producer numbers its records, in each partition from 0. */
export class Sequences {
  readonly #next = new Map<string, number>()

  /** The number of the first of the partition's next so many records; they are taken then. Goes round at 2^31. */
  take(at: TopicPartition, count: number): number {
    const key = partitionKey(at)
    const first = this.#next.get(key) ?? 0
    this.#next.set(key, (first + count) % sequenceEnd)
    return first
  }
}
