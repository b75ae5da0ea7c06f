import { noSession, type Session } from '../enrich/session.ts'
import type { Value } from '../events/event.ts'
import { writeTraits } from './property-maps.ts'
import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writeProfileRow` writes them. */
export const profilesTable: Table = {
  name: 'profiles',
  columns: {
    partition: 'UInt16',
    customer: 'String',
    version: 'UInt64',
    stream_time: 'DateTime64(3)',
    session_index: 'UInt32',
    session_start: 'DateTime64(3)',
    session_last: 'DateTime64(3)',
    session_events: 'UInt32',
    session_entry_page: 'String',
    numbers: 'Map(String, Float64)',
    strings: 'Map(String, String)',
    lists: 'Map(String, Array(String))',
    maps: 'Map(String, Map(String, Float64))',
    traits: 'Map(String, String)',
    next_due: 'DateTime64(3)',
    policy: 'String',
    not_ready: 'Array(String)',
    state: 'String',
    erased_before: 'UInt64',
    deleted: 'Bool',
  },
}

/** One customer's profile at one version. */
export interface ProfileRow {
  readonly partition: number
  readonly customer: string
  /** The first position that it does not include. */
  readonly version: number
  readonly streamTimeMs: number
  readonly session: Session
  /** The readable features, by kind, as parallel arrays. */
  readonly numberNames: readonly string[]
  /** NaN where a feature has no value; such features are left out of the row. */
  readonly numbers: ArrayLike<number>
  readonly stringNames: readonly string[]
  readonly strings: readonly string[]
  readonly listNames: readonly string[]
  readonly lists: readonly (readonly string[])[]
  readonly mapNames: readonly string[]
  readonly maps: readonly (readonly (readonly [key: string, value: number])[])[]
  readonly traits: ReadonlyMap<string, Value>
  /** When the first of its timers is due; ms, 0 where none runs. */
  readonly nextDueMs: number
  /** Hash of the rules that it was built under. */
  readonly policy: string
  /** The features that lack events from before their declaration. */
  readonly notReady: readonly string[]
  /** The encoded state, for recovery. */
  readonly state: Buffer
  /** The customer was erased at the position before this one; 0 for never. */
  readonly erasedBefore: number
  /** Erased, and no event has come since: all else is empty. */
  readonly deleted: boolean
}

/**
 * Writes one row of `profiles`. The row must depend on (partition, customer, version) alone. That makes late, repeated and
 * stale inserts harmless: the highest version wins, and rows of the same version are equal.
 */
export function writeProfileRow(row: RowBuffer, profile: ProfileRow): void {
  const { session, numberNames, numbers, stringNames, strings, listNames, lists, mapNames, maps } = profile
  row.u16(profile.partition)
  row.string(profile.customer)
  row.u64(profile.version)
  row.dateTime64(profile.streamTimeMs)
  row.u32(session.index)
  row.dateTime64(session.startMs)
  row.dateTime64(session.lastMs)
  row.u32(session.events)
  row.string(session.entryPage)
  let count = 0
  for (let i = 0; i < numberNames.length; i++) if (!Number.isNaN(numbers[i])) count++
  row.varint(count)
  for (let i = 0; i < numberNames.length; i++) {
    if (Number.isNaN(numbers[i])) continue
    row.string(numberNames[i]!)
    row.f64(numbers[i]!)
  }
  row.varint(stringNames.length)
  for (let i = 0; i < stringNames.length; i++) {
    row.string(stringNames[i]!)
    row.string(strings[i]!)
  }
  row.varint(listNames.length)
  for (let i = 0; i < listNames.length; i++) {
    row.string(listNames[i]!)
    row.strings(lists[i]!)
  }
  row.varint(mapNames.length)
  for (let i = 0; i < mapNames.length; i++) {
    const entries = maps[i]!
    row.string(mapNames[i]!)
    row.varint(entries.length)
    for (const [key, value] of entries) {
      row.string(key)
      row.f64(value)
    }
  }
  writeTraits(row, profile.traits)
  row.dateTime64(profile.nextDueMs)
  row.string(profile.policy)
  row.strings(profile.notReady)
  row.blob(profile.state)
  row.u64(profile.erasedBefore)
  row.bool(profile.deleted)
  row.endRow()
}

/**
 * Writes a partition's checkpoint: the row with an empty customer. It must be in the same insert as the profiles that it
 * vouches for.
 */
export function writeCheckpointRow(
  row: RowBuffer,
  partition: number,
  version: number,
  streamTimeMs: number,
  state: Buffer,
): void {
  writeProfileRow(row, { ...blankProfile, partition, version, streamTimeMs, state })
}

/** An empty row. */
export const blankProfile: ProfileRow = {
  partition: 0,
  customer: '',
  version: 0,
  streamTimeMs: 0,
  session: noSession(),
  numberNames: [],
  numbers: [],
  stringNames: [],
  strings: [],
  listNames: [],
  lists: [],
  mapNames: [],
  maps: [],
  traits: new Map(),
  nextDueMs: 0,
  policy: '',
  notReady: [],
  state: Buffer.alloc(0),
  erasedBefore: 0,
  deleted: false,
}
