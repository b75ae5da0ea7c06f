import type { RecordBatch } from '../events/log.ts'
import type { Checkpoint } from '../journal/checkpoint.ts'
import { partitionOfKey } from '../log/murmur2.ts'

/**
 * Which records a partition takes around a repartition. At first it takes the records that belong to it by the old number of
 * partitions; the others are taken later, when their customers have moved. So it does not matter when each producer learns of
 * the new number. A record without a key belongs wherever it is.
 */
export class Homes {
  readonly #partition: number
  readonly #moved: Checkpoint['moved']
  readonly #move: Checkpoint['move']
  readonly #partitions: number

  /** @returns undefined where the partition takes all its records */
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

  /** The partition's own records of a batch; the batch itself where that is all of them. */
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
