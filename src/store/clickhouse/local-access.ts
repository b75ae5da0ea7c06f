/**
 * Who may use a local ClickHouse, and how commands of the user who started it find the password. Without a password, any web
 * page could make it read files: a browser sends a page's simple requests to the loopback interface without asking.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath } from '../../user-cache.ts'

export const localUser = 'beckon'

/** One file per port, which holds the folder of the server that was last started there. */
export const portsFolder = () => cachePath('clickhouse-ports')

/** The password file in the server's folder; missing where an earlier version started the server. */
export const passwordFile = (folder: string) => join(folder, 'password')

export function readPassword(folder: string): string | undefined {
  const path = passwordFile(folder)
  return (existsSync(path) && readFileSync(path, 'utf8').trim()) || undefined
}

/** The password of the local server last started at the port, even while it is down: clients then wait for it. */
function passwordAt(port: number): string | undefined {
  const path = join(portsFolder(), String(port))
  return existsSync(path) ? readPassword(readFileSync(path, 'utf8')) : undefined
}

/** How to log in, where the URL is that of a local ClickHouse that this user started and that has a password. */
export function accessTo(url: string): { url: string; username: string; password: string } | undefined {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'http:' || !['localhost', '127.0.0.1'].includes(hostname)) return undefined
  const password = passwordAt(Number(port))
  // Not `localhost`: something else may listen at another address that it resolves to.
  return password ? { url: `http://127.0.0.1:${port}`, username: localUser, password } : undefined
}
