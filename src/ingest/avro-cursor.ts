/**
 * Avro's encodings over untrusted bytes. Each read is bounded by the value's end. A fault is thrown as a shared, frozen
 * rejection (no error object, no stack), which the decoder catches once at the top: checking a result after every
 * read would cost the good events more than the throw costs the bad ones.
 */

import { cleanText } from '../events/text.ts'
import { checkedId } from './checked-id.ts'
import { rejected } from './rejected.ts'

/** How deep containers may be nested; this also bounds recursive schemas. */
const maxDepth = 32
/** Array items, map entries and nested records of one event, even those that take no bytes. */
const maxItems = 10_000
const maxNameBytes = 256
const maxDecimalBytes = 64

const truncated = rejected('truncated', 'the value ends before its schema does')
const longVarint = rejected('range', 'a number is encoded in more than ten bytes')
const notInt = rejected('range', 'an int is outside of 32 bits')
const precision = rejected('precision', 'a long is beyond 2^53')
const badIndex = rejected('bad_index', 'a union or enum index is out of range')
const notFinite = rejected('not_finite', 'a number is not finite')
const tooManyItems = rejected('limit', 'more items than the bytes can hold, or than 10,000')
const longName = rejected('limit', 'a name is longer than 256 bytes')
const longDecimal = rejected('limit', 'a decimal is longer than 64 bytes')
const tooDeep = rejected('depth', 'nested deeper than 32 levels')

/** Buffer's own readers, without `toString`'s handling of arguments. Node has them, its types don't. */
interface Slices {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  base64Slice(start: number, end: number): string
}

export class Cursor {
  bytes: Buffer & Slices = Buffer.alloc(0) as Buffer & Slices
  at = 0
  end = 0
  depth = 0
  items = 0
  /** Over the whole array buffer, which the values of one fetch share; `base` is where `bytes` starts in it. */
  view = new DataView(this.bytes.buffer)
  base = 0
  #buffer: ArrayBufferLike = this.bytes.buffer

  open(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes as Buffer & Slices
    const { buffer } = bytes
    if (buffer !== this.#buffer) {
      this.#buffer = buffer
      this.view = new DataView(buffer)
    }
    this.base = bytes.byteOffset
    this.at = start
    this.end = end
    this.depth = 0
    this.items = 0
  }

  /** Call before the content of a nested record, array or map, and `leave` after it. */
  enter(): void {
    if (++this.depth > maxDepth) throw tooDeep
    if (++this.items > maxItems) throw tooManyItems
  }

  leave(): void {
    this.depth--
  }
}

export function readLong(cursor: Cursor): number {
  const { bytes, end } = cursor
  let at = cursor.at
  if (at >= end) throw truncated
  let byte = bytes[at++]!
  if (byte < 128) {
    cursor.at = at
    return (byte >>> 1) ^ -(byte & 1)
  }
  let low = byte & 127
  for (let shift = 7; byte > 127; shift += 7) {
    if (shift === 28) {
      cursor.at = at
      return readHigh(cursor, low)
    }
    if (at >= end) throw truncated
    byte = bytes[at++]!
    low |= (byte & 127) << shift
  }
  cursor.at = at
  return (low >>> 1) ^ -(low & 1)
}

/** The rest of a varint past its low 28 bits, in floating point: exact up to 2^53, refused beyond. */
function readHigh(cursor: Cursor, low: number): number {
  const { bytes, end } = cursor
  let at = cursor.at
  let high = 0
  let scale = 1
  for (let i = 0; i < 6; i++) {
    if (at >= end) throw truncated
    const byte = bytes[at++]!
    high += (byte & 127) * scale
    scale *= 128
    if (byte < 128) {
      const magnitude = high * 0x800_0000 + (low >>> 1)
      if (magnitude > Number.MAX_SAFE_INTEGER) throw precision
      cursor.at = at
      return (low & 1) === 0 ? magnitude : -magnitude - 1
    }
  }
  throw longVarint
}

/** A long of any size in decimal digits, for ids. */
export function readLongText(cursor: Cursor): string {
  const start = cursor.at
  skipLong(cursor)
  const bytes = cursor.at - start
  if (bytes <= 7) {
    cursor.at = start
    return String(readLong(cursor))
  }
  return String(bigLong(cursor, start))
}

/** A long of ns as whole ms. Read as a bigint: ns since 1970 are more than a number holds exactly. */
export function readNanosAsMs(cursor: Cursor): number {
  const start = cursor.at
  skipLong(cursor)
  const nanos = bigLong(cursor, start)
  const ms = nanos / 1_000_000n
  return Number(nanos < 0n && ms * 1_000_000n !== nanos ? ms - 1n : ms)
}

/** The long encoded from `start` to the cursor. */
function bigLong({ bytes, at }: Cursor, start: number): bigint {
  let sum = 0n
  for (let i = at - 1; i >= start; i--) sum = (sum << 7n) | BigInt(bytes[i]! & 127)
  sum = BigInt.asUintN(64, sum)
  return (sum >> 1n) ^ -(sum & 1n)
}

export function skipLong(cursor: Cursor): void {
  const { bytes, end } = cursor
  for (let i = 0; i < 10; i++) {
    if (cursor.at >= end) throw truncated
    if (bytes[cursor.at++]! < 128) return
  }
  throw longVarint
}

