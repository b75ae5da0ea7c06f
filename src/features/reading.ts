import type { Variable } from '../expressions/expression.ts'
import type { Feature } from './features.ts'
import type { ProfileMoment } from './moment.ts'

/** All features that are read when those with these names are: directly, or through computed features; ordered by name. */
export function featuresRead(names: Iterable<string>, features: readonly Feature[]): Feature[] {
  const byName = new Map(features.map((feature) => [feature.name, feature]))
  const read = new Set(names)
  // Iterating over a set includes what is added on the way.
  for (const name of read) for (const inner of byName.get(name)?.names ?? []) read.add(inner)
  return [...read]
    .sort()
    .map((name) => byName.get(name))
    .filter((feature) => feature !== undefined)
}

/** The features as variables of expressions. */
export const variablesOf = (features: readonly Feature[]): Variable<ProfileMoment>[] =>
  features.map(({ name, type, read, look }) => ({ name, type, read: look ?? read }))

/** Covers everything that a feature's value depends on, except the features that a computed one reads. */
export function signatureOf({ name, signature, state }: Feature): string {
  const of = state === undefined ? signature : [state.group.signature, state.member.signature, state.back].join(', ')
  return `${name}: ${of}`
}

/** Whether one of the names is one of these features. */
export function readsAny(names: ReadonlySet<string>, features: ReadonlySet<string>): boolean {
  for (const name of names) if (features.has(name)) return true
  return false
}
