/**
 * Reads the record batches of a fetch response in place (message format 2, KIP-98). One pass finds the parts of every record;
 * bytes are only cut out when asked for. A record costs about a tenth of what kafkajs's decoder takes.
 */
import type { ByteRange, RecordBatch, RecordHeader } from '../../events/log.ts'
import { LogError } from '../log.ts'
import { codecs, maxBatchBytes } from './codecs.ts'
import { crc32c } from './crc32c.ts'
import { readInt64 } from './protocol/byte-reader.ts'

/** One partition's part of a fetch response. */
export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** The offset that was asked for; the broker's first batch may begin before it. */
  readonly startOffset: number
  /** Records from this offset on are left out. */
  readonly untilOffset: number
  readonly highWatermark: number
  /** The aborted transactions, in order of their first offsets. */
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]
  /** Record batches, the last of which may be cut off. */
  readonly records: Buffer
}

const headerBytes = 61
/** At the same place in all formats. */
const magicAt = 16
const crcAt = 17
const codecMask = 0x07
const logAppendTime = 0x08
const transactional = 0x10
const control = 0x20
/** Length, attributes, two deltas, key length, value length, header count. */
const smallestRecordBytes = 7

/**
 * Reads the batches as a consumer of committed records sees them: without control records and aborted transactions. If a batch
 * can't be read, it returns what comes before it. If that is the first batch, it throws LogError: `checksum` where the bytes
 * are not what was written; `unreadable` for an unknown format or codec, for a batch that unpacks to more than the bound, and
 * for one that breaks the protocol.
 */
export async function readRecordSet(fetched: FetchedPartition): Promise<RecordBatch> {
  const { topic, partition, startOffset } = fetched
  const index = new RecordIndex(fetched)
  try {
    await readBatches(fetched, index)
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    if (index.nextOffset <= startOffset) {
      const place = `the record batch at offset ${startOffset} of ${topic}, partition ${partition}`
      throw new LogError(error.code, `${place}: ${error.message}`, error.cause)
    }
  }
  return index
}

async function readBatches(fetched: FetchedPartition, index: RecordIndex): Promise<void> {
  const { records, startOffset, untilOffset } = fetched
  const aborts = new AbortedTransactions(fetched.aborted)
  let unpackedBytes = 0
  for (let at = 0; at < records.length && index.nextOffset < untilOffset; ) {
    const end = endOfBatch(records, at)
    // A broker may cut off the last batch, but never the first.
    if (end > records.length && at > 0) return
    checkBatch(records, at, end)
    const baseOffset = readInt64(records, at)
    const lastOffset = baseOffset + records.readInt32BE(at + 23)
    if (at > 0 && baseOffset < index.nextOffset) throw corrupt('offsets that go back')
    const attributes = records.readInt16BE(at + 21)
    const count = records.readInt32BE(at + 57)
    // If a fetch unpacks to too much, the rest comes with the next one.
    if (unpackedBytes > maxBatchBytes) return
    const visible = aborts.admit(records, at, lastOffset)
    if (visible && lastOffset >= startOffset && baseOffset < untilOffset && count > 0) {
      const codec = codecs.get(attributes & codecMask)
      const packed = records.subarray(at + headerBytes, end)
      if (codec === undefined && (attributes & codecMask) !== 0) throw corrupt('an unknown codec')
      const bytes = codec === undefined ? packed : await codec.decompress(packed)
      if (codec !== undefined) unpackedBytes += bytes.length
      const time = readInt64(records, attributes & logAppendTime ? at + 35 : at + 27)
      index.add(bytes, count, baseOffset, time, (attributes & logAppendTime) !== 0)
    }
    index.nextOffset = Math.min(lastOffset + 1, untilOffset)
    index.leaderEpoch = records.readInt32BE(at + 12)
    at = end
  }
  if (records.length > 0 && index.nextOffset <= startOffset) throw corrupt('nothing from that offset on')
}

/** Where the batch should end; infinity where the response ends within its header. */
function endOfBatch(records: Buffer, at: number): number {
  const format = records[at + magicAt] ?? 2
  if (format < 2) throw new LogError('unreadable', `written in format ${format}, as before Kafka 0.11`)
  if (format > 2) throw corrupt(`format ${format}`)
  if (at + headerBytes > records.length) return Number.POSITIVE_INFINITY
  const end = at + 12 + records.readInt32BE(at + 8)
  if (end < at + headerBytes) throw corrupt('a batch without a header')
  return end
}

/** To be called before any field is trusted. The checksum covers all but the first ones: offset, length, epoch and format. */
function checkBatch(records: Buffer, at: number, end: number): void {
  if (end > records.length) throw corrupt('a batch beyond the response')
  if (crc32c(records, at + 21, end) !== records.readUInt32BE(at + crcAt)) {
    throw new LogError('checksum', 'its bytes are not those that were written')
  }
}

/** Tracks which producers are in an aborted transaction, as batches come in offset order. */
class AbortedTransactions {
  readonly #waiting: FetchedPartition['aborted']
  #next = 0
  readonly #producers = new Set<number>()

  constructor(aborted: FetchedPartition['aborted']) {
    this.#waiting = aborted
  }

