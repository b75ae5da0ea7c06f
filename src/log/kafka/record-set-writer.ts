/** Writes one record batch as a producer sends it (message format 2, KIP-98), uncompressed. */
import type { OutRecord } from '../../events/log.ts'
import type { ByteWriter } from './byte-writer.ts'
import { crc32c } from './crc32c.ts'

/** Records of one partition, and their producer. */
export interface OutBatch {
  readonly records: readonly OutRecord[]
  /** The time of all records without a time of their own; ms. */
  readonly timeMs: number
  readonly transactional: boolean
  readonly producerId: number
  readonly producerEpoch: number
  /** The sequence number of the first record, among all that the producer has sent to the partition. */
  readonly firstSequence: number
}

type HeaderValue = Buffer | string

const transactionalFlag = 0x10
const crcAt = 17
const attributesAt = 21

export function writeRecordBatch(to: ByteWriter, batch: OutBatch): void {
  const { records, timeMs, transactional, producerId, producerEpoch, firstSequence } = batch
  const start = to.length
  to.int64(0) // the broker sets the base offset and the leader epoch
  to.int32(0) // length, below
  to.int32(0)
  to.int8(2)
  to.int32(0) // checksum, below
  to.int16(transactional ? transactionalFlag : 0)
  to.int32(records.length - 1)
  to.int64(timeMs)
  to.int64(latestMs(records, timeMs))
  to.int64(producerId)
  to.int16(producerEpoch)
  to.int32(firstSequence)
  to.int32(records.length)
  for (let i = 0; i < records.length; i++) writeRecord(to, records[i]!, timeMs, i)
  const bytes = to.written
  bytes.writeInt32BE(bytes.length - start - 12, start + 8)
  bytes.writeUInt32BE(crc32c(bytes, start + attributesAt, bytes.length), start + crcAt)
}

/** The latest time of any record; ms. */
function latestMs(records: readonly OutRecord[], timeMs: number): number {
  let latest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < records.length; i++) latest = Math.max(latest, records[i]!.timestampMs ?? timeMs)
  return latest
}

function writeRecord(to: ByteWriter, record: OutRecord, timeMs: number, offsetDelta: number): void {
  const { key, value, headers, timestampMs } = record
  const start = to.length
  to.int8(0) // attributes
  if (timestampMs === undefined) to.varint(0)
  else to.varlong(timestampMs - timeMs)
  to.varint(offsetDelta)
  to.sized(key)
  to.sized(value)
  const names = Object.keys(headers)
  let count = 0
  for (const name of names) count += isRepeated(headers[name]) ? headers[name].length : 1
  to.varint(count)
  for (const name of names) {
    const value = headers[name]!
    if (isRepeated(value)) for (const one of value) writeHeader(to, name, one)
    else writeHeader(to, name, value)
  }
  to.sizeFrom(start)
}

function writeHeader(to: ByteWriter, name: string, value: HeaderValue): void {
  to.sized(name)
  to.sized(value)
}

function isRepeated(value: OutRecord['headers'][string] | undefined): value is readonly HeaderValue[] {
  return Array.isArray(value)
}
