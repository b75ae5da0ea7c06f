/**
 * What crosses the port to the log (`log/log.ts`): a view over a fetched record batch, and records to write.
 */

/** Records of one partition in offset order. It is a view: nothing is decoded until asked for. */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  /**
   * Where the fetch began. No committed record of [startOffset, nextOffset) is missing from the view: the other offsets are
   * control records, aborted records, or compacted away. So a batch follows the one before if and only if its startOffset
   * is that one's nextOffset; anything else is a gap.
   */
  readonly startOffset: number
  /** The number of records; 0 if all were control records or aborted. `i` below runs from 0 to `count` - 1. */
  readonly count: number
  /** The offset to go on from: past the last record and any control records after it. */
  readonly nextOffset: number
  /** The epoch of the leader that wrote the last record; left out, or -1, if unknown. */
  readonly leaderEpoch?: number
  /** The partition's high watermark when the batch was fetched. */
  readonly highWatermark: number
  offset(i: number): number
  /** The record's timestamp, ms. Producers may send anything here; only diagnostics, and mappings that name it, use it. */
  timestamp(i: number): number
  /** A slice of the fetch response: copy it if it outlives the handler, else it keeps the whole response alive. */
  key(i: number): Buffer | null
  /** Like `key`. */
  value(i: number): Buffer | null
  /**
   * Points `key` and `value` at the record's bytes, so that reading it allocates nothing. Left out by views whose records
   * are buffers of their own: there `key(i)` and `value(i)` cost nothing.
   */
  locate?(i: number, key: ByteRange, value: ByteRange): void
  headers(i: number): readonly RecordHeader[]
}

/** A run of bytes; `bytes` is null for none. One instance is reused for one record after the other. */
export class ByteRange {
  bytes: Buffer | null = null
  start = 0
  end = 0

  set(bytes: Buffer | null, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
  }
}

export interface RecordHeader {
  readonly name: string
  readonly value: Buffer | null
}

/** A record to publish. `partition` undefined: by the key's hash (murmur2, as Java's producer does). */
export interface OutRecord {
  readonly topic: string
  readonly partition?: number
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  /** Its timestamp, ms; if left out, the time when it is sent. */
  readonly timestampMs?: number
  /** An array: the header is repeated, once per item. */
  readonly headers: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[]>>
}
