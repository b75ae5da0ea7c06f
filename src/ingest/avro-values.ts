/** Compiles an Avro schema to functions that read a value as a `Value`, or skip it. */

import type { Value } from '../events/event.ts'
import {
  type Cursor,
  readBase64,
  readBlock,
  readBoolean,
  readDecimal,
  readDouble,
  readFloat,
  readIndex,
  readInt,
  readLong,
  readName,
  readNanosAsMs,
  readText,
  skipLong,
  take,
} from './avro-cursor.ts'
import type { AvroField, AvroSchema } from './avro-schema.ts'
import { toMs } from './event-time.ts'

export type Read<T> = (cursor: Cursor) => T

/**
 * Bytes become base64 text, decimals become numbers, points in time ms since 1970, enums their symbols. Records and maps
 * become objects without a prototype, so a field `__proto__` or `toString` is data like any other.
 */
export class ValueReaders {
  readonly #readers = new Map<AvroSchema, Read<Value>>()
  readonly #skips = new Map<AvroSchema, Read<void>>()

  read(schema: AvroSchema): Read<Value> {
    return once(this.#readers, schema, () => this.#compileRead(schema))
  }

  skip(schema: AvroSchema): Read<void> {
    return once(this.#skips, schema, () => this.#compileSkip(schema))
  }

  #compileRead(schema: AvroSchema): Read<Value> {
    switch (schema.kind) {
      case 'null':
        return () => null
      case 'boolean':
        return readBoolean
      case 'float':
        return readFloat
      case 'double':
        return readDouble
      case 'string':
        return readText
      case 'int':
      case 'long':
      case 'bytes':
      case 'fixed':
        return logicalReader(schema)
      case 'enum':
        return enumReader(schema.symbols)
      case 'union':
        return unionReader(schema.branches.map((branch) => this.read(branch)))
      case 'array':
        return arrayReader(this.read(schema.items), minBytes(schema.items))
      case 'map':
        return mapReader(this.read(schema.values), minBytes(schema.values) + 1)
      case 'record':
        return recordReader(
          schema.fields.map((field) => field.name),
          schema.fields.map((field) => this.read(field.schema)),
        )
    }
  }

  #compileSkip(schema: AvroSchema): Read<void> {
    switch (schema.kind) {
      case 'null':
        return () => {}
      case 'boolean':
        return fixedSkip(1)
      case 'float':
        return fixedSkip(4)
      case 'double':
        return fixedSkip(8)
      case 'fixed':
        return fixedSkip(schema.size)
      case 'int':
      case 'long':
        return skipLong
      case 'enum':
        return enumReader(schema.symbols)
      case 'string':
      case 'bytes':
        return (cursor) => {
          take(cursor, readLong(cursor))
        }
      case 'union':
        return unionReader(schema.branches.map((branch) => this.skip(branch)))
      case 'array':
        return blocksSkip(this.skip(schema.items), minBytes(schema.items))
      case 'map':
        return blocksSkip(entrySkip(this.skip(schema.values)), minBytes(schema.values) + 1)
      case 'record':
        return recordSkip(schema.fields.map((field) => this.skip(field.schema)))
    }
  }
}

/** Compiles each type once. A recursive type meets itself while it is being compiled; that reference is bound later. */
function once<T>(compiled: Map<AvroSchema, Read<T>>, schema: AvroSchema, compile: () => Read<T>): Read<T> {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  compiled.set(schema, (cursor) => compiled.get(schema)!(cursor))
  const read = compile()
  compiled.set(schema, read)
  return read
}

/**
 * The fewest bytes that a value can take; together with the bytes left this bounds a block's count. A record within a
 * record counts as 0: the bound is still good enough, and recursive or heavily cross-referenced schemas stay cheap.
 */
export function minBytes(schema: AvroSchema, nested = false): number {
  switch (schema.kind) {
    case 'null':
      return 0
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return schema.size
    case 'record':
      return nested ? 0 : schema.fields.reduce((sum, field) => sum + minBytes(field.schema, true), 0)
    default:
      return 1
  }
}

type LogicalSchema = Extract<AvroSchema, { logical?: unknown }>

function logicalReader(schema: LogicalSchema): Read<Value> {
  const { kind, logical } = schema
  if (logical?.as === 'time') {
    const { unit } = logical
    if (unit === 'ns') return readNanosAsMs
    return (cursor) => toMs(readLong(cursor), unit)
  }
  if (kind === 'fixed') {
    const { size } = schema
    if (logical === undefined) return (cursor) => readBase64(cursor, size)
    const { scale } = logical
    return (cursor) => readDecimal(cursor, size, scale)
  }
  if (kind === 'bytes') {
    if (logical === undefined) return (cursor) => readBase64(cursor, readLong(cursor))
    const { scale } = logical
    return (cursor) => readDecimal(cursor, readLong(cursor), scale)
  }
  return kind === 'int' ? readInt : readLong
}

export function enumReader(symbols: readonly string[]): Read<string> {
  return (cursor) => symbols[readIndex(cursor, symbols.length)]!
}

export function unionReader<T>(branches: readonly Read<T>[]): Read<T> {
  return (cursor) => branches[readIndex(cursor, branches.length)]!(cursor)
}

function arrayReader(item: Read<Value>, minItemBytes: number): Read<Value> {
  return (cursor) => {
    const items: Value[] = []
    cursor.enter()
    for (let left = readBlock(cursor, minItemBytes); left > 0; left = readBlock(cursor, minItemBytes)) {
      for (; left > 0; left--) items.push(item(cursor))
    }
    cursor.leave()
    return items
  }
}

/** @param named readers for entries that are not read like the others */
export function mapReader(
  value: Read<Value>,
  minItemBytes: number,
  named?: ReadonlyMap<string, Read<Value>>,
): Read<Value> {
  return (cursor) => {
    const map: Record<string, Value> = Object.create(null)
    cursor.enter()
    for (let left = readBlock(cursor, minItemBytes); left > 0; left = readBlock(cursor, minItemBytes)) {
      for (; left > 0; left--) {
        const name = readName(cursor)
        const read = named?.get(name) ?? value
        map[name] = read(cursor)
      }
    }
    cursor.leave()
    return map
  }
}

export function recordReader(names: readonly AvroField['name'][], readers: readonly Read<Value>[]): Read<Value> {
  return (cursor) => {
    const record: Record<string, Value> = Object.create(null)
    cursor.enter()
    for (let i = 0; i < readers.length; i++) record[names[i]!] = readers[i]!(cursor)
    cursor.leave()
    return record
  }
}

function fixedSkip(bytes: number): Read<void> {
  return (cursor) => {
    take(cursor, bytes)
  }
}

function blocksSkip(item: Read<void>, minItemBytes: number): Read<void> {
  return (cursor) => {
    cursor.enter()
    for (let left = readBlock(cursor, minItemBytes); left > 0; left = readBlock(cursor, minItemBytes)) {
      for (; left > 0; left--) item(cursor)
    }
    cursor.leave()
  }
}

function entrySkip(value: Read<void>): Read<void> {
  return (cursor) => {
    take(cursor, readLong(cursor))
    value(cursor)
  }
}

function recordSkip(fields: readonly Read<void>[]): Read<void> {
  return (cursor) => {
    cursor.enter()
    for (let i = 0; i < fields.length; i++) fields[i]!(cursor)
    cursor.leave()
  }
}
