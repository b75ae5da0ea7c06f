import { didYouMean } from '../expressions/expression.ts'
import { surveySchema } from '../ingest/avro.ts'
import { type AvroRecord, type AvroSchema, parseAvroSchema } from '../ingest/avro-schema.ts'
import { nameOf } from '../ingest/mapping.ts'
import { Plan } from '../ingest/plan.ts'
import { Rejected } from '../ingest/rejected.ts'
import type { TopicConfig } from './schema.ts'
import { compileMapping, pathsOf } from './topic-mapping.ts'

type OnFault = (path: readonly string[], fault: unknown) => void

/**
 * Finds what a mapping names but the topic's schema file does not have: it would silently stay empty. With such a file, all
 * records have that schema; with a registry the schema is only known when records come, and with JSON never. Only looks at
 * what compiles; the rest was reported already.
 */
export function checkMapping({ format, role, mapping }: TopicConfig, schemaText: string, onFault: OnFault): void {
  if (mapping === undefined || (format !== 'wire' && format !== 'avro')) return
  const schema = parseAvroSchema(schemaText)
  if (schema instanceof Rejected) return
  const fields = fieldsByPath(schema)
  const compiled = compileMapping(mapping, () => {}, role)
  const survey = surveySchema(schema, new Plan(compiled))
  const lack = (key: keyof typeof mapping) => {
    const paths = pathsOf(mapping[key])
    const message = `the schema has no field ${paths.join(' or ')}${didYouMean(paths[0]!, [...fields.keys()])}`
    onFault([key], new Error(message))
  }
  for (const field of survey?.unreached ?? []) lack(nameOf(field, compiled) as keyof typeof mapping)
  const given = pathsOf(mapping.given)
  if (given.length > 0 && !given.some((path) => fields.has(path))) lack('given')
  const symbols = pathsOf(mapping.type).map((path) => symbolsOf(fields.get(path)))
  if (symbols.length === 0 || symbols.includes(undefined)) return
  const known = symbols.flatMap((some) => some ?? [])
  for (const type of Object.keys(mapping.types ?? {})) {
    if (!known.includes(type))
      onFault(['types', type], new Error(`the schema knows no type ${type}${didYouMean(type, known)}`))
  }
}

/** A recursive schema has endless paths; we only need them for hints, and to check `types`. */
const [maxDepth, maxPaths] = [8, 5_000]

function fieldsByPath(record: AvroRecord, prefix = '', depth = 1, found = new Map<string, AvroSchema>()) {
  for (const { name, schema } of record.fields) {
    if (found.size === maxPaths) return found
    found.set(prefix + name, schema)
    for (const branch of schema.kind === 'union' ? schema.branches : [schema]) {
      if (branch.kind === 'record' && depth < maxDepth) fieldsByPath(branch, `${prefix}${name}.`, depth + 1, found)
    }
  }
  return found
}

/** The symbols of an enum or an optional enum; undefined for anything else. */
function symbolsOf(schema: AvroSchema | undefined): readonly string[] | undefined {
  if (schema?.kind === 'enum') return schema.symbols
  if (schema?.kind !== 'union') return undefined
  const some = schema.branches.filter(({ kind }) => kind !== 'null').map(symbolsOf)
  return some.includes(undefined) ? undefined : some.flatMap((symbols) => symbols ?? [])
}
