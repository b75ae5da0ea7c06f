/**
 * Compiles a writer's schema and a mapping to steps that walk a record's bytes once. What the mapping names goes to its slot
 * of the event, the rest becomes properties, and what nobody reads is skipped without being decoded.
 */

import { Event, Properties, type Value } from '../events/event.ts'
import {
  Cursor,
  readBase64,
  readBlock,
  readId,
  readIndex,
  readInt,
  readLong,
  readLongText,
  readName,
  readNanosAsMs,
  readText,
} from './avro-cursor.ts'
import type { AvroRecord, AvroSchema } from './avro-schema.ts'
import { enumReader, mapReader, minBytes, type Read, recordReader, unionReader, ValueReaders } from './avro-values.ts'
import { parseTime, toMs } from './event-time.ts'
import type { MappedField } from './mapping.ts'
import { collects, type PathNode, type Plan, placesOf, placesWithin, type Target } from './plan.ts'
import type { PropertyCollector } from './property-shape.ts'
import { collectEntries, eventFromRecord } from './record.ts'
import { type Place, Rejected, rejected, thrownAt } from './rejected.ts'

const trailing = rejected('trailing', 'bytes are left behind the value')
const missingFields = rejected('unresolvable', 'the schema has no field for what an event must have')
const unfit = rejected('unresolvable', 'a field of the schema has another type than the mapping needs')

/** Reads the event in the bytes from `start` to `end`. Throws shared rejections. */
export type EventReader = (bytes: Buffer, start: number, end: number) => Event

type Step = (cursor: Cursor, event: Event) => void

/** Readers of a record's fields, one after the other, and where each field is. */
interface Fields {
  readonly steps: readonly Step[]
  readonly places: readonly Place[]
}

export function compileAvroReader(schema: AvroRecord, plan: Plan): EventReader | Rejected {
  const compiler = new EventCompiler(plan)
  try {
    const fields = compiler.fields(schema, plan.root, '')
    const missing = plan.missing(compiler.found)
    if (missing !== undefined) return missingFields.at(missing)
    return plan.needsRecord ? wholeReader(plan, schema, compiler) : selectiveReader(plan, fields)
  } catch (fault) {
    if (fault instanceof Rejected) return fault
    throw fault
  }
}

/** What a mapping gets out of a schema's records. */
export interface Survey {
  /** Fields of the mapping that the schema has nothing for. */
  readonly unreached: readonly MappedField[]
  /** The names of the properties; undefined if a map or a text may hold any. */
  readonly properties: ReadonlySet<string> | undefined
}

/** undefined if the schema can't serve the mapping at all. */
export function surveySchema(schema: AvroRecord, plan: Plan): Survey | undefined {
  const compiler = new EventCompiler(plan)
  try {
    compiler.fields(schema, plan.root, '')
  } catch (fault) {
    if (fault instanceof Rejected) return undefined
    throw fault
  }
  const { found, properties, isOpen } = compiler
  if (plan.missing(found) !== undefined) return undefined
  return { unreached: plan.unreached(found), properties: isOpen ? undefined : properties }
}

function selectiveReader(plan: Plan, { steps, places }: Fields): EventReader {
  const cursor = new Cursor()
  return (bytes, start, end) => {
    const event = new Event()
    cursor.open(bytes, start, end)
    plan.begin(event)
    let i = 0
    try {
      for (; i < steps.length; i++) steps[i]!(cursor, event)
    } catch (fault) {
      throw thrownAt(fault, places[i]!)
    }
    if (cursor.at !== cursor.end) throw trailing
    plan.finish(event, Properties.empty)
    return event
  }
}

