import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { applyEnvironment, type Setting, setAsText } from './environment.ts'
import { ConfigError, type Fault } from './fault.ts'
import { issueText } from './issue-text.ts'
import { type Config, configSchema } from './schema.ts'
import { type ConfigSource, cutOff, readConfigSource, unknownKey } from './source.ts'

export interface LoadedConfig {
  readonly config: Config
  readonly source: ConfigSource
  /** Faults that did not stop the rest from being checked. */
  readonly faults: readonly Fault[]
}

/**
 * Reads the file and what it includes, then the environment, and checks the whole.
 * @throws ConfigError with all faults at once
 */
export function loadConfig(fileName: string, env: NodeJS.ProcessEnv): LoadedConfig {
  const loaded = readConfig(fileName, env)
  if (loaded.faults.length > 0) throw new ConfigError(loaded.faults)
  return loaded
}

/**
 * Like `loadConfig`, for callers with more checks of their own, so that all faults can be reported at once. Unknown keys are
 * left out of the result.
 * @param other how one names another file, for where this one is missing
 * @param besides keys at the top of the file that are not of the configuration
 * @throws ConfigError if the rest can't be checked
 */
export function readConfig(
  fileName: string,
  env: NodeJS.ProcessEnv,
  other = '-c FILE or BECKON_CONFIG names another',
  besides: readonly string[] = [],
): LoadedConfig {
  if (!existsSync(fileName)) {
    throw new ConfigError([{ file: fileName, line: 0, column: 0, path: '', message: `no such file; ${other}` }])
  }
  const source = readConfigSource(fileName)
  if (source.faults.length > 0) throw new ConfigError(source.faults)
  for (const key of besides) delete source.value[key]
  const variables = applyEnvironment(source.value, env)
  const unreadable = [...variables].flatMap(([path, { variable, fault }]) =>
    fault === undefined ? [] : [environmentFault(variable, path, `no YAML: ${fault}`)],
  )
  if (unreadable.length > 0) throw new ConfigError(unreadable)
  let parsed = parse(source.value, variables)
  const issues = (parsed.error?.issues ?? []).flatMap(ownIssues)
  const faults = issues.flatMap((issue) => faultsOf(issue, source, variables))
  if (issues.every(({ code }) => code === 'unrecognized_keys'))
    parsed = configSchema.safeParse(without(source.value, issues))
  if (!parsed.success) throw new ConfigError(faults)
  const config = parsed.data
  resolveFiles(config, source)
  faults.push(...unreadableFiles(config, source), ...readSecrets(config, source), ...crossCheck(config, source))
  for (const owner of [config.clickhouse, config.registry]) if (owner !== undefined) partCredentials(owner)
  return { config, source, faults }
}

/** `BECKON_KAFKA__GROUP=007` is a number in YAML. If the schema wants a text there, we take it as the text that was written. */
function parse(value: Record<string, unknown>, variables: ReadonlyMap<string, Setting>) {
  const parsed = configSchema.safeParse(value)
  let changed = false
  for (const { code, path, ...issue } of parsed.error?.issues ?? []) {
    const setting = variables.get(path.join('.'))
    if (setting === undefined || code !== 'invalid_type' || !('expected' in issue) || issue.expected !== 'string')
      continue
    setAsText(value, setting)
    changed = true
  }
  return changed ? configSchema.safeParse(value) : parsed
}

const environmentFault = (variable: string, path: string, message: string): Fault => ({
  file: `environment variable ${variable}`,
  line: 0,
  column: 0,
  path,
  message,
})

type Issue = NonNullable<ReturnType<typeof configSchema.safeParse>['error']>['issues'][number]

