/** Downloads that all stacks of a user share, outside the repository. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

export function cacheFolder(env: Env): string {
  const [own, user] = [env['BECKON_CACHE'], env['XDG_CACHE_HOME']]
  if (own) return resolve(own)
  return user ? join(user, 'beckon') : join(homedir(), '.cache', 'beckon')
}

/** Where the cache keeps the download of that name, and versions are part of the name. */
export function cachePath(name: string): string {
  return join(cacheFolder(process.env), name)
}

/**
 * Returns the folder `path`, filled by `download` where it is missing. The download goes to a folder beside it that is
 * renamed when whole, so that an interrupted one is never taken for whole; of two at once the first one wins.
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
