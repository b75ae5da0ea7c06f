import { readFileSync } from 'node:fs'
import kafkajs from 'kafkajs'

/** The rights that the runbook and deploy/clickhouse/users.sql say suffice, read from there, so that they can't drift. */

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

/** What the words of the table stand for. */
export interface Names {
  readonly group: string
  /** Topics by the word: `input`, `actions`, `dead letters`, `journal`. */
  readonly topics: Readonly<Record<string, readonly string[]>>
}

/** A Kafka user for each command of the table: `beckon-run`, `beckon-dlq-list` … */
export const kafkaUserOf = (command: string) => `beckon-${command.replaceAll(/[ -]+/g, '-')}`

/** The commands that have a row. */
export function commands(): string[] {
  return [...new Set(rows().map(({ command }) => command))]
}

/** The access control list of all commands' users. */
export function acls(names: Names): kafkajs.AclEntry[] {
  const table = rows()
  return commands().flatMap((command) => aclsOf(command, table, names, kafkaUserOf(command)))
}

function aclsOf(command: string, table: readonly Row[], names: Names, user: string): kafkajs.AclEntry[] {
  return table
    .filter((row) => row.command === command)
    .flatMap(({ beside, on, rights }) => [
      ...(beside === undefined ? [] : aclsOf(beside, table, names, user)),
      ...resourcesOf(on, names).flatMap((resource) =>
        rights.map((right) => ({
          ...resource,
          principal: `User:${user}`,
          host: '*',
          permissionType: AclPermissionTypes.ALLOW,
          operation: AclOperationTypes[right.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase() as 'READ'],
        })),
      ),
    ])
}

interface Row {
  readonly command: string
  /** Another command whose rights it has too. */
  readonly beside: string | undefined
  readonly on: string
  readonly rights: readonly string[]
}

function rows(): Row[] {
  const section = read('docs/runbook.md').split('\n## Rights\n')[1]!.split('\n## ')[0]!
  return [...section.matchAll(/^\| `([^`]+)`(?:, beside those of `([^`]+)`)?[^|]*\| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, command, beside, on, rights]) => ({ command: command!, beside, on: on!, rights: rights!.split(', ') }),
  )
}

function resourcesOf(on: string, { group, topics }: Names) {
  const [kind, words] = on.split(': ') as [string, string]
  const literal = ResourcePatternTypes.LITERAL
  if (kind === 'topics') {
    const resources = words.split(', ').flatMap((word) => topics[word]!)
    return resources.map((name) => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName: name,
      resourcePatternType: literal,
    }))
  }
  const resourceName = words.replaceAll('`', '').replace('<group>', group)
  if (kind === 'group') {
    return [{ resourceType: AclResourceTypes.GROUP, resourceName, resourcePatternType: literal }]
  }
  if (kind !== 'transactional ids that begin with') throw new Error(`nobody knows what ${kind} are`)
  const resourceType = AclResourceTypes.TRANSACTIONAL_ID
  return [{ resourceType, resourceName, resourcePatternType: ResourcePatternTypes.PREFIXED }]
}

/** users.sql as a file of `users.d`, for a server that takes no users by SQL. Each has the password. */
export function clickhouseUsers(password: string): string {
  const statements = read('deploy/clickhouse/users.sql')
    .replaceAll(/^\s*--.*$/gm, '')
    .split(';')
    .map((text) => text.trim().replaceAll(/\s+/g, ' '))
  const matching = (pattern: RegExp) => statements.flatMap((text) => [...text.matchAll(pattern)])
  const profiles = matching(/^CREATE SETTINGS PROFILE IF NOT EXISTS (\w+) SETTINGS (.+)$/g).map(
    ([, name, settings]) => `<${name}>${profileOf(settings!)}</${name}>`,
  )
  const users = matching(/^CREATE USER IF NOT EXISTS (\w+) .*DEFAULT ROLE (\w+)/g).map(([, user, role]) => {
    const grants = matching(new RegExp(`^(GRANT .+ ON .+) TO ${role}$`, 'g')).map(
      ([, grant]) => `<query>${grant}</query>`,
    )
    const profile = profiles.some((text) => text.startsWith(`<${role}>`)) ? role : 'default'
    return `<${user}><password>${password}</password><networks><ip>127.0.0.1</ip></networks>
      <profile>${profile}</profile><quota>default</quota><grants>${grants.join('')}</grants></${user}>`
  })
  return `<clickhouse><profiles>${profiles.join('')}</profiles><users>${users.join('\n')}</users></clickhouse>`
}

/** `a = 1 CONST, b = 2 MAX 2` as elements. */
function profileOf(settings: string): string {
  const parsed = [...settings.matchAll(/(\w+) = '?(\w+)'?(?: (CONST)| MAX '?(\w+)'?)?/g)]
  const values = parsed.map(([, name, value]) => `<${name}>${value}</${name}>`)
  const bounds = parsed.map(([, name, , fixed, max]) => {
    const bound = fixed ? '<const/>' : max ? `<max>${max}</max>` : ''
    return `<${name}>${bound}</${name}>`
  })
  return `${values.join('')}<constraints>${bounds.join('')}</constraints>`
}
