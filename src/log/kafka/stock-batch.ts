/** A view over messages that kafkajs itself has decoded. */
import type { Batch, KafkaMessage } from 'kafkajs'
import type { RecordBatch, RecordHeader } from '../../events/log.ts'

export class StockBatch implements RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly count: number
  readonly nextOffset: number
  readonly highWatermark: number
  readonly #messages: readonly KafkaMessage[]

  constructor(batch: Batch, startOffset: number) {
    this.topic = batch.topic
    this.partition = batch.partition
    this.startOffset = startOffset
    this.count = batch.messages.length
    this.nextOffset = Number(batch.lastOffset()) + 1
    this.highWatermark = Number(batch.highWatermark)
    this.#messages = batch.messages
  }

  offset(i: number): number {
    return Number(this.#messages[i]!.offset)
  }

  timestamp(i: number): number {
    return Number(this.#messages[i]!.timestamp)
  }

  key(i: number): Buffer | null {
    return this.#messages[i]!.key
  }

  value(i: number): Buffer | null {
    return this.#messages[i]!.value
  }

  headers(i: number): readonly RecordHeader[] {
    const headers: RecordHeader[] = []
    for (const [name, values] of Object.entries(this.#messages[i]!.headers ?? {})) {
      for (const value of Array.isArray(values) ? values : [values]) {
        // For a header like `constructor`, kafkajs also puts in what Object.prototype has under that name.
        if (value === null || Buffer.isBuffer(value)) headers.push({ name, value })
      }
    }
    return headers
  }
}
