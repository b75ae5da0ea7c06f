import { nearest } from '../expressions/expression.ts'
import { membersRead } from '../expressions/named.ts'
import { surveySchema } from '../ingest/avro.ts'
import { parseAvroSchema } from '../ingest/avro-schema.ts'
import { Plan } from '../ingest/plan.ts'
import { Rejected } from '../ingest/rejected.ts'
import { areStatements } from '../ingest/role.ts'
import { ruleSources } from './rule-sources.ts'
import type { Config, TopicConfig } from './schema.ts'
import { compileMapping } from './topic-mapping.ts'
import type { Hint } from './type-hints.ts'

/**
 * Properties that a rule reads but no topic gives. We can only tell if every topic has a mapping, and a schema file without
 * a map or text whose entries become properties.
 * @param schemaOf the text of a topic's schema file
 */
export function propertyHints(config: Config, schemaOf: (topic: TopicConfig) => string | undefined): Hint[] {
  const given = new Set<string>()
  for (const topic of config.topics) {
    if (areStatements(topic.role)) continue
    if (topic.role === 'outcomes') for (const name of ['outcome', 'action_id', 'action']) given.add(name)
    const names = propertiesOf(topic, schemaOf(topic))
    if (names === undefined) return []
    for (const name of names) given.add(name)
  }
  return ruleSources(config).flatMap(({ source, path }) =>
    membersRead(source, 'properties').flatMap((name): Hint[] => {
      if (given.has(name)) return []
      const near = nearest(name, [...given])
      const message = `no topic gives the property ${name}${near === undefined ? '' : `; did you mean ${near}?`}`
      return [{ path, message }]
    }),
  )
}

/** undefined if they are not known. */
function propertiesOf({ format, mapping }: TopicConfig, text: string | undefined): ReadonlySet<string> | undefined {
  if (mapping === undefined || text === undefined || (format !== 'wire' && format !== 'avro')) return undefined
  const schema = parseAvroSchema(text)
  return schema instanceof Rejected
    ? undefined
    : surveySchema(schema, new Plan(compileMapping(mapping, () => {})))?.properties
}
