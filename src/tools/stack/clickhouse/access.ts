/** Who may use a local ClickHouse: what the server reads at its start, and where the commands find the password. */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localUser, portsFolder, readPassword } from '../../../store/clickhouse/local-access.ts'

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

/** Notes whose port it is, and forgets those whose folders are gone, and other ports of this one. */
export function noteServer(folder: string, port: number): void {
  mkdirSync(portsFolder(), { recursive: true, mode: 0o700 })
  for (const name of readdirSync(portsFolder())) {
    if (name === String(port)) continue
    const noted = readFileSync(join(portsFolder(), name), 'utf8')
    if (noted === folder || !existsSync(noted)) rmSync(join(portsFolder(), name), { force: true })
  }
  writeFileSync(join(portsFolder(), String(port)), folder, { mode: 0o600 })
}
