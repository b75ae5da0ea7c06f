import type { Value } from '../events/event.ts'
import type { FeatureSet } from '../features/features.ts'
import type { Profile } from './profile.ts'

/** A profile's features for people and SQL, sorted by the type of their value into parallel arrays. */
export interface ReadableFeatures {
  readonly numberNames: string[]
  readonly numbers: number[]
  readonly stringNames: string[]
  readonly strings: string[]
  readonly listNames: string[]
  readonly lists: string[][]
}

/** Reads all features as of `asOfMs`. One without a value is left out; a bool reads as 0 or 1. */
export function readFeatures({ features }: FeatureSet, profile: Profile, asOfMs: number): ReadableFeatures {
  const readable: ReadableFeatures = {
    numberNames: [],
    numbers: [],
    stringNames: [],
    strings: [],
    listNames: [],
    lists: [],
  }
  for (const { name, read } of features) {
    const value: Value = read(profile.groups, asOfMs, profile.session.index)
    if (typeof value === 'number' || typeof value === 'boolean') {
      readable.numberNames.push(name)
      readable.numbers.push(Number(value))
    } else if (typeof value === 'string') {
      readable.stringNames.push(name)
      readable.strings.push(value)
    } else if (Array.isArray(value)) {
      readable.listNames.push(name)
      readable.lists.push(value.map(String))
    }
  }
  return readable
}
