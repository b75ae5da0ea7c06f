import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { canonical, isObject } from './canonical.ts'
import { type Config, configSchema, type TopicConfig } from './config/schema.ts'
import { foldVersion } from './fold-version.ts'

/**
 * Everything besides the rules that decides how events are folded, with the content of files: a replay needs the same again.
 * The journal names it by its hash, and the table `settings` keeps it. It holds no address and no secret.
 */
export interface FoldSettings {
  readonly fold: number
  /** `schema` is the text of the file. */
  readonly topics: readonly TopicConfig[]
  /** Without the idle time of a session, which belongs to the rules. `geo` is the database's SHA-256, '' for none. */
  readonly enrich: Omit<Config['enrich'], 'geo_database' | 'session'> & {
    readonly geo: string
    readonly session: Pick<Config['enrich']['session'], 'max'>
  }
  readonly dedupe: Config['dedupe']
  readonly limits: Config['limits']
  /** It matters since an action's size depends on its format, and an action that is too large is not published. */
  readonly output: Pick<Config['output'], 'format'>
  /** For people to read: a replay may differ in these. */
  readonly made_by: { readonly beckon: string; readonly timezones: string }
}

export interface SettingsText {
  readonly text: string
  readonly hash: string
}

/** @param schemas the text of each topic's schema file, by topic @param geo the SHA-256 of the geo database, '' for none */
export function foldSettingsOf(config: Config, schemas: ReadonlyMap<string, string>, geo: string): SettingsText {
  const { geo_database: _file, session, ...enrich } = config.enrich
  const settings: FoldSettings = {
    fold: foldVersion,
    topics: config.topics
      .map((topic) => ({ ...topic, schema: schemas.get(topic.name) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    enrich: { ...enrich, geo, session: { max: session.max } },
    dedupe: config.dedupe,
    limits: config.limits,
    output: { format: config.output.format },
    made_by: { beckon: ownVersion(), timezones: process.versions['tz'] ?? '' },
  }
  return withHash(canonical(settings))
}

export function withHash(text: string): SettingsText {
  return { text, hash: createHash('sha256').update(text).digest('hex').slice(0, 32) }
}

/** Reads a text that `foldSettingsOf` of this or another version wrote. Keys that it did not have yet get their defaults. */
export function parseFoldSettings(text: string): FoldSettings {
  const stored = JSON.parse(text) as FoldSettings
  const { enrich, dedupe, limits, topic } = defaults
  return {
    ...stored,
    topics: stored.topics.map((one) => over(topic, one)),
    enrich: over(enrich, stored.enrich),
    dedupe: over(dedupe, stored.dedupe),
    limits: over(limits, stored.limits),
  }
}

const sections = configSchema.shape
const defaults = {
  enrich: sections.enrich.parse(undefined),
  dedupe: sections.dedupe.parse(undefined),
  limits: sections.limits.parse(undefined),
  topic: sections.topics.element.parse({ name: 'any' }),
}

const over = <T>(fallback: object, stored: T): T => {
  const merged: Record<string, unknown> = { ...fallback }
  for (const [key, value] of Object.entries(stored as object)) {
    const before = merged[key]
    merged[key] = isObject(before) && isObject(value) ? over(before, value) : value
  }
  return merged as T
}

let version: string | undefined

export function ownVersion(): string {
  version ??= (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version
  return version
}

/**
 * The settings that are stored with a policy, for people to compare. A file is given by its name alone, without its folder or
 * content.
 */
export type Settings = Readonly<Record<string, unknown>>

export function settingsOf({ topics, enrich, dedupe, limits }: Config): Settings {
  const { geo_database: geo } = enrich
  return {
    topics: Object.fromEntries(
      topics.map(({ name, schema, ...topic }) => [
        name,
        schema === undefined ? topic : { ...topic, schema: base(schema) },
      ]),
    ),
    enrich: geo === undefined ? enrich : { ...enrich, geo_database: base(geo) },
    dedupe,
    limits,
  }
}

const base = (file: string) => file.replace(/^.*[/\\]/, '')
