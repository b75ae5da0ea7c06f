/**
 * Who may use a local ClickHouse, and how the commands of the user who started it find the password. Without one any web
 * page could have it read files: a browser sends such a page's simple requests to the loopback interface unasked.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath } from '../cache.ts'
import { readRecord } from '../process.ts'

export const localUser = 'beckon'

/** The password's file in the part's folder; there is none where an earlier version started the server. */
export const passwordFile = (folder: string) => join(folder, 'password')

export function readPassword(folder: string): string | undefined {
  const path = passwordFile(folder)
  return (existsSync(path) && readFileSync(path, 'utf8').trim()) || undefined
}

/** Makes the folder's password where it has none, and writes what ClickHouse reads at its start. */
export function prepareAccess(folder: string): void {
  if (readPassword(folder) === undefined) write(folder, 'password', `${randomBytes(24).toString('base64url')}\n`)
  write(folder, 'users.xml', users(readPassword(folder)!))
  write(folder, 'config.xml', config)
}

const write = (folder: string, name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 })

/**
 * The session that holds the server open is always that of `default`, without a password: it takes the one session that
 * this user may have, so that nobody else can be it. `beckon` may do everything but reach files and other servers; a file
 * in `users.d` may add others.
 */
const users = (password: string) => `<clickhouse>
  <profiles>
    <default></default>
    <holder><max_sessions_for_user>1</max_sessions_for_user></holder>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <default>
      <no_password/><networks><ip>127.0.0.1</ip></networks><profile>holder</profile><quota>default</quota>
    </default>
    <${localUser}>
      <password_sha256_hex>${createHash('sha256').update(password).digest('hex')}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
      <grants><query>GRANT ALL ON *.*</query><query>REVOKE SOURCES ON *.*</query></grants>
    </${localUser}>
  </users>
</clickhouse>
`

/** Who names nobody, or `default` without a password, is asked for one as a server does, not told of its only session. */
const config = `<clickhouse>
  <user_directories><users_xml><path>users.xml</path></users_xml></user_directories>
  <http_handlers>
    <rule>
      <headers><Authorization>Basic ${Buffer.from('default:').toString('base64')}</Authorization></headers>
      ${asking('default: Authentication failed')}
    </rule>
    <rule>
      <headers><Authorization>regex:Basic .+</Authorization></headers>
      <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
    </rule>
    <rule>${asking('log in by HTTP basic authentication')}</rule>
  </http_handlers>
</clickhouse>
`

function asking(what: string): string {
  const text = `Code: 516. DB::Exception: ${what}: this ClickHouse asks for a password. (AUTHENTICATION_FAILED)`
  return `<handler><type>static</type><status>401</status><response_content>${text}</response_content></handler>`
}

/** One file a port, which holds the folder of the server that was last started there. */
const ports = () => cachePath('clickhouse-ports')

/** Notes whose port it is, and forgets those whose folders are gone. */
export function noteServer(folder: string, port: number): void {
  mkdirSync(ports(), { recursive: true, mode: 0o700 })
  for (const name of readdirSync(ports()))
    if (!existsSync(readFileSync(join(ports(), name), 'utf8'))) rmSync(join(ports(), name), { force: true })
  writeFileSync(join(ports(), String(port)), folder, { mode: 0o600 })
}

/** Of the local server that was last at the port, also while it is down: who connects then waits for it. */
function passwordAt(port: number): string | undefined {
  const path = join(ports(), String(port))
  if (!existsSync(path)) return undefined
  const folder = readFileSync(path, 'utf8')
  return readRecord(folder)?.port === port ? readPassword(folder) : undefined
}

/** How to log in where the URL is that of a local stack's ClickHouse that this user started, and it asks for a password. */
export function accessTo(url: string): { url: string; username: string; password: string } | undefined {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'http:' || !['localhost', '127.0.0.1'].includes(hostname)) return undefined
  const password = passwordAt(Number(port))
  // By its address: something else may listen at another one that `localhost` stands for.
  return password ? { url: `http://127.0.0.1:${port}`, username: localUser, password } : undefined
}
