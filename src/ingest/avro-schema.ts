/**
 * Avro schemas as values. A writer's schema comes from outside, so it is checked and bounded before anything is
 * compiled from it: 256 KiB of text, 2,000 fields, 32 levels. Names are as in the Avro specification 1.12. Names that are
 * special in JavaScript (`__proto__`, `constructor`) are safe: they never become keys of an object with a prototype.
 */

import { type Rejected, rejected } from './rejected.ts'

const maxSchemaBytes = 256 * 1024
const maxFields = 2000
const maxSchemaDepth = 32
const maxFixedBytes = 64 * 1024

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'] as const
type Primitive = (typeof primitives)[number]

/** The logical types that change the value. Any other is read as its plain encoding. */
export type Logical =
  | { readonly as: 'decimal'; readonly scale: number }
  | { readonly as: 'time'; readonly unit: 'day' | 'ms' | 'us' | 'ns' }

export interface AvroRecord {
  readonly kind: 'record'
  readonly name: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly aliases: readonly string[]
  readonly schema: AvroSchema
}

/** A checked schema. A named type is the same object wherever it is used, so a recursive schema is a cycle. */
export type AvroSchema =
  | { readonly kind: Primitive; readonly logical?: Logical | undefined }
  | { readonly kind: 'fixed'; readonly size: number; readonly logical?: Logical | undefined }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array'; readonly items: AvroSchema }
  | { readonly kind: 'map'; readonly values: AvroSchema }
  | { readonly kind: 'union'; readonly branches: readonly AvroSchema[] }
  | AvroRecord

const notJson = rejected('bad_schema', 'the schema is not JSON')
const malformed = rejected('bad_schema', 'the schema is not valid Avro')
const tooLarge = rejected('bad_schema', 'the schema is larger than 256 KiB')
const tooManyFields = rejected('bad_schema', 'the schema has more than 2,000 fields')
const tooDeep = rejected('bad_schema', 'the schema is nested deeper than 32 levels')
const badName = rejected('bad_schema', 'the schema has a name that is invalid or taken')
const notRecord = rejected('bad_schema', 'the schema is not a record')

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/
const timeTypes = new Map<string, { readonly kind: Primitive; readonly unit: 'day' | 'ms' | 'us' | 'ns' }>([
  ['date', { kind: 'int', unit: 'day' }],
  ['timestamp-millis', { kind: 'long', unit: 'ms' }],
  ['timestamp-micros', { kind: 'long', unit: 'us' }],
  ['timestamp-nanos', { kind: 'long', unit: 'ns' }],
  ['local-timestamp-millis', { kind: 'long', unit: 'ms' }],
  ['local-timestamp-micros', { kind: 'long', unit: 'us' }],
  ['local-timestamp-nanos', { kind: 'long', unit: 'ns' }],
])

type Json = { readonly [name: string]: unknown }

const isJsonObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The record schema in `text`. `references` are the texts of schemas whose named types it uses, each after the ones it
 * uses itself.
 */
export function parseAvroSchema(text: string, references: readonly string[] = []): AvroRecord | Rejected {
  const parser = new SchemaParser()
  for (const reference of references) {
    const schema = parser.parseText(reference)
    if ('reason' in schema) return schema
  }
  const schema = parser.parseText(text)
  if ('reason' in schema || schema.kind === 'record') return schema
  return notRecord
}

/** Faults are thrown as the shared rejections above; `parseText` returns them as values. */
class SchemaParser {
  readonly #named = new Map<string, AvroSchema>()
  #fields = 0
  #bytes = 0

