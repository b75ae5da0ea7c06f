import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { canonical, isObject } from './canonical.ts'
import { type Config, configSchema, type TopicConfig } from './config/schema.ts'
import { foldVersion } from './fold-version.ts'

/**
 * All that tells how events are folded beside the rules, with files by their content: what a replay has to have again. The
 * journal names it by its hash, the table `settings` keeps it. It holds no address and no secret.
 */
export interface FoldSettings {
  readonly fold: number
  /** `schema` is the text of the file. */
  readonly topics: readonly TopicConfig[]
  /** The idle time of a session is of the rules; the geo database is there by its SHA-256, '' for none. */
  readonly enrich: Omit<Config['enrich'], 'geo_database' | 'session'> & {
    readonly geo: string
    readonly session: Pick<Config['enrich']['session'], 'max'>
  }
  readonly dedupe: Config['dedupe']
  readonly limits: Config['limits']
  /** An action's size depends on its format, and one that is too large is not published. */
  readonly output: Pick<Config['output'], 'format'>
  /** For people: a replay does not ask for the same. */
  readonly made_by: { readonly beckon: string; readonly timezones: string }
}

export interface SettingsText {
  readonly text: string
  readonly hash: string
}

/** @param schemas the text of each topic's schema file, by the topic @param geo the SHA-256 of the geo database, '' for none */
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

/** A text of `foldSettingsOf`, of this or another version: keys that were not there yet have their defaults. */
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

function ownVersion(): string {
  version ??= (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version
  return version
}

/** What tells how events are folded beside the rules, as it is kept beside a policy and compared for people. Of a file it is the name that counts, not its folder or content. */
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