  /** Whether the batch at `at` has records that a reader may see. */
  admit(records: Buffer, at: number, lastOffset: number): boolean {
    while (this.#next < this.#waiting.length && this.#waiting[this.#next]!.firstOffset <= lastOffset) {
      this.#producers.add(this.#waiting[this.#next++]!.producerId)
    }
    const attributes = records.readInt16BE(at + 21)
    if (attributes & control) {
      // Either marker, abort or commit, ends the producer's transaction.
      this.#producers.delete(readInt64(records, at + 43))
      return false
    }
    return !(attributes & transactional && this.#producers.has(readInt64(records, at + 43)))
  }
}

/** Where the parts of each record are: `width` numbers per record. Offsets and times are kept separately. */
const width = 6
class RecordIndex implements RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly highWatermark: number
  count = 0
  nextOffset: number
  leaderEpoch = -1
  readonly #untilOffset: number
  readonly #sources: Buffer[] = []
  /** Per record: source, key start and length, value start and length, headers start. A length of -1 means null. */
  #places = new Int32Array(0)
  #offsets = new Float64Array(0)
  #times = new Float64Array(0)

  constructor({ topic, partition, startOffset, untilOffset, highWatermark }: FetchedPartition) {
    this.topic = topic
    this.partition = partition
    this.startOffset = startOffset
    this.nextOffset = startOffset
    this.highWatermark = highWatermark
    this.#untilOffset = untilOffset
  }

  /** Adds those records of one batch that are in [startOffset, untilOffset). */
  add(bytes: Buffer, records: number, baseOffset: number, baseTime: number, sameTime: boolean): void {
    if (records * smallestRecordBytes > bytes.length) throw corrupt('fewer bytes than records')
    this.#reserve(this.count + records)
    const before = this.count
    try {
      this.#add(bytes, records, baseOffset, baseTime, sameTime)
    } catch (error) {
      this.count = before
      throw error
    }
  }

  #add(bytes: Buffer, records: number, baseOffset: number, baseTime: number, sameTime: boolean): void {
    const source = this.#sources.push(bytes) - 1
    const cursor = new Cursor(bytes)
    for (let i = 0; i < records; i++) {
      const length = cursor.varint()
      const end = cursor.at + length
      if (length < smallestRecordBytes - 1 || end > bytes.length) throw corrupt('a record beyond its batch')
      cursor.at++
      const timeDelta = cursor.varlong()
      const offset = baseOffset + cursor.varint()
      const keyLength = cursor.varint()
      const keyAt = cursor.at
      if (keyLength > 0) cursor.at += keyLength
      const valueLength = cursor.varint()
      const valueAt = cursor.at
      if (valueLength > 0) cursor.at += valueLength
      if (cursor.at >= end) throw corrupt('a field beyond its record')
      if (offset >= this.startOffset && offset < this.#untilOffset) {
        const to = this.count * width
        this.#places[to] = source
        this.#places[to + 1] = keyAt
        this.#places[to + 2] = keyLength
        this.#places[to + 3] = valueAt
        this.#places[to + 4] = valueLength
        this.#places[to + 5] = cursor.at
        this.#offsets[this.count] = offset
        this.#times[this.count++] = sameTime ? baseTime : baseTime + timeDelta
      }
      cursor.at = end
    }
  }

  offset(i: number): number {
    return this.#offsets[i]!
  }

  timestamp(i: number): number {
    return this.#times[i]!
  }

  key(i: number): Buffer | null {
    return this.#cut(i, 1)
  }

  value(i: number): Buffer | null {
    return this.#cut(i, 3)
  }

  locate(i: number, key: ByteRange, value: ByteRange): void {
    this.#point(key, i, 1)
    this.#point(value, i, 3)
  }

  headers(i: number): readonly RecordHeader[] {
    const source = this.#sources[this.#places[i * width]!]!
    const cursor = new Cursor(source)
    cursor.at = this.#places[i * width + 5]!
    const headers: RecordHeader[] = []
    for (let left = cursor.varint(); left > 0 && cursor.at < source.length; left--) {
      const name = cursor.take()
      headers.push({ name: String(name ?? ''), value: cursor.take() })
    }
    return headers
  }

  #cut(i: number, field: number): Buffer | null {
    const place = i * width
    const at = this.#places[place + field]!
    const length = this.#places[place + field + 1]!
    return length < 0 ? null : this.#sources[this.#places[place]!]!.subarray(at, at + length)
  }

  #point(slice: ByteRange, i: number, field: number): void {
    const place = i * width
    const at = this.#places[place + field]!
    const length = this.#places[place + field + 1]!
    slice.set(length < 0 ? null : this.#sources[this.#places[place]!]!, at, at + length)
  }

  #reserve(count: number): void {
    if (count <= this.#offsets.length) return
    const room = Math.max(count, this.#offsets.length * 2)
    const places = new Int32Array(room * width)
    places.set(this.#places)
    this.#places = places
    const offsets = new Float64Array(room)
    offsets.set(this.#offsets)
    this.#offsets = offsets
    const times = new Float64Array(room)
    times.set(this.#times)
    this.#times = times
  }
}

/** Reads zig-zag varints. Bytes past the end read as 0, so that every read ends; `add` checks how far it got. */
class Cursor {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let byte = this.#bytes[this.at++]! | 0
    let value = byte & 0x7f
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) {
      byte = this.#bytes[this.at++]! | 0
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** Exact up to 2^53; times beyond that are not. */
  varlong(): number {
    let byte = this.#bytes[this.at++]! | 0
    let value = byte & 0x7f
    for (let scale = 128; byte > 127 && scale < 2 ** 64; scale *= 128) {
      byte = this.#bytes[this.at++]! | 0
      value += (byte & 0x7f) * scale
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Bytes with their length in front; null for a length of -1. */
  take(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const from = this.at
    this.at += length
    return this.#bytes.subarray(from, this.at)
  }
}

function corrupt(what: string): LogError {
  return new LogError('unreadable', `corrupt record bytes: ${what}`)
}