/** For mappings with functions of the whole record: all of it is read, then walked like JSON. */
function wholeReader(plan: Plan, schema: AvroRecord, compiler: EventCompiler): EventReader {
  const cursor = new Cursor()
  const known = knownNames(schema, plan.root)
  const names = Object.freeze(schema.fields.map((field, i) => known[i] ?? field.name))
  const readers = schema.fields.map((field, i) => compiler.value(field.schema, childOf(plan.root, known[i])))
  const places = schema.fields.map((field, i) => fieldPlace(field.name, childOf(plan.root, known[i])))
  return (bytes, start, end) => {
    cursor.open(bytes, start, end)
    const values = readers.map((read, i) => {
      try {
        return read(cursor)
      } catch (fault) {
        throw thrownAt(fault, places[i]!)
      }
    })
    if (cursor.at !== cursor.end) throw trailing
    return eventFromRecord(plan, new Properties(names, values))
  }
}

class EventCompiler {
  readonly found = new Set<Target>()
  /** Names of properties; the traits of a group are one. */
  readonly properties = new Set(['traits'])
  /** Whether there may be others, in a map or a text. */
  isOpen = false
  readonly #plan: Plan
  readonly #values = new ValueReaders()

  constructor(plan: Plan) {
    this.#plan = plan
  }

  fields(record: AvroRecord, within: PathNode, prefix: string): Fields {
    const known = knownNames(record, within)
    const nodes = known.map((name) => childOf(within, name))
    const steps = record.fields.map(({ name, schema }, i) => {
      const [node, path] = [nodes[i], prefix + name]
      return node === undefined ? this.#unnamed(schema, path) : this.#steps(schema, node, path)
    })
    return { steps, places: record.fields.map(({ name }, i) => fieldPlace(prefix + name, nodes[i])) }
  }

  /** The value of a field in a record that is read as a whole. Ids are read as ids there too. */
  value(schema: AvroSchema, node: PathNode | undefined): Read<Value> {
    if (node === undefined) return this.#values.read(schema)
    if (schema.kind === 'union') return unionReader(schema.branches.map((branch) => this.value(branch, node)))
    if (schema.kind === 'record' && node.children.size > 0) {
      const known = knownNames(schema, node)
      return recordReader(
        schema.fields.map((field, i) => known[i] ?? field.name),
        schema.fields.map((field, i) => this.value(field.schema, childOf(node, known[i]))),
      )
    }
    if (schema.kind === 'map' && node.children.size > 0) {
      const named = new Map([...node.children].map(([name, child]) => [name, this.value(schema.values, child)]))
      return mapReader(this.#values.read(schema.values), minBytes(schema.values) + 1, named)
    }
    const isId = node.targets.some((target) => target.kind === 'text' && target.id)
    const isText = isId && (schema.kind === 'string' || schema.kind === 'long')
    const [read, place] = [isText ? textReader(schema, true) : this.#values.read(schema), placesOf(node)]
    return (cursor) => {
      try {
        return read(cursor)
      } catch (fault) {
        throw thrownAt(fault, place)
      }
    }
  }

  #unnamed(schema: AvroSchema, path: string): Step {
    if (!this.#plan.keeps(path)) return this.#values.skip(schema)
    const { properties, keepsNulls } = this.#plan
    const branchStep = (branch: AvroSchema) => this.#unnamed(branch, path)
    if (schema.kind === 'union') {
      return keepsNulls ? anyStep(schema.branches.map(branchStep)) : unionStep(schema.branches, branchStep)
    }
    if (schema.kind === 'null') return keepsNulls ? () => properties.add(path, null) : () => {}
    this.properties.add(path)
    const read = this.#values.read(schema)
    return (cursor) => properties.add(path, read(cursor))
  }

  /** Throws a rejection that names the field and its path if the schema can't serve the mapping. */
  #steps(schema: AvroSchema, node: PathNode, path: string): Step {
    const steps = node.targets.map((target) => {
      try {
        return this.#target(schema, target)
      } catch (fault) {
        throw thrownAt(fault, target.place)
      }
    })
    if (node.children.size > 0) steps.push(this.#within(schema, node, `${path}.`))
    if (steps.length === 1) return steps[0]!
    // Several targets read the same bytes, one after the other.
    return (cursor, event) => {
      const { at } = cursor
      for (let i = 0; i < steps.length; i++) {
        cursor.at = at
        steps[i]!(cursor, event)
      }
    }
  }

  #target(schema: AvroSchema, target: Target): Step {
    this.found.add(target)
    if (schema.kind === 'union') return unionStep(schema.branches, (branch) => this.#target(branch, target))
    if (collects(target)) return this.#entries(schema, this.#plan[target.kind])
    if (target.kind === 'text') {
      const { set } = target
      if (schema.kind === 'string') return this.#stringStep(target)
      const read = textReader(schema, target.id)
      return (cursor, event) => set(event, read(cursor))
    }
    const { set } = target
    const read = target.kind === 'number' ? this.#numberReader(schema) : this.#timeReader(schema, target.unit)
    return (cursor, event) => set(event, read(cursor))
  }

  /** Most fields are strings: each step calls its reader by name, so that the engine can inline it. */
  #stringStep({ set, id, repeats }: Target & { kind: 'text' }): Step {
    const { known } = this.#plan
    if (repeats) return (cursor, event) => set(event, known.read(cursor))
    return id ? (cursor, event) => set(event, readId(cursor)) : (cursor, event) => set(event, readText(cursor))
  }

  #numberReader(schema: AvroSchema): Read<number> {
    switch (schema.kind) {
      case 'int':
      case 'long':
      case 'float':
      case 'double':
        return this.#values.read(schema) as Read<number>
      case 'bytes':
      case 'fixed':
        if (schema.logical?.as === 'decimal') return this.#values.read(schema) as Read<number>
    }
    throw unfit
  }

