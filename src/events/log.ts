/**
 * What crosses the port to the log (`log/log.ts`): a view over a fetched record batch, read when asked, and records
 * to write.
 */

/** Records of one partition in offset order, as a view: nothing is decoded until it is asked for. */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  /**
   * Where the fetch began. No committed record of [startOffset, nextOffset) is missing from the view: offsets without
   * one are control records, aborted, or compacted away. So a batch follows on the one before if and only if its
   * startOffset is that one's nextOffset; anything else is a gap.
   */
  readonly startOffset: number
  /** The number of records, 0 where all were control records or aborted; `i` below runs from 0 to `count` - 1. */
  readonly count: number
  /** The offset to go on from: past the last record and past control records behind it. */
  readonly nextOffset: number
  /** The epoch of the leader that wrote the last of it; left out, or -1, where that is not known. */
  readonly leaderEpoch?: number
  /** The partition's high watermark when the batch was fetched. */
  readonly highWatermark: number
  offset(i: number): number
  /** The record's timestamp, ms; producers may send anything here, so only diagnostics use it, and mappings that name it. */
  timestamp(i: number): number
  /** Bytes of the fetch response itself: a copy is due where they outlive the handler, else they keep it all alive. */
  key(i: number): Buffer | null
  /** As `key`. */
  value(i: number): Buffer | null
  /**
   * Points `key` and `value` at where those of the record lie, so that reading one cuts out and allocates nothing. Left
   * out by views whose records are buffers of their own: there `key` and `value` cost nothing.
   */
  locate?(i: number, key: ByteRange, value: ByteRange): void
  headers(i: number): readonly RecordHeader[]
}

/** A run of bytes, as a place that is used again for one record after the other; `bytes` is null for none. */
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
  /** Its timestamp, ms; when it is sent where left out. */
  readonly timestampMs?: number
  /** An array is a header that is repeated. */
  readonly headers: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[]>>
}
