import type { Config } from '../config/schema.ts'
import { canonical, isObject } from './canonical.ts'

/** What tells how events are folded beside the rules. Of a file it is the name that counts, not its folder or content. */
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

/** A key whose value differs; null where it is not set. */
export interface SettingChange {
  readonly key: string
  readonly from: unknown
  readonly to: unknown
}

/** The keys that differ, down to the innermost; of a section that only one side has, its own. */
export function compareSettings(from: unknown, to: unknown, path: readonly string[] = []): SettingChange[] {
  if (!isObject(from) || !isObject(to)) {
    const [before, after] = [from ?? null, to ?? null]
    return canonical(before) === canonical(after) ? [] : [{ key: path.join('.'), from: before, to: after }]
  }
  const keys = new Set([...Object.keys(from), ...Object.keys(to)])
  return [...keys].flatMap((key) => compareSettings(from[key], to[key], [...path, key]))
}
