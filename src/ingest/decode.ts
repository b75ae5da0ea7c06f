/**
 * Turns a record's value into an event, or into the reason why not. Pure and bounded; nothing that was sent makes it throw.
 * Schemas come from outside by `addSchema`; a value whose schema is not known yet asks for it.
 */

import assert from 'node:assert/strict'
import type { Event } from '../events/event.ts'
import { compileAvroReader, type EventReader } from './avro.ts'
import { type AvroRecord, parseAvroSchema } from './avro-schema.ts'
import { parseJsonObject } from './json.ts'
import { fieldFits } from './json-fit.ts'
import { defaultMapping, type FieldMapping } from './mapping.ts'
import { Plan } from './plan.ts'
import { eventFromRecord } from './record.ts'
import type { RecordHead } from './record-head.ts'
import { Rejected, rejected } from './rejected.ts'

const defaultMaxBytes = 64 * 1024
/** Readers kept by schema id; the least recently used make room. */
const maxSchemas = 1000
/** How long a schema that we could not get stays refused before we ask again. */
const refusalMs = 60_000
const headerBytes = 5

/** A null value: in a compacted topic it deletes the key. Not a fault; the caller skips it, or takes it as an erasure. */
export const tombstone = rejected('tombstone', 'the value is null')
const tooShort = rejected('too_short', 'shorter than the header of the wire format')
const tooLarge = rejected('too_large', 'larger than the topic allows')
const badMagic = rejected('bad_magic', 'the first byte is not that of the wire format')
const badId = rejected('unknown_schema', 'a schema id is at least 1')
const noSchema = rejected('bad_schema', 'the format needs a schema file')

export interface DecoderOptions {
  /** `confluent`: wire format, schema by id from the registry. `confluent-file`: wire format, the schema given here. */
  readonly format: 'confluent' | 'confluent-file' | 'avro' | 'json'
  /** Default: the mapping of our own events, which fits Segment's JSON calls too. */
  readonly mapping?: FieldMapping
  /** Schema text. `confluent-file` and `avro` need it; with `json`, the properties are checked against it. */
  readonly schema?: string
  /** The largest value in bytes, 64 KiB if not given. */
  readonly maxBytes?: number
  /** The values are rows of a file, not records with a key and a timestamp. */
  readonly isOfFile?: boolean
}

/** The schema is not known yet: fetch it, `addSchema`, decode again. */
export class UnknownSchema {
  readonly id: number

  constructor(id: number) {
    this.id = id
  }
}

export interface FetchedSchema {
  readonly text: string
  /** Texts of the schemas it refers to, each after the ones it refers to itself. */
  readonly references: readonly string[]
}

export interface Decoder {
  /** Fill it before each record; there only if the mapping reads the record's key or timestamp. */
  readonly head: RecordHead | undefined
  /**
   * Reads the value in the bytes from `start` to `end`, by default all of them. `nowMs` only decides when to ask again for
   * a schema that we could not get.
   */
  decode(bytes: Buffer | null, nowMs: number, start?: number, end?: number): Event | Rejected | UnknownSchema
  /** What the registry said: a schema, or why there is none. A refusal holds for 60 s. */
  addSchema(id: number, schema: FetchedSchema | Rejected, nowMs: number): void
  /** A rejection of an event from this decoder, with where its fields were mapped from. */
  placed(fault: Rejected): Rejected
}

/** Rejected if the options' own schema is unusable: a fault of the configuration. */
export function compileDecoder(options: DecoderOptions): Decoder | Rejected {
  const plan = planOf(options)
  if (plan instanceof Rejected) return plan
  const { maxBytes = defaultMaxBytes } = options
  if (options.format === 'confluent') return new RegistryDecoder(plan, maxBytes)
  const schema = options.schema === undefined ? undefined : parseAvroSchema(options.schema)
  if (schema instanceof Rejected) return schema
  if (options.format === 'json') return new FixedDecoder(plan, maxBytes, jsonReader(plan, schema))
  if (schema === undefined) return noSchema
  const read = compileAvroReader(schema, plan)
  if (read instanceof Rejected) return read
  return new FixedDecoder(plan, maxBytes, options.format === 'avro' ? read : framedReader(read))
}

function planOf({ mapping = defaultMapping, isOfFile = false }: DecoderOptions): Plan | Rejected {
  try {
    return new Plan(mapping, isOfFile)
  } catch (fault) {
    if (fault instanceof Rejected) return fault
    throw fault
  }
}

