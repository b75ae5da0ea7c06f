/** Downloads that all stacks of a user share, outside the repository. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Returns the folder `path`, filled by `download` if it is missing. The download goes to a folder beside it, which is
 * renamed when complete; so an interrupted one is never taken for complete. If two run at once, the first one wins.
 */
export async function fetchOnce(path: string, download: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) return path
  mkdirSync(dirname(path), { recursive: true })
  const partial = mkdtempSync(`${path}.partial-`)
  try {
    await download(partial)
    if (!existsSync(path)) renameSync(partial, path)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return path
}
