import { ConfigError, type Fault } from '../../config/fault.ts'
import { mapping as mappingSchema } from '../../config/schema.ts'
import { compileMapping } from '../../config/topic-mapping.ts'
import type { FieldMapping } from '../../ingest/mapping.ts'
import type { Role } from '../../ingest/role.ts'
import { readYamlFile } from './yaml-file.ts'

/**
 * A file that holds what the `mapping` of a topic holds.
 * @throws ConfigError with all faults at once
 */
export function readMappingFile(fileName: string, role?: Role): FieldMapping {
  const { value, source } = readYamlFile(fileName, mappingSchema)
  const faults: Fault[] = []
  const note = (path: readonly string[], fault: unknown) => faults.push(source.fault(path, (fault as Error).message))
  const mapping = compileMapping(value, note, role)
  if (faults.length > 0) throw new ConfigError(faults)
  return mapping
}
