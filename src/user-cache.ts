import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** What all commands of a user share, outside the repository: downloads, and where local servers are. */
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