  #timeReader(schema: AvroSchema, unit: (Target & { kind: 'time' })['unit']): Read<number> {
    if (schema.kind === 'string') return (cursor) => parseTime(readText(cursor), unit)
    if (schema.kind === 'long' && schema.logical === undefined && unit === 'ns') return readNanosAsMs
    const read = this.#numberReader(schema)
    if ('logical' in schema && schema.logical?.as === 'time') return read
    return (cursor) => toMs(read(cursor), unit)
  }

  /** A record or map of which the mapping names some fields or entries. */
  #within(schema: AvroSchema, node: PathNode, prefix: string): Step {
    switch (schema.kind) {
      case 'union':
        return unionStep(schema.branches, (branch) => this.#within(branch, node, prefix))
      case 'record': {
        const { steps, places } = this.fields(schema, node, prefix)
        return (cursor, event) => {
          cursor.enter()
          let i = 0
          try {
            for (; i < steps.length; i++) steps[i]!(cursor, event)
          } catch (fault) {
            throw thrownAt(fault, places[i]!)
          }
          cursor.leave()
        }
      }
      case 'map':
        return this.#withinMap(schema.values, node, prefix)
      default:
        throw unfit.at(placesWithin(node))
    }
  }

  #withinMap(values: AvroSchema, node: PathNode, prefix: string): Step {
    this.isOpen = true
    const plan = this.#plan
    const minItemBytes = minBytes(values) + 1
    const read = this.#values.read(values)
    const named = new Map<string, { readonly step: Step; readonly place: Place }>()
    for (const [name, { targets, children }] of node.children) {
      // If the map's values have no fields, a longer path can only match a name with dots in it.
      const reachable = hasFields(values) ? children : new Map<string, PathNode>()
      if (targets.length === 0 && reachable.size === 0) continue
      const entry = { targets, children: reachable }
      named.set(name, { step: this.#steps(values, entry, prefix + name), place: fieldPlace(prefix + name, entry) })
    }
    return (cursor, event) => {
      cursor.enter()
      for (let left = readBlock(cursor, minItemBytes); left > 0; left = readBlock(cursor, minItemBytes)) {
        for (; left > 0; left--) {
          const name = readName(cursor)
          const entry = named.get(name)
          if (entry !== undefined) {
            try {
              entry.step(cursor, event)
            } catch (fault) {
              throw thrownAt(fault, entry.place)
            }
            continue
          }
          const value = read(cursor)
          if ((value !== null || plan.keepsNulls) && plan.keeps(prefix + name))
            plan.properties.add(prefix + name, value)
        }
      }
      cursor.leave()
    }
  }

  #entries(schema: AvroSchema, collector: PropertyCollector): Step {
    const { keepsNulls } = this.#plan
    if (collector === this.#plan.properties) {
      if (schema.kind === 'record') for (const { name } of schema.fields) this.properties.add(name)
      else this.isOpen = true
    }
    switch (schema.kind) {
      case 'string':
        return (cursor) => collectEntries(collector, readText(cursor))
      case 'record': {
        const readers = schema.fields.map((field) => this.#values.read(field.schema))
        return (cursor) => {
          cursor.enter()
          for (let i = 0; i < readers.length; i++) {
            const value = readers[i]!(cursor)
            if (value !== null || keepsNulls) collector.add(schema.fields[i]!.name, value)
          }
          cursor.leave()
        }
      }
      case 'map': {
        const minItemBytes = minBytes(schema.values) + 1
        const read = this.#values.read(schema.values)
        return (cursor) => {
          cursor.enter()
          for (let left = readBlock(cursor, minItemBytes); left > 0; left = readBlock(cursor, minItemBytes)) {
            for (; left > 0; left--) collector.add(readName(cursor), read(cursor))
          }
          cursor.leave()
        }
      }
      default:
        throw unfit
    }
  }
}

