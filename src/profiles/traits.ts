import type { Properties, Value } from '../events/event.ts'
import { compareValues } from '../features/aggregates/order.ts'
import { placeOf } from '../ingest/property-shape.ts'
import type { Profile } from './profile.ts'

/** The most traits in a profile, removed ones included; further names are ignored. */
const maxTraits = 200
/** The longest trait, in UTF-16 units (a list or map as JSON); a longer one counts as removed. */
const maxChars = 4_096

/**
 * Merges the traits that an event states: null removes a trait, any other value replaces it. The statement of the latest event
 * wins, and within one ms the largest value, so the order of arrival does not matter. If one event states a trait twice, the
 * last one counts.
 */
export function mergeTraits(profile: Profile, { names, values }: Properties, timeMs: number): void {
  const traits = new Map(profile.traits)
  const traitTimes = new Map(profile.traitTimes)
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (placeOf(name, names) !== i) continue
    const before = traitTimes.get(name)
    if (before === undefined ? !hasRoom(traits, traitTimes) : before > timeMs) continue
    const value = kept(values[i]!)
    if (before === timeMs && compareValues(value, traits.get(name) ?? null) <= 0) continue
    traitTimes.set(name, timeMs)
    if (value === null) traits.delete(name)
    else traits.set(name, value)
  }
  profile.traits = traits
  profile.traitTimes = traitTimes
}

function kept(value: Value): Value {
  if (typeof value !== 'string' && typeof value !== 'object') return value
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > maxChars ? null : value
}

/** Makes room, if need be, by forgetting the trait that was removed first. */
function hasRoom(traits: ReadonlyMap<string, Value>, traitTimes: Map<string, number>): boolean {
  if (traitTimes.size < maxTraits) return true
  if (traits.size >= maxTraits) return false
  let first = ''
  let firstMs = Number.POSITIVE_INFINITY
  for (const [name, timeMs] of traitTimes) {
    if (!traits.has(name) && (timeMs < firstMs || (timeMs === firstMs && name < first)))
      [first, firstMs] = [name, timeMs]
  }
  return traitTimes.delete(first)
}
