import { Properties } from '../events/event.ts'
import { LazyMap } from './lazy-map.ts'

/** Reads named members of the values that expressions meet: properties, maps and plain objects; undefined if there is none. */

/**
 * A reader of one name. Events of one record schema share their array of names, so the place found for the last array
 * is tried first: one comparison instead of a search. Holds state, but the same input always gives the same answer.
 */
export function memberReader(name: string): (of: unknown) => unknown {
  let lastNames: readonly string[] | undefined
  let lastAt = -1
  return (of) => {
    if (of instanceof Properties) {
      if (of.names !== lastNames) {
        lastNames = of.names
        lastAt = of.names.lastIndexOf(name)
      }
      return lastAt < 0 ? undefined : of.values[lastAt]
    }
    return member(of, name)
  }
}

/** The member of that name, or at that index of a list. */
export function member(of: unknown, key: unknown): unknown {
  if (of instanceof Properties) return typeof key === 'string' ? of.get(key) : undefined
  if (of instanceof Map) return of.get(key)
  if (Array.isArray(of)) return typeof key === 'number' ? of[key] : undefined
  if (typeof of !== 'object' || of === null || typeof key !== 'string') return undefined
  if (of instanceof LazyMap) return of.get(key)
  return Object.hasOwn(of, key) ? (of as Record<string, unknown>)[key] : undefined
}

/** The elements of a list or the keys of a map; undefined for anything else. */
export function elements(of: unknown): readonly unknown[] | undefined {
  if (Array.isArray(of)) return of
  if (of instanceof Properties) return of.names
  if (of instanceof Map) return [...of.keys()]
  if (of instanceof LazyMap) return of.keys()
  return typeof of === 'object' && of !== null ? Object.keys(of) : undefined
}