/**
 * The name by which the mapping knows each field of a record: the field's own, or else an alias that is neither another
 * field's name nor taken by an earlier field. undefined if the mapping does not know the field.
 */
function knownNames({ fields }: AvroRecord, within: PathNode): readonly (string | undefined)[] {
  const taken = new Set(fields.map(({ name }) => name))
  return fields.map(({ name, aliases }) => {
    if (within.children.has(name)) return name
    const alias = aliases.find((other) => within.children.has(other) && !taken.has(other))
    if (alias !== undefined) taken.add(alias)
    return alias
  })
}

/** Where a field is: what the mapping reads of it, or its name in the schema. */
function fieldPlace(path: string, node: PathNode | undefined): Place {
  return node === undefined || node.targets.length === 0 ? { text: path, fields: [] } : placesOf(node)
}

function childOf(within: PathNode, name: string | undefined): PathNode | undefined {
  return name === undefined ? undefined : within.children.get(name)
}

function hasFields(schema: AvroSchema): boolean {
  return schema.kind === 'union' ? schema.branches.some(hasFields) : schema.kind === 'record' || schema.kind === 'map'
}

/** A null leaves the event as it is. */
function unionStep(branches: readonly AvroSchema[], compile: (branch: AvroSchema) => Step): Step {
  const [first, second] = branches
  if (branches.length === 2 && first!.kind === 'null') {
    // An optional field: most often null, and then there is no step to call.
    const step = compile(second!)
    return (cursor, event) => {
      if (readIndex(cursor, 2) === 1) step(cursor, event)
    }
  }
  return anyStep(branches.map((branch) => (branch.kind === 'null' ? () => {} : compile(branch))))
}

/** @param steps of a union's branches */
const anyStep =
  (steps: readonly Step[]): Step =>
  (cursor, event) =>
    steps[readIndex(cursor, steps.length)]!(cursor, event)

function textReader(schema: AvroSchema, id: boolean): Read<string> {
  switch (schema.kind) {
    case 'string':
      return id ? readId : readText
    case 'enum':
      return enumReader(schema.symbols)
    case 'int':
      return (cursor) => String(readInt(cursor))
    case 'long':
      return readLongText
    case 'fixed': {
      const { size } = schema
      return (cursor) => readBase64(cursor, size)
    }
    case 'bytes':
      return (cursor) => readBase64(cursor, readLong(cursor))
    default:
      throw unfit
  }
}
