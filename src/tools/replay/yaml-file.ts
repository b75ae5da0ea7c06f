import type { z } from 'zod'
import { ConfigError, type Fault } from '../../config/fault.ts'
import { issueText } from '../../config/issue-text.ts'
import { type ConfigSource, readConfigSource } from '../../config/source.ts'

/** A YAML file checked against a schema, with a source that still knows the lines of its parts. */
export interface YamlFile<T> {
  readonly value: T
  readonly source: ConfigSource
}

/** @throws ConfigError with all faults of the file at once */
export function readYamlFile<T>(fileName: string, schema: z.ZodType<T>): YamlFile<T> {
  const source = readConfigSource(fileName)
  if (source.faults.length > 0) throw new ConfigError(source.faults)
  const parsed = schema.safeParse(source.value)
  if (!parsed.success) throw new ConfigError(parsed.error.issues.flatMap((issue) => faultsOf(issue, source, schema)))
  return { value: parsed.data, source }
}

function faultsOf(issue: z.core.$ZodIssue, source: ConfigSource, schema: z.ZodType): Fault[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => source.unknownKey([...path, key], schema))
  }
  if (issue.code === 'invalid_union') {
    // The first alternative that has the value's own type tells best what is wrong.
    const fitting = issue.errors.find((issues) => issues.every(isWithin))
    if (fitting)
      return fitting.flatMap((inner) => faultsOf({ ...inner, path: [...path, ...inner.path] }, source, schema))
  }
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], source.value)
  return [source.fault(path, issueText(issue, value, schema))]
}

const isWithin = ({ path, code }: z.core.$ZodIssue) => path.length > 0 || code === 'unrecognized_keys'
