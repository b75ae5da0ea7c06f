/**
 * Rows in ClickHouse's RowBinary format: little-endian, no column names, no types; the order of the calls must be
 * that of the INSERT's columns. It takes about a twentieth of the time of JSON and a quarter of its bytes, and no
 * value changes on the way (JSON turns NaN to 0 and rounds past 2^53).
 */

/** Encoded rows of one table, in the order in which they were written. */
export interface RowChunk {
  readonly bytes: Buffer
  /** Where each row ends in `bytes`, so that one bad row can be told from the others. */
  readonly rowEnds: Uint32Array
}

/** Up to here a loop beats the call into the engine. */
const shortString = 24

/**
 * A byte buffer that grows by doubling and is used again after `take`. A row is written value by value and closed
 * by `endRow`; nothing is allocated per value.
 */
export class RowBuffer {
  #bytes: Buffer
  #length = 0
  #rowEnds = new Uint32Array(256)
  #rows = 0

  constructor(initialBytes = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** The bytes written since the last `take`. */
  get length(): number {
    return this.#length
  }

  /** The rows closed since the last `take`. */
  get rows(): number {
    return this.#rows
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0)
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#length = this.#bytes.writeUInt16LE(value, this.#length)
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32LE(value, this.#length)
  }

  /** A whole number from 0 to 2^53 - 1. */
  u64(value: number): void {
    this.#reserve(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.#bytes.writeUInt32LE(value - high * 0x1_0000_0000, this.#length)
    this.#length = this.#bytes.writeUInt32LE(high, this.#length + 4)
  }

  /** For values past 2^53, which a Number would round. */
  bigU64(value: bigint): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  /** Nullable(Float64): NaN is NULL, so that SQL can tell "none" from 0 and sums skip it. */
  nullableF64(value: number): void {
    if (Number.isNaN(value)) {
      this.u8(1)
    } else {
      this.u8(0)
      this.f64(value)
    }
  }

  /** DateTime64(3): ms since 1970 as Int64, negative before it. */
  dateTime64(ms: number): void {
    this.#reserve(8)
    const high = Math.floor(ms / 0x1_0000_0000)
    this.#bytes.writeUInt32LE(ms - high * 0x1_0000_0000, this.#length)
    this.#length = this.#bytes.writeInt32LE(high, this.#length + 4)
  }

  /** An unsigned LEB128 number below 2^32: the length of a string, an array or a map. */
  varint(value: number): void {
    this.#reserve(5)
    this.#length = putVarint(this.#bytes, this.#length, value)
  }

  /** UTF-8; a lone surrogate becomes U+FFFD, since one malformed string would make the server refuse the insert. */
  string(value: string): void {
    const count = value.length
    this.#reserve(count * 3 + 5)
    const bytes = this.#bytes
    const start = this.#length
    if (count <= shortString) {
      let at = start + 1
      for (let i = 0; i < count; i++) {
        const unit = value.charCodeAt(i)
        if (unit > 0x7f) {
          at = start + 1 + bytes.write(value, start + 1, 'utf8')
          break
        }
        bytes[at++] = unit
      }
      // 24 UTF-16 units are at most 72 bytes of UTF-8, so one byte always holds the length.
      bytes[start] = at - start - 1
      this.#length = at
      return
    }
    const assumed = varintBytes(count)
    const written = bytes.write(value, start + assumed, 'utf8')
    const needed = varintBytes(written)
    if (needed !== assumed) bytes.copyWithin(start + needed, start + assumed, start + assumed + written)
    putVarint(bytes, start, written)
    this.#length = start + needed + written
  }

  /** A String column holds any bytes. */
  blob(value: Buffer): void {
    this.varint(value.length)
    this.#reserve(value.length)
    this.#length += value.copy(this.#bytes, this.#length)
  }

  /** Array(String), also of LowCardinality. */
  strings(values: readonly string[]): void {
    this.varint(values.length)
    for (const value of values) this.string(value)
  }

  /** Closes the row that the calls since the last `endRow` wrote. */
  endRow(): void {
    if (this.#rows === this.#rowEnds.length) {
      const more = new Uint32Array(this.#rows * 2)
      more.set(this.#rowEnds)
      this.#rowEnds = more
    }
    this.#rowEnds[this.#rows++] = this.#length
  }

  /** Forgets what was written since the last `endRow`: the row could not be finished. */
  dropOpenRow(): void {
    this.#length = this.#rows === 0 ? 0 : this.#rowEnds[this.#rows - 1]!
  }

  /** Hands out a copy of the rows, exactly as long as they are, and starts anew. */
  take(): RowChunk {
    const chunk = {
      bytes: Buffer.from(this.#bytes.subarray(0, this.#length)),
      rowEnds: this.#rowEnds.slice(0, this.#rows),
    }
    this.#length = 0
    this.#rows = 0
    return chunk
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const more = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, needed))
    this.#bytes.copy(more, 0, 0, this.#length)
    this.#bytes = more
  }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

function putVarint(bytes: Buffer, at: number, value: number): number {
  let next = at
  let rest = value
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[next++] = rest
  return next
}