function jsonReader(plan: Plan, schema: AvroRecord | undefined): EventReader {
  const fits = schema && fieldFits(schema)
  return (bytes, start, end) =>
    eventFromRecord(plan, parseJsonObject(bytes.toString('utf8', start, end), plan.root), fits)
}

function framedReader(read: EventReader): EventReader {
  return (bytes, start, end) => {
    const id = schemaId(bytes, start, end)
    try {
      return read(bytes, start + headerBytes, end)
    } catch (fault) {
      throw fault instanceof Rejected ? fault.withSchema(id) : fault
    }
  }
}

/** The schema id in the wire format's header. Throws shared rejections. */
function schemaId(bytes: Buffer, start: number, end: number): number {
  if (end - start < headerBytes) throw tooShort
  if (bytes[start] !== 0) throw badMagic
  return (bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!
}

/** One schema for all values. */
class FixedDecoder implements Decoder {
  readonly head: RecordHead | undefined
  readonly #plan: Plan
  readonly #maxBytes: number
  readonly #read: EventReader

  constructor(plan: Plan, maxBytes: number, read: EventReader) {
    this.head = plan.head
    this.#plan = plan
    this.#maxBytes = maxBytes
    this.#read = read
  }

  decode(bytes: Buffer | null, _nowMs: number, start = 0, end = bytes?.length ?? 0): Event | Rejected {
    if (bytes === null) return tombstone
    if (end - start > this.#maxBytes) return tooLarge
    try {
      return this.#read(bytes, start, end)
    } catch (fault) {
      if (fault instanceof Rejected) return fault
      throw fault
    }
  }

  addSchema(): void {
    assert.fail('a decoder with a schema of its own asks for none')
  }

  placed(fault: Rejected): Rejected {
    return this.#plan.placed(fault)
  }
}

interface Compiled {
  readonly reader: EventReader | Rejected
  readonly untilMs: number
}

/** A schema for each id, compiled at its first value. */
class RegistryDecoder implements Decoder {
  readonly head: RecordHead | undefined
  readonly #plan: Plan
  readonly #maxBytes: number
  /** Least recently used first. */
  readonly #compiled = new Map<number, Compiled>()
  #lastId = 0
  #last: Compiled | undefined

  constructor(plan: Plan, maxBytes: number) {
    this.head = plan.head
    this.#plan = plan
    this.#maxBytes = maxBytes
  }

  decode(bytes: Buffer | null, nowMs: number, start = 0, end = bytes?.length ?? 0): Event | Rejected | UnknownSchema {
    if (bytes === null) return tombstone
    if (end - start > this.#maxBytes) return tooLarge
    let id = -1
    try {
      id = schemaId(bytes, start, end)
      if (id < 1) throw badId
      const compiled = id === this.#lastId ? this.#last : this.#find(id)
      if (compiled === undefined || compiled.untilMs <= nowMs) return new UnknownSchema(id)
      const { reader } = compiled
      return reader instanceof Rejected ? reader : reader(bytes, start + headerBytes, end)
    } catch (fault) {
      if (fault instanceof Rejected) return id < 0 ? fault : fault.withSchema(id)
      throw fault
    }
  }

  addSchema(id: number, schema: FetchedSchema | Rejected, nowMs: number): void {
    if (schema instanceof Rejected) {
      this.#keep(id, { reader: schema.withSchema(id), untilMs: nowMs + refusalMs })
    } else {
      const parsed = parseAvroSchema(schema.text, schema.references)
      const reader = parsed instanceof Rejected ? parsed : compileAvroReader(parsed, this.#plan)
      const untilMs = Number.POSITIVE_INFINITY // What an id stands for never changes.
      this.#keep(id, { reader: reader instanceof Rejected ? reader.withSchema(id) : reader, untilMs })
    }
  }

  placed(fault: Rejected): Rejected {
    return this.#plan.placed(fault)
  }

  #find(id: number): Compiled | undefined {
    const compiled = this.#compiled.get(id)
    if (compiled !== undefined) this.#keep(id, compiled)
    return compiled
  }

  #keep(id: number, compiled: Compiled): void {
    this.#compiled.delete(id)
    this.#compiled.set(id, compiled)
    if (this.#compiled.size > maxSchemas) this.#compiled.delete(this.#compiled.keys().next().value!)
    this.#lastId = id
    this.#last = compiled
  }
}
