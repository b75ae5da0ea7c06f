import type { RecordBatch } from '../events/log.ts'
import type { Checkpoint } from '../journal/checkpoint.ts'
import { partitionOfKey } from '../log/murmur2.ts'

/**
 * Which records of a partition are its own, around a repartition: each partition takes those first that lie at home among
 * the partitions of before, and later, when their customers have moved, the others. So it does not matter in which order
 * producers have learnt of the new number. A record without a key is at home wherever it lies.
 */
export class Homes {
  readonly #partition: number
  readonly #moved: Checkpoint['moved']
  readonly #move: Checkpoint['move']
  readonly #partitions: number

  /** @returns undefined where all records are its own */
  static of(partition: number, checkpoint: Checkpoint | undefined): Homes | undefined {
    if (checkpoint?.moved === undefined && checkpoint?.move === undefined) return undefined
    return new Homes(partition, checkpoint)
  }

  private constructor(partition: number, { moved, move, partitions }: Checkpoint) {
    this.#partition = partition
    this.#moved = moved
    this.#move = move
    this.#partitions = partitions
  }

  /** Those of a batch; the batch itself where that is all of it. */
  own(batch: RecordBatch): RecordBatch {
    const { topic, startOffset, nextOffset, count } = batch
    const takenBefore = this.#moved?.takenBefore[topic] ?? 0
    const ownFrom = this.#move?.ownFrom[topic] ?? Number.POSITIVE_INFINITY
    if (startOffset >= takenBefore && nextOffset <= ownFrom) return batch
    const kept: number[] = []
    for (let i = 0; i < count; i++) {
      const offset = batch.offset(i)
      const key = batch.key(i)
      if (offset < takenBefore && this.#isHome(key, this.#moved!.from)) continue
      if (offset >= ownFrom && !this.#isHome(key, this.#partitions)) continue
      kept.push(i)
    }
    return kept.length === count ? batch : pick(batch, kept)
  }

  async *ownOf(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
    for await (const batch of batches) yield this.own(batch)
  }

  #isHome(key: Buffer | null, partitions: number): boolean {
    return key === null || partitionOfKey(key, partitions) === this.#partition
  }
}

/** A view of some records of a batch. */
function pick(batch: RecordBatch, kept: readonly number[]): RecordBatch {
  const { topic, partition, startOffset, nextOffset, highWatermark, leaderEpoch } = batch
  return {
    topic,
    partition,
    startOffset,
    nextOffset,
    highWatermark,
    ...(leaderEpoch === undefined ? {} : { leaderEpoch }),
    count: kept.length,
    offset: (i) => batch.offset(kept[i]!),
    timestamp: (i) => batch.timestamp(kept[i]!),
    key: (i) => batch.key(kept[i]!),
    value: (i) => batch.value(kept[i]!),
    headers: (i) => batch.headers(kept[i]!),
    ...(batch.locate ? { locate: (i, key, value) => batch.locate!(kept[i]!, key, value) } : {}),
  }
}
