import type { Value } from '../events/event.ts'
import { textOf } from '../events/value-text.ts'
import type { FeatureSet } from '../features/features.ts'
import type { Profile } from './profile.ts'

/** A profile's features for people and SQL, sorted by the type of their value into parallel arrays. */
export interface ReadableFeatures {
  readonly numberNames: string[]
  readonly numbers: number[]
  readonly stringNames: string[]
  readonly strings: string[]
  readonly listNames: string[]
  /** Lists of texts; other values are given as JSON. */
  readonly lists: string[][]
  readonly mapNames: string[]
  /** Only the entries whose value is a number. */
  readonly maps: (readonly [key: string, value: number])[][]
}

/** Reads all features as of `asOfMs`. One that has no value or is not ready is left out; a bool reads as 0 or 1. */
export function readFeatures({ features }: FeatureSet, profile: Profile, asOfMs: number): ReadableFeatures {
  const readable: ReadableFeatures = {
    numberNames: [],
    numbers: [],
    stringNames: [],
    strings: [],
    listNames: [],
    lists: [],
    mapNames: [],
    maps: [],
  }
  const { groups, notReady, session, traits } = profile
  const moment = { groups, notReady, session, traits, asOfMs }
  for (const { name, read } of features) {
    const value = read(moment)
    if (typeof value === 'number' || typeof value === 'boolean') {
      readable.numberNames.push(name)
      readable.numbers.push(Number(value))
    } else if (typeof value === 'string') {
      readable.stringNames.push(name)
      readable.strings.push(value)
    } else if (Array.isArray(value)) {
      readable.listNames.push(name)
      readable.lists.push(value.map(textOf))
    } else if (value !== null && value !== undefined) {
      readable.mapNames.push(name)
      readable.maps.push(Object.entries(value).filter(isNumeric))
    }
  }
  return readable
}

const isNumeric = (entry: [string, Value]): entry is [string, number] => typeof entry[1] === 'number'
