import { ConfigError, type Fault } from '../../config/fault.ts'
import { mapping as mappingSchema } from '../../config/schema.ts'
import { compileMapping } from '../../config/topic-mapping.ts'
import type { FieldMapping } from '../../ingest/mapping.ts'
import { readYamlFile } from './yaml-file.ts'

/**
 * A file that holds what the `mapping` of a topic holds.
 * @throws ConfigError with all faults at once
 */
export function readMappingFile(fileName: string): FieldMapping {
  const { value, source } = readYamlFile(fileName, mappingSchema)
  const faults: Fault[] = []
  const mapping = compileMapping(value, (path, fault) => faults.push(source.fault(path, (fault as Error).message)))
  if (faults.length > 0) throw new ConfigError(faults)
  return mapping
}