export function readInt(cursor: Cursor): number {
  const value = readLong(cursor)
  if (value !== (value | 0)) throw notInt
  return value
}

/** A union's branch or an enum's symbol: 0 to `count` - 1. */
export function readIndex(cursor: Cursor, count: number): number {
  const index = readLong(cursor)
  if (index < 0 || index >= count) throw badIndex
  return index
}

/** Any byte but 0 is true, as in other readers. */
export function readBoolean(cursor: Cursor): boolean {
  if (cursor.at >= cursor.end) throw truncated
  return cursor.bytes[cursor.at++] !== 0
}

export function readFloat(cursor: Cursor): number {
  return finite(cursor.view.getFloat32(cursor.base + take(cursor, 4), true))
}

export function readDouble(cursor: Cursor): number {
  return finite(cursor.view.getFloat64(cursor.base + take(cursor, 8), true))
}

/** Adding 0 turns -0 into 0; as a key or a text, -0 would be a value of its own. */
function finite(value: number): number {
  if (!Number.isFinite(value)) throw notFinite
  return value + 0
}

/** Moves past that many bytes and returns their start. */
export function take(cursor: Cursor, length: number): number {
  const { at } = cursor
  if (length < 0 || length > cursor.end - at) throw truncated
  cursor.at = at + length
  return at
}

/** Free text, made harmless. */
export function readText(cursor: Cursor): string {
  const length = readLong(cursor)
  const start = take(cursor, length)
  return isPlain(cursor, start, length) ? plainText(cursor, start, length) : cleanText(utf8(cursor, start))
}

export function readId(cursor: Cursor): string {
  const length = readLong(cursor)
  const start = take(cursor, length)
  return isPlain(cursor, start, length) ? plainText(cursor, start, length) : checkedId(utf8(cursor, start))
}

/** A map's key. */
export function readName(cursor: Cursor): string {
  const start = cursor.at
  const name = readText(cursor)
  if (cursor.at - start > maxNameBytes) throw longName
  return name
}

function utf8(cursor: Cursor, start: number): string {
  return cursor.bytes.utf8Slice(start, cursor.at)
}

/** A call into Node costs as much as making ten characters here. */
function plainText(cursor: Cursor, start: number, length: number): string {
  return length <= 12 ? shortText(cursor.bytes, start, length) : cursor.bytes.latin1Slice(start, cursor.at)
}

function shortText(b: Buffer, at: number, length: number): string {
  switch (length) {
    case 0:
      return ''
    case 1:
      return String.fromCharCode(b[at]!)
    case 2:
      return String.fromCharCode(b[at]!, b[at + 1]!)
    case 3:
      return String.fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!)
    default:
      return String.fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!) + shortText(b, at + 4, length - 4)
  }
}

/** Whether it is all printable ASCII, which needs neither UTF-8 decoding nor cleaning. */
function isPlain(cursor: Cursor, start: number, length: number): boolean {
  if (length < 4) {
    for (let at = start; at < start + length; at++) {
      if ((cursor.bytes[at]! - 32) >>> 0 > 94) return false
    }
    return true
  }
  const { view } = cursor
  let at = cursor.base + start
  const last = at + length - 4
  let suspect = wordSuspects(view.getInt32(last, true))
  for (; at < last - 8; at += 8) {
    suspect |= wordSuspects(view.getInt32(at, true)) | wordSuspects(view.getInt32(at + 4, true))
  }
  for (; at < last; at += 4) suspect |= wordSuspects(view.getInt32(at, true))
  return (suspect & 0x8080_8080) === 0
}

/** Some byte's top bit is set if any of the four bytes is above 0x7e, or below 0x20 (then it borrows). */
function wordSuspects(word: number): number {
  return word | (word - 0x2020_2020) | (word + 0x0101_0101)
}

export function readBase64(cursor: Cursor, length: number): string {
  const start = take(cursor, length)
  return cursor.bytes.base64Slice(start, cursor.at)
}

/** A two's complement integer of that many bytes, divided by 10^scale and rounded once. */
export function readDecimal(cursor: Cursor, length: number, scale: number): number {
  if (length > maxDecimalBytes) throw longDecimal
  const start = take(cursor, length)
  if (length === 0) return 0
  // Dividing two exact doubles gives the correctly rounded result.
  if (length <= 6 && scale <= 22) return cursor.bytes.readIntBE(start, length) / 10 ** scale + 0
  const unsigned = BigInt(`0x${cursor.bytes.toString('hex', start, cursor.at)}`)
  return finite(Number(`${BigInt.asIntN(8 * length, unsigned)}e-${scale}`))
}

/** The number of items in the next block of an array or map; 0 at its end. */
export function readBlock(cursor: Cursor, minItemBytes: number): number {
  let count = readLong(cursor)
  if (count === 0) return 0
  if (count < 0) {
    count = -count
    // The block's size in bytes is for readers that skip it. We check that it is sane, and don't rely on it.
    const bytes = readLong(cursor)
    if (bytes < 0 || bytes > cursor.end - cursor.at) throw truncated
  }
  cursor.items += count
  if (cursor.items > maxItems || count * minItemBytes > cursor.end - cursor.at) throw tooManyItems
  return count
}
