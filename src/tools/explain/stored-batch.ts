import type { RecordBatch, RecordHeader } from '../../events/log.ts'
import type { StoredEvent } from './story.ts'

const noHeaders: readonly RecordHeader[] = []

/** A stored event seen as the only record of a batch, so that the pipeline takes it. It is decoded: there are no bytes. */
export class StoredBatch implements RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly count = 1
  readonly nextOffset: number
  readonly highWatermark: number

  constructor({ topic, partition, offset }: Pick<StoredEvent, 'topic' | 'partition' | 'offset'>) {
    this.topic = topic
    this.partition = partition
    this.startOffset = offset
    this.nextOffset = offset + 1
    this.highWatermark = this.nextOffset
  }

  offset(): number {
    return this.startOffset
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
