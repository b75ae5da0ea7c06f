import type { RecordBatch, RecordHeader } from '../../events/log.ts'
import type { StoredEvent } from './story.ts'

const noHeaders: readonly RecordHeader[] = []

/** Stored events seen as records of their topic, so that the pipeline takes them. They are decoded: there are no bytes. */
export class StoredBatch implements RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly count: number
  readonly nextOffset: number
  readonly highWatermark: number
  readonly #events: readonly StoredEvent[]

  /** @param events of one topic and partition, in the order of their offsets, at least one */
  constructor(events: readonly StoredEvent[]) {
    const [first, last] = [events[0]!, events.at(-1)!]
    this.topic = first.topic
    this.partition = first.partition
    this.count = events.length
    this.startOffset = first.offset
    this.nextOffset = last.offset + 1
    this.highWatermark = this.nextOffset
    this.#events = events
  }

  offset(i: number): number {
    return this.#events[i]!.offset
  }

  timestamp(): number {
    return 0
  }

  key(): null {
    return null
  }

  value(): null {
    return null
  }

  headers(): readonly RecordHeader[] {
    return noHeaders
  }
}
