/**
 * The port to the log (Kafka): what crosses it is a view over a fetched record batch, read when asked, and records
 * to write. `kafka/` and `memory/` implement it; the same contract tests run on both.
 */

/** Records of one partition in offset order, as a view: nothing is decoded until it is asked for. */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  /** The number of records; `i` below runs from 0 to `count` - 1. */
  readonly count: number
  /** The offset to go on from: past the last record and past control records behind it. */
  readonly nextOffset: number
  /** The partition's high watermark when the batch was fetched. */
  readonly highWatermark: number
  offset(i: number): number
  /** The record's timestamp, ms; producers may send anything here, so only diagnostics use it. */
  timestamp(i: number): number
  key(i: number): Buffer | null
  value(i: number): Buffer | null
  headers(i: number): readonly RecordHeader[]
}

export interface RecordHeader {
  readonly name: string
  readonly value: Buffer | string | null
}

/** A record to publish. `partition` undefined: by the key's hash (murmur2, as Java's producer does). */
export interface OutRecord {
  readonly topic: string
  readonly partition?: number
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | string>>
}
