/**
 * Reads rows in ClickHouse's RowBinary, as `store/row-binary.ts` writes them, column by column: as values, and as the bytes
 * that two rows are compared by. It knows the types that the columns of our tables have.
 */

/** A row's columns by name. */
export type RowValues = ReadonlyMap<string, ColumnValue>

export interface ColumnValue {
  /** A 64-bit whole number is a JS number; a time is one too, in ms. */
  readonly value: unknown
  readonly bytes: Buffer
}

/** @param columns the types by name, in the order of the bytes. @throws RangeError where the bytes are no such rows */
export function readRows(bytes: Buffer, columns: Readonly<Record<string, string>>): RowValues[] {
  const reader = new Reader(bytes)
  const readers = Object.entries(columns).map(([name, type]) => [name, readerOf(type)] as const)
  const rows: RowValues[] = []
  while (reader.at < bytes.length) {
    const row = new Map<string, ColumnValue>()
    for (const [name, read] of readers) {
      const from = reader.at
      const value = read(reader)
      row.set(name, { value, bytes: bytes.subarray(from, reader.at) })
    }
    rows.push(row)
  }
  return rows
}

/** The columns in which they differ. */
export function differences(a: RowValues, b: RowValues): string[] {
  return [...a.keys()].filter((name) => {
    const other = b.get(name)
    return other === undefined || !a.get(name)!.bytes.equals(other.bytes)
  })
}

class Reader {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  skip(count: number): number {
    const from = this.at
    if (from + count > this.bytes.length) throw new RangeError('the row ends too early')
    this.at += count
    return from
  }

  varint(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.bytes.readUInt8(this.skip(1))
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
}

type Read = (reader: Reader) => unknown

const scalars: Readonly<Record<string, Read>> = {
  String: (reader) => {
    const length = reader.varint()
    return reader.bytes.toString('utf8', reader.skip(length), reader.at)
  },
  Bool: (reader) => reader.bytes.readUInt8(reader.skip(1)) === 1,
  UInt8: (reader) => reader.bytes.readUInt8(reader.skip(1)),
  UInt16: (reader) => reader.bytes.readUInt16LE(reader.skip(2)),
  UInt32: (reader) => reader.bytes.readUInt32LE(reader.skip(4)),
  UInt64: (reader) => Number(reader.bytes.readBigUInt64LE(reader.skip(8))),
  Int64: (reader) => Number(reader.bytes.readBigInt64LE(reader.skip(8))),
  Float64: (reader) => reader.bytes.readDoubleLE(reader.skip(8)),
  'DateTime64(3)': (reader) => Number(reader.bytes.readBigInt64LE(reader.skip(8))),
}

function readerOf(type: string): Read {
  const scalar = scalars[type]
  if (scalar !== undefined) return scalar
  const [, wrapper, inner = ''] = /^(\w+)\((.*)\)$/.exec(type) ?? []
  if (wrapper === 'LowCardinality') return readerOf(inner)
  if (wrapper === 'Nullable') {
    const of = readerOf(inner)
    return (reader) => (reader.bytes.readUInt8(reader.skip(1)) === 1 ? null : of(reader))
  }
  if (wrapper === 'Array') {
    const of = readerOf(inner)
    return (reader) => Array.from({ length: reader.varint() }, () => of(reader))
  }
  if (wrapper === 'Map') {
    const [key, ...rest] = inner.split(', ')
    const [ofKey, ofValue] = [readerOf(key!), readerOf(rest.join(', '))]
    return (reader) => new Map(Array.from({ length: reader.varint() }, () => [ofKey(reader), ofValue(reader)]))
  }
  throw new RangeError(`no reader for the type ${type}`)
}