/** The issue itself; for a union, the issues of the alternative that got furthest, which tell best what is wrong. */
function ownIssues(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue]
  const depthOf = ({ code, path }: z.core.$ZodIssue) => path.length + (code === 'unrecognized_keys' ? 1 : 0)
  const furthest = issue.errors
    .filter((issues) => issues.length > 0)
    // If several got as far, the one with the fewest faults was probably meant.
    .sort((a, b) => Math.max(...b.map(depthOf)) - Math.max(...a.map(depthOf)) || a.length - b.length)[0]
  const deep = furthest?.filter((inner) => depthOf(inner) > 0) ?? []
  if (deep.length === 0) return [issue]
  return deep.flatMap((inner) => ownIssues({ ...inner, path: [...issue.path, ...inner.path] } as Issue))
}

/** A copy without the unknown keys. */
function without(value: unknown, issues: readonly Issue[]): unknown {
  const copy = structuredClone(value)
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue
    const owner = valueAt(copy, issue.path) as Record<string, unknown>
    for (const key of issue.keys) delete owner[key]
  }
  return copy
}

function faultsOf(issue: Issue, source: ConfigSource, variables: ReadonlyMap<string, Setting>): Fault[] {
  const { path } = issue
  const setBy = (path: readonly PropertyKey[]) => {
    const at = path.join('.')
    const exact = variables.get(at)
    if (exact !== undefined) return exact
    // The path is within what a variable has set; or it is an unknown key, and a variable has set something below it.
    return [...variables].find(([set]) => at.startsWith(`${set}.`) || set.startsWith(`${at}.`))?.[1]
  }
  const setting = setBy(path)
  const where = (message: string): Fault =>
    setting ? environmentFault(setting.variable, path.join('.'), message) : source.fault(path, message)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const unknown = [...path, key]
      const setting = setBy(unknown)
      if (setting === undefined) return source.unknownKey(unknown, configSchema)
      const isCutOff = setting.keys.length < unknown.length && valueAt(source.value, unknown) === null
      if (isCutOff) return environmentFault(setting.variable, path.join('.'), cutOff)
      return environmentFault(setting.variable, unknown.join('.'), unknownKey(unknown, configSchema))
    })
  }
  return [where(issueText(issue, valueAt(source.value, path), configSchema))]
}

const valueAt = (value: unknown, path: readonly PropertyKey[]) =>
  path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value)

/** Reads the `password_file`s. A secret is never part of a message. */
function readSecrets(config: Config, source: ConfigSource): Fault[] {
  const faults: Fault[] = []
  const owners: [path: string[], owner: { password?: string | undefined; password_file?: string | undefined }][] = [
    [['clickhouse'], config.clickhouse],
    [['registry'], config.registry ?? {}],
    [['kafka', 'sasl'], config.kafka.sasl ?? {}],
  ]
  for (const [path, owner] of owners) {
    if (owner.password_file === undefined) continue
    const file = resolve(source.folder(path), owner.password_file)
    try {
      owner.password = readFileSync(file, 'utf8').trim()
    } catch {
      faults.push(source.fault([...path, 'password_file'], `can't read ${file}`))
    }
  }
  return faults
}

/** Takes credentials out of a URL, so that no message can hold them; they win over the separate settings. */
function partCredentials(owner: { url: string; username?: string | undefined; password?: string | undefined }): void {
  const url = new URL(owner.url)
  if (url.username === '' && url.password === '') return
  owner.username = decoded(url.username) || owner.username
  owner.password = decoded(url.password) || owner.password
  url.username = ''
  url.password = ''
  owner.url = url.href.replace(/\/$/, '')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // Not an escape: the percent sign was meant literally.
  }
}

/** Makes file names absolute: they are relative to the file that names them. */
function resolveFiles(config: Config, source: ConfigSource): void {
  for (const [index, topic] of config.topics.entries()) {
    if (topic.schema !== undefined) topic.schema = resolve(source.folder(['topics', index]), topic.schema)
  }
  const { enrich } = config
  if (enrich.geo_database !== undefined) enrich.geo_database = resolve(source.folder(['enrich']), enrich.geo_database)
  for (const { section, tls, key, file } of tlsFiles(config)) tls[key] = resolve(source.folder([section]), file)
}

