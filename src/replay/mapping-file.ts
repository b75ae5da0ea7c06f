import { ConfigError, type Fault } from '../config/fault.ts'
import { mapping as mappingSchema } from '../config/schema.ts'
import { compileMapping } from '../config/topic-mapping.ts'
import type { FieldMapping } from '../ingest/mapping.ts'
import { readYamlFile } from './yaml-file.ts'

/**
 * A file that holds what the `mapping` of a topic holds.
 * @throws ConfigError with all faults at once
 */
export function readMappingFile(fileName: string): FieldMapping {
  const { value, source } = readYamlFile(fileName, mappingSchema)
  const faults: Fault[] = []
  for (const key of ['customer', 'type', 'time'] as const) {
    const given = value[key] ?? (key === 'customer' ? value.anonymous_id : undefined)
    if (given === undefined) faults.push(source.fault([key], 'missing: a row needs a customer, a type and a time'))
  }
  const mapping = compileMapping(value, (path, fault) => faults.push(source.fault(path, (fault as Error).message)))
  if (faults.length > 0) throw new ConfigError(faults)
  return mapping
}
