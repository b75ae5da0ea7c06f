/**
 * Writes the parts of Kafka's protocol one after the other into a growing buffer: big-endian integers, zig-zag varints, and
 * texts and bytes with their length in front.
 */
const longestVarint = 5
const longestVarlong = 10
/** Longer texts are written by the runtime; its call costs as much as this many characters here. */
const shortText = 24

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(16 * 1024)
  #at = 0

  /** How many bytes are written; where the next one goes. */
  get length(): number {
    return this.#at
  }

  /** What is written so far; not a copy. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  int8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
  }

  int16(value: number): void {
    this.#reserve(2)
    this.#at = this.#bytes.writeInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
  }

  /** Exact up to 2^53: producer ids and times are never near that. */
  int64(value: number): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#at)
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at)
  }

  /** A text with its length in front as an int16; a length of -1 for null. */
  string(value: string | null): void {
    const size = value === null ? -1 : Buffer.byteLength(value)
    this.int16(size)
    if (value === null) return
    this.#reserve(size)
    this.#at += this.#bytes.write(value, this.#at)
  }

  /** Unsigned, 32 bits. */
  uvarint(value: number): void {
    this.#reserve(longestVarint)
    this.#at = putUvarint(this.#bytes, this.#at, value)
  }

  /** A text with its length plus one in front, as an unsigned varint. */
  compactString(value: string): void {
    const size = Buffer.byteLength(value)
    this.uvarint(size + 1)
    this.#reserve(size)
    this.#at += this.#bytes.write(value, this.#at)
  }

  raw(bytes: Buffer): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** 16 bytes, given as 32 hexadecimal digits. */
  uuid(hex: string): void {
    this.#reserve(16)
    this.#at += this.#bytes.write(hex, this.#at, 'hex')
  }

  /** Signed (zig-zag), 32 bits. */
  varint(value: number): void {
    this.#reserve(longestVarint)
    this.#at = putVarint(this.#bytes, this.#at, value)
  }

  /** Signed (zig-zag), 64 bits. */
  varlong(value: number): void {
    this.#reserve(longestVarlong)
    const signed = BigInt(value)
    let rest = BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n))
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80
    this.#bytes[this.#at++] = Number(rest)
  }

  /** Bytes, or a text as UTF-8, with their length in front as a varint; a length of -1 for null. */
  sized(value: Uint8Array | string | null): void {
    if (value === null) this.varint(-1)
    else if (typeof value === 'string') this.#sizedText(value)
    else {
      this.varint(value.length)
      this.#reserve(value.length)
      this.#bytes.set(value, this.#at)
      this.#at += value.length
    }
  }

  /** Puts the length of what was written from `start` on in front of it, as a varint. */
  sizeFrom(start: number): void {
    const size = this.#at - start
    const width = varintWidth(size)
    this.#reserve(width)
    this.#bytes.copyWithin(start + width, start, this.#at)
    putVarint(this.#bytes, start, size)
    this.#at += width
  }

  #sizedText(text: string): void {
    const { length } = text
    // A character is three bytes at most.
    this.#reserve(longestVarint + 3 * length)
    const bytes = this.#bytes
    const start = putVarint(bytes, this.#at, length)
    const end = start + (length <= shortText ? putAscii(bytes, start, text) : bytes.write(text, start))
    if (end === start + length) {
      this.#at = end
      return
    }
    // Not ASCII: more bytes than characters.
    this.#at = putVarint(bytes, this.#at, Buffer.byteLength(text))
    this.#at += bytes.write(text, this.#at)
  }

  #reserve(more: number): void {
    const needed = this.#at + more
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.written)
    this.#bytes = grown
  }
}

/** @returns where the next byte goes */
function putVarint(bytes: Buffer, at: number, value: number): number {
  return putUvarint(bytes, at, ((value << 1) ^ (value >> 31)) >>> 0)
}

/** @returns where the next byte goes */
function putUvarint(bytes: Buffer, at: number, value: number): number {
  let rest = value
  let next = at
  for (; rest > 0x7f; rest >>>= 7) bytes[next++] = (rest & 0x7f) | 0x80
  bytes[next++] = rest
  return next
}

/** The bytes that a size takes as a varint; a size is never negative. */
function varintWidth(size: number): number {
  return size < 2 ** 6 ? 1 : size < 2 ** 13 ? 2 : size < 2 ** 20 ? 3 : size < 2 ** 27 ? 4 : longestVarint
}

/** @returns how many characters were written: it stops at the first that is not ASCII */
function putAscii(bytes: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return i
    bytes[at + i] = code
  }
  return text.length
}
