import { fileURLToPath } from 'node:url'
import type { SourceFormat } from '../sources/open.ts'

/** The configuration that a replay runs under when it is given none: one of the examples that come with beckon. */
export function builtInConfig(format: SourceFormat): string {
  const example = format === 'access-log' ? 'access-log' : 'minimal'
  return fileURLToPath(new URL(`../../../../examples/${example}/beckon.yaml`, import.meta.url))
}
