import type { RecordBatch } from '../events/log.ts'
import { Lost } from './failure.ts'
import { cutMeanwhile } from './log-changes.ts'

/** Records [from, to) of a batch. */
export interface Piece {
  readonly batch: RecordBatch
  readonly from: number
  readonly to: number
}

/** Reads a topic's records once, in the pieces that the slices took. */
export class CommittedInput {
  readonly #topic: string
  readonly #batches: AsyncIterator<RecordBatch>
  #batch: RecordBatch | undefined
  #from = 0
  /** Where the next batch begins. */
  #next: number

  /** @param start where the batches begin */
  constructor(topic: string, start: number, batches: AsyncIterable<RecordBatch>) {
    this.#topic = topic
    this.#next = start
    this.#batches = batches[Symbol.asyncIterator]()
  }

  /**
   * The remaining records before an offset, in pieces of at most `most`.
   * @throws TaskFailure, Lost where the log was cut after its bounds were checked
   */
  async *before(offset: number, most: number): AsyncGenerator<Piece> {
    for (;;) {
      if (this.#batch === undefined || this.#from === this.#batch.count) {
        if (this.#next >= offset) return
        const { value, done } = await this.#batches.next()
        if (done) throw new Lost('the log ends before what was committed')
        if (value.startOffset > this.#next) throw cutMeanwhile(this.#topic, this.#next, value.startOffset)
        this.#batch = value
        this.#from = 0
        this.#next = value.nextOffset
      }
      const [batch, from] = [this.#batch, this.#from]
      const to = firstAtOrPast(batch, from, offset, most)
      if (to > from) {
        this.#from = to
        yield { batch, from, to }
      } else if (from < batch.count) return
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.()
  }
}

/** The index of the first record at or past an offset, at most `most` records after `from`. */
function firstAtOrPast(batch: RecordBatch, from: number, offset: number, most: number): number {
  const last = Math.min(from + most, batch.count)
  let to = from
  while (to < last && batch.offset(to) < offset) to++
  return to
}
