/**
 * Who may use a local ClickHouse, and how the commands of the user who started it find the password. Without one any web
 * page could have it read files: a browser sends such a page's simple requests to the loopback interface unasked.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath } from '../../user-cache.ts'

export const localUser = 'beckon'

/** One file a port, which holds the folder of the server that was last started there. */
export const portsFolder = () => cachePath('clickhouse-ports')

/** The password's file in the part's folder; there is none where an earlier version started the server. */
export const passwordFile = (folder: string) => join(folder, 'password')

export function readPassword(folder: string): string | undefined {
  const path = passwordFile(folder)
  return (existsSync(path) && readFileSync(path, 'utf8').trim()) || undefined
}

/** Of the local server that was last at the port, also while it is down: who connects then waits for it. */
function passwordAt(port: number): string | undefined {
  const path = join(portsFolder(), String(port))
  return existsSync(path) ? readPassword(readFileSync(path, 'utf8')) : undefined
}

/** How to log in where the URL is that of a local stack's ClickHouse that this user started, and it asks for a password. */
export function accessTo(url: string): { url: string; username: string; password: string } | undefined {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'http:' || !['localhost', '127.0.0.1'].includes(hostname)) return undefined
  const password = passwordAt(Number(port))
  // By its address: something else may listen at another one that `localhost` stands for.
  return password ? { url: `http://127.0.0.1:${port}`, username: localUser, password } : undefined
}
