import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** What all commands of a user share, outside the repository: downloads, and notes on where local servers run. */
type Env = Readonly<Record<string, string | undefined>>

export function cacheFolder(env: Env): string {
  const [own, user] = [env['BECKON_CACHE'], env['XDG_CACHE_HOME']]
  if (own) return resolve(own)
  return user ? join(user, 'beckon') : join(homedir(), '.cache', 'beckon')
}

/** Path of a download in the cache; its name includes the version. */
export function cachePath(name: string): string {
  return join(cacheFolder(process.env), name)
}