type Tls = { [key in 'ca_file' | 'cert_file' | 'key_file']?: string | undefined }

function tlsFiles(config: Config): { section: string; tls: Tls; key: keyof Tls; file: string }[] {
  return (['kafka', 'clickhouse', 'registry'] as const).flatMap((section) => {
    const tls: Tls = config[section]?.tls ?? {}
    return (['ca_file', 'cert_file', 'key_file'] as const).flatMap((key) => {
      const file = tls[key]
      return file === undefined ? [] : [{ section, tls, key, file }]
    })
  })
}

/** Files that are needed to connect and can't be read. */
function unreadableFiles(config: Config, source: ConfigSource): Fault[] {
  return tlsFiles(config).flatMap(({ section, key, file }) => {
    try {
      readFileSync(file)
      return []
    } catch {
      return [source.fault([section, 'tls', key], `can't read ${file}`)]
    }
  })
}

/** Faults that only show when several keys are looked at together. */
function crossCheck(config: Config, source: ConfigSource): Fault[] {
  const faults: Fault[] = []
  const unique = (list: 'topics' | 'features' | 'actions' | 'gates') => {
    const seen = new Map<string, number>()
    for (const [index, { name }] of config[list].entries()) {
      if (seen.has(name)) faults.push(source.fault([list, index, 'name'], `${name} is declared twice`))
      seen.set(name, index)
    }
  }
  unique('topics')
  unique('features')
  unique('actions')
  unique('gates')
  for (const [index, { treatments = [] }] of config.actions.entries()) {
    for (const [i, { name }] of treatments.entries()) {
      if (treatments.findIndex((other) => other.name === name) === i) continue
      faults.push(source.fault(['actions', index, 'treatments', i, 'name'], `${name} is declared twice`))
    }
  }
  // A decision names the gate or the rule that said no.
  const rules = config.contact_policy
  const named = new Set(config.gates.map(({ name }) => name))
  for (const list of ['limits', 'exclusions', 'suppressions', 'quiet_hours'] as const) {
    for (const [index, { name }] of (rules?.[list] ?? []).entries()) {
      if (named.has(name)) {
        const path = ['contact_policy', list, index, 'name']
        faults.push(
          source.fault(path, `${name} is declared twice, among the gates and the rules of the contact policy`),
        )
      }
      named.add(name)
    }
  }
  const { actions, dead_letters: deadLetters, journal, rules: deployed } = config.output
  for (const [index, topic] of config.topics.entries()) {
    const at = (key: string, message: string) => faults.push(source.fault(['topics', index, key], message))
    const wantsFile = topic.format === 'wire' || topic.format === 'avro'
    if (wantsFile && topic.schema === undefined && topic.mapping !== undefined) {
      at('schema', `a foreign topic of format ${topic.format} needs a schema file`)
    }
    if (topic.format === 'registry' && !config.registry) at('format', 'the format registry needs the section registry')
    if (topic.tombstones === 'erase' && topic.key !== 'customer') {
      at('tombstones', 'erase needs key: customer, since it is the key that says who is erased')
    }
    if ([actions, deadLetters, journal, deployed].includes(topic.name)) {
      at('name', 'an input topic can not be an output topic too')
    }
  }
  if (!config.topics.some(({ role }) => role === 'consent')) {
    for (const [index, { purpose }] of config.actions.entries()) {
      if (purpose === undefined) continue
      const mend = 'declare one with role: consent, or take the purpose out'
      faults.push(
        source.fault(['actions', index, 'purpose'], `no topic says who has given consent, so nobody has: ${mend}`),
      )
    }
  }
  if ([actions, deadLetters, journal].includes(deployed)) {
    faults.push(source.fault(['output', 'rules'], 'the rules need a topic of their own'))
  }
  if (config.output.format === 'registry' && !config.registry) {
    faults.push(source.fault(['output', 'format'], 'the format registry needs the section registry'))
  }
  return faults
}