  parseText(text: string): AvroSchema | Rejected {
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > maxSchemaBytes) return tooLarge
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return notJson // The parser's message quotes the text, so we drop it.
    }
    try {
      return this.#parse(json, '', 0)
    } catch (fault) {
      if (fault === malformed || fault === tooManyFields || fault === tooDeep || fault === badName) {
        return fault as Rejected
      }
      throw fault
    }
  }

  #parse(json: unknown, namespace: string, depth: number): AvroSchema {
    if (depth > maxSchemaDepth) throw tooDeep
    if (typeof json === 'string') return this.#reference(json, namespace)
    if (Array.isArray(json)) return this.#union(json, namespace, depth)
    if (!isJsonObject(json)) throw malformed
    const type = json['type']
    switch (type) {
      case 'array':
        return { kind: 'array', items: this.#parse(json['items'], namespace, depth + 1) }
      case 'map':
        return { kind: 'map', values: this.#parse(json['values'], namespace, depth + 1) }
      case 'enum':
        return this.#enum(json, namespace)
      case 'fixed':
        return this.#fixed(json, namespace)
      case 'record':
      case 'error':
        return this.#record(json, namespace, depth)
      default:
        return withLogical(this.#parse(type, namespace, depth + 1), json)
    }
  }

  #reference(name: string, namespace: string): AvroSchema {
    if (primitives.includes(name as Primitive)) return { kind: name as Primitive }
    // With a dot it is a full name, and the enclosing namespace is not put before it.
    const isRelative = namespace !== '' && !name.includes('.')
    const known = (isRelative && this.#named.get(`${namespace}.${name}`)) || this.#named.get(name)
    if (!known) throw malformed
    return known
  }

  #union(json: readonly unknown[], namespace: string, depth: number): AvroSchema {
    const branches = json.map((branch) => this.#parse(branch, namespace, depth + 1))
    if (branches.length === 0 || branches.some((branch) => branch.kind === 'union')) throw malformed
    return { kind: 'union', branches }
  }

  #enum(json: Json, namespace: string): AvroSchema {
    const symbols = json['symbols']
    if (!Array.isArray(symbols) || symbols.length === 0) throw malformed
    return this.#define(json, namespace, { kind: 'enum', symbols: symbols.map(checkedName) })
  }

  #fixed(json: Json, namespace: string): AvroSchema {
    const size = json['size']
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > maxFixedBytes) throw malformed
    return this.#define(json, namespace, withLogical({ kind: 'fixed', size }, json))
  }

  #record(json: Json, namespace: string, depth: number): AvroRecord {
    const fields: AvroField[] = []
    // Define it before reading its fields: they may refer to it.
    const record: AvroRecord = { kind: 'record', name: String(json['name']), fields }
    this.#define(json, namespace, record)
    const inner = fullName(json, namespace).split('.').slice(0, -1).join('.')
    const names = new Set<string>()
    if (!Array.isArray(json['fields'])) throw malformed
    for (const field of json['fields'] as unknown[]) {
      if (!isJsonObject(field)) throw malformed
      if (++this.#fields > maxFields) throw tooManyFields
      const name = checkedName(field['name'])
      if (names.has(name)) throw badName
      names.add(name)
      fields.push({ name, aliases: aliasesOf(field), schema: this.#parse(field['type'], inner, depth + 1) })
    }
    return record
  }

  #define<S extends AvroSchema>(json: Json, namespace: string, schema: S): S {
    const name = fullName(json, namespace)
    for (const part of name.split('.')) checkedName(part)
    if (this.#named.has(name) || primitives.includes(name as Primitive)) throw badName
    this.#named.set(name, schema)
    return schema
  }
}

function checkedName(name: unknown): string {
  if (typeof name !== 'string' || !namePattern.test(name)) throw badName
  return name
}

/** Any text will do: an old name of a field need not be a valid Avro name. */
function aliasesOf({ aliases }: Json): readonly string[] {
  return Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === 'string') : []
}

function fullName(json: Json, namespace: string): string {
  const { name, namespace: own } = json
  if (typeof name !== 'string') throw badName
  if (name.includes('.')) return name
  const space = typeof own === 'string' ? own : namespace
  return space === '' ? name : `${space}.${name}`
}

/** A logical type that does not fit its encoding is ignored, as the Avro specification says. */
function withLogical(schema: AvroSchema, json: Json): AvroSchema {
  const logicalType = json['logicalType']
  if (typeof logicalType !== 'string') return schema
  if (logicalType === 'decimal' && (schema.kind === 'bytes' || schema.kind === 'fixed')) {
    const scale = json['scale'] ?? 0
    if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > 100) return schema
    return { ...schema, logical: { as: 'decimal', scale } }
  }
  const time = timeTypes.get(logicalType)
  if (time === undefined || time.kind !== schema.kind) return schema
  return { kind: time.kind, logical: { as: 'time', unit: time.unit } }
}
