/** Reads the parts of Kafka's protocol one after the other. Throws RangeError past the end. */
export class ByteReader {
  #at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    this.#at += 1
    return this.#bytes.readInt8(this.#at - 1)
  }

  int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  int64(): number {
    this.#at += 8
    return readInt64(this.#bytes, this.#at - 8)
  }

  /** A text with its length in front as an int16; null for a length of -1. */
  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#take(length).toString('utf8')
  }

  string(): string {
    return this.nullableString() ?? ''
  }

  /** Bytes with their length in front as an int32, not copied; empty for a length of -1. */
  bytes(): Buffer {
    return this.#take(Math.max(0, this.int32()))
  }

  /** Items with their count in front as an int32; none for a count of -1. */
  array<T>(item: () => T): T[] {
    const items: T[] = []
    for (let left = this.int32(); left > 0; left--) items.push(item())
    return items
  }

  /** An unsigned varint of 32 bits. */
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#take(1)[0]!
      value |= (byte & 0x7f) << shift
      if (byte <= 0x7f) break
    }
    return value >>> 0
  }

  /** Bytes with their length plus one in front as a varint, not copied; empty for null. */
  compactBytes(): Buffer {
    return this.#take(Math.max(0, this.uvarint() - 1))
  }

  /** A text with its length plus one in front as a varint; empty for null. */
  compactString(): string {
    return this.compactBytes().toString('utf8')
  }

  /** Items with their count plus one in front as a varint; none for null. */
  compactArray<T>(item: () => T): T[] {
    const items: T[] = []
    for (let left = this.uvarint() - 1; left > 0; left--) items.push(item())
    return items
  }

  /** 16 bytes, as 32 hexadecimal digits. */
  uuid(): string {
    return this.#take(16).toString('hex')
  }

  /** The tagged fields at the end of each structure of a flexible version (KIP-482). @param take may read each, or ignore it */
  tags(take: (tag: number, field: ByteReader) => void = () => undefined): void {
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint()
      take(tag, new ByteReader(this.#take(this.uvarint())))
    }
  }

  #take(length: number): Buffer {
    const from = this.#at
    if (from + length > this.#bytes.length) throw new RangeError('the bytes end too early')
    this.#at = from + length
    return this.#bytes.subarray(from, this.#at)
  }
}

/** Exact up to 2^53: offsets, producer ids and times are never near that. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
