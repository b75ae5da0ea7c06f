import { canonical, isObject } from '../../canonical.ts'

/** A key whose value differs; null if it is not set. */
export interface SettingChange {
  readonly key: string
  readonly from: unknown
  readonly to: unknown
}

/** The keys that differ, down to the innermost ones; for a section that only one side has, the section's key. */
export function compareSettings(from: unknown, to: unknown, path: readonly string[] = []): SettingChange[] {
  if (!isObject(from) || !isObject(to)) {
    const [before, after] = [from ?? null, to ?? null]
    return canonical(before) === canonical(after) ? [] : [{ key: path.join('.'), from: before, to: after }]
  }
  const keys = new Set([...Object.keys(from), ...Object.keys(to)])
  return [...keys].flatMap((key) => compareSettings(from[key], to[key], [...path, key]))
}
