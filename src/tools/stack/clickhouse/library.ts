/** The optional packages that hold ClickHouse: chdb brings its shared library, ffi-rs calls it. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The path of ClickHouse's shared library; undefined where the optional packages are missing. */
export function chdbLibrary(): string | undefined {
  try {
    require.resolve('ffi-rs')
    // Not imported by name: without the optional packages this file must still compile and load.
    const chdb = require('chdb/libchdb') as { tryResolveLibchdb(): { path: string } | undefined }
    return chdb.tryResolveLibchdb()?.path
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

export function chdbIsInstalled(): boolean {
  return chdbLibrary() !== undefined
}
