/** Checks JSON values against an Avro schema, compiled once: what the schema says about a field holds in JSON too. */

import type { Value } from '../events/event.ts'
import type { AvroRecord, AvroSchema, Logical } from './avro-schema.ts'
import { isNothing } from './stand-in.ts'

/** Tells whether a value has the type that a schema gives it. */
export type Fit = (value: Value) => boolean

/** One check for each field of the record. */
export function fieldFits(record: AvroRecord): ReadonlyMap<string, Fit> {
  return recordFits(record, new Map())
}

function recordFits(record: AvroRecord, compiled: Map<AvroSchema, Fit>): ReadonlyMap<string, Fit> {
  return new Map(record.fields.map((field) => [field.name, fit(field.schema, compiled)]))
}

function fit(schema: AvroSchema, compiled: Map<AvroSchema, Fit>): Fit {
  switch (schema.kind) {
    case 'null':
      return (value) => value === null
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'int':
      return (value) => isTime(schema, value) || (typeof value === 'number' && value === (value | 0))
    case 'long':
      return (value) => isTime(schema, value) || Number.isSafeInteger(value) || isNanos(schema, value)
    case 'float':
    case 'double':
      return (value) => typeof value === 'number'
    case 'string':
      return (value) => typeof value === 'string'
    case 'bytes':
    case 'fixed':
      return schema.logical === undefined
        ? (value) => typeof value === 'string'
        : (value) => typeof value === 'number' || typeof value === 'string'
    case 'enum': {
      const symbols = new Set<Value>(schema.symbols)
      return (value) => symbols.has(value)
    }
    case 'union': {
      const branches = schema.branches.map((branch) => fit(branch, compiled))
      return (value) => branches.some((branch) => branch(value))
    }
    case 'array': {
      const item = fit(schema.items, compiled)
      return (value) => isList(value) && value.every(item)
    }
    case 'map': {
      const entry = fit(schema.values, compiled)
      return (value) => isNothing(value) || (isObject(value) && Object.values(value).every(entry))
    }
    case 'record':
      return recordFit(schema, compiled)
  }
}

/** Fields that the schema does not know are allowed, and fields that it knows may be missing or null. */
function recordFit(schema: AvroRecord, compiled: Map<AvroSchema, Fit>): Fit {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  let fields: ReadonlyMap<string, Fit>
  const check: Fit = (value) =>
    isNothing(value) ||
    (isObject(value) &&
      Object.entries(value).every(([name, entry]) => entry === null || (fields.get(name)?.(entry) ?? true)))
  compiled.set(schema, check) // Before its fields: a recursive schema meets it again there.
  fields = recordFits(schema, compiled)
  return check
}

/** Points in time may be written as ISO 8601 text. */
function isTime(schema: AvroSchema & { logical?: unknown }, value: Value): boolean {
  return schema.logical !== undefined && typeof value === 'string'
}

/** ns since 1970 are more than a number holds exactly. */
function isNanos(schema: AvroSchema & { logical?: Logical | undefined }, value: Value): boolean {
  return schema.logical?.as === 'time' && schema.logical.unit === 'ns' && Number.isInteger(value)
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function isObject(value: Value): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
