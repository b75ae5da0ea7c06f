import type { Value } from '../events/event.ts'
import type { Aggregate } from '../features/aggregate.ts'
import type { FeatureSet } from '../features/features.ts'
import { boundText } from '../features/kept-text.ts'
import { emptyPanes, insertRow, rowCount } from '../features/panes.ts'
import type { RowBuffer } from '../store/row-binary.ts'
import { checkFormat, StateError } from '../store/state-error.ts'
import { keepState } from '../timers/states.ts'
import { packState, type Timer, unpackState } from '../timers/timer.ts'
import { Profile } from './profile.ts'
import { hashId } from './recent-ids.ts'

/**
 * Encodes a profile's state for its row in the store, and decodes it. Panes and timers are stored with signatures. After a
 * change of the features or timers, those that are the same as before find their state by it; the others start empty.
 */
export const formatVersion = 3
/** The oldest format that can still be read. */
const oldestVersion = 2

export function writeState(out: RowBuffer, profile: Profile, layout: Layout): void {
  out.u8(formatVersion)
  writeNumber(out, profile.streamTimeMs)
  const { index, startMs, lastMs, events, entryPage } = profile.session
  writeNumber(out, index)
  writeNumber(out, startMs)
  writeNumber(out, lastMs)
  writeNumber(out, events)
  out.string(entryPage)
  // A removed trait has a time but no value. Before format 3 there were no removed traits, and no lists or maps.
  out.varint(profile.traitTimes.size)
  for (const [name, timeMs] of profile.traitTimes) {
    out.string(name)
    const value = profile.traits.get(name)
    if (typeof value === 'object') {
      out.u8(tags.json)
      out.string(JSON.stringify(value))
    } else writeKept(out, value)
    writeNumber(out, timeMs)
  }
  out.varint(profile.contacts.size)
  for (const [name, times] of profile.contacts) {
    out.string(name)
    out.varint(times.length)
    for (const time of times) writeNumber(out, time)
  }
  out.varint(profile.recentIds.size)
  profile.recentIds.forEach((hash, timeMs) => {
    out.f64(hash)
    writeNumber(out, timeMs)
  })
  writeTimers(out, profile, layout)
  writeGroups(out, profile, layout)
}

function writeTimers(out: RowBuffer, { timers }: Profile, layout: Layout): void {
  out.varint(timers.reduce((count, state) => (state === undefined ? count : count + 1), 0))
  for (let i = 0; i < timers.length; i++) {
    const state = timers[i]
    if (state === undefined) continue
    const [first, second, flag] = packState(state)
    out.f64(layout.timers[i]!.signature)
    writeNumber(out, first)
    writeNumber(out, second)
    out.bool(flag)
  }
}

function writeGroups(out: RowBuffer, { groups }: Profile, layout: Layout): void {
  let stored = 0
  for (const panes of groups) if (panes !== undefined && panes.cells.length > 0) stored++
  out.varint(stored)
  for (let i = 0; i < groups.length; i++) {
    const panes = groups[i]
    if (panes === undefined || panes.cells.length === 0) continue
    const { signature, members } = layout.groups[i]!
    out.f64(signature)
    out.varint(members.length)
    for (const member of members) {
      out.f64(member.signature)
      out.varint(member.aggregate.cells)
      out.bool(member.aggregate.keeps)
    }
    out.varint(rowCount(panes))
    for (const cell of panes.cells) writeNumber(out, cell)
    for (const kept of panes.kept) writeKept(out, kept)
  }
}

/** How panes and timers are laid out in memory, with the signatures by which they are found again. */
export interface Layout {
  readonly groups: readonly GroupLayout[]
  readonly timers: readonly { readonly signature: number; readonly kind: Timer['kind'] }[]
}

interface GroupLayout {
  readonly signature: number
  readonly stride: number
  readonly keptStride: number
  readonly members: readonly {
    readonly signature: number
    readonly aggregate: Aggregate
    readonly offset: number
    readonly keptAt: number
  }[]
}

export const layoutOf = ({ groups }: FeatureSet, timers: readonly Timer[]): Layout => ({
  groups: groups.map(({ signature, stride, keptStride, members }) => ({
    signature: hashId(signature),
    stride,
    keptStride,
    members: members.map((member) => ({ ...member, signature: hashId(member.signature) })),
  })),
  timers: timers.map(({ signature, kind }) => ({ signature: hashId(signature), kind })),
})

/** @throws StateError when the bytes are not a state in a format that can be read. */
export function readState(customer: string, bytes: Buffer, layout: Layout): Profile {
  const reader = new StateReader(bytes)
  checkFormat("a profile's state", reader.u8(), oldestVersion, formatVersion)
  const profile = new Profile(customer)
  profile.streamTimeMs = reader.number()
  profile.session.index = reader.number()
  profile.session.startMs = reader.number()
  profile.session.lastMs = reader.number()
  profile.session.events = reader.number()
  profile.session.entryPage = reader.string()
  const [traits, traitTimes] = [new Map<string, Value>(), new Map<string, number>()]
  for (let n = reader.varint(); n > 0; n--) {
    const name = reader.string()
    const value = reader.trait() as Value | undefined
    if (value !== undefined) traits.set(name, value)
    traitTimes.set(name, reader.number())
  }
  if (traitTimes.size > 0) Object.assign(profile, { traits, traitTimes })
  const contacts = new Map<string, number[]>()
  for (let n = reader.varint(); n > 0; n--) {
    const times: number[] = []
    contacts.set(reader.string(), times)
    for (let m = reader.varint(); m > 0; m--) times.push(reader.number())
  }
  if (contacts.size > 0) profile.contacts = contacts
  const ids: [number, number][] = []
  for (let n = reader.varint(); n > 0; n--) ids.push([reader.f64(), reader.number()])
  profile.recentIds.restore(ids)
  for (let n = reader.varint(); n > 0; n--) readTimer(reader, profile, layout)
  for (let n = reader.varint(); n > 0; n--) readGroup(reader, profile, layout)
  if (!reader.done) throw new StateError("a profile's state has bytes left over")
  return profile
}

function readTimer(reader: StateReader, profile: Profile, layout: Layout): void {
  const signature = reader.f64()
  const [first, second, flag] = [reader.number(), reader.number(), reader.u8() === 1]
  const index = layout.timers.findIndex((timer) => timer.signature === signature)
  if (index >= 0) keepState(profile, index, unpackState(layout.timers[index]!.kind, first, second, flag))
}

/** Moves the stored cells of each member to its place in the present layout; a new member starts empty in every row. */
function readGroup(reader: StateReader, profile: Profile, layout: Layout): void {
  const signature = reader.f64()
  const index = layout.groups.findIndex((group) => group.signature === signature)
  const group = layout.groups[index]
  const stored: { signature: number; cells: number; keeps: boolean }[] = []
  for (let n = reader.varint(); n > 0; n--) {
    stored.push({ signature: reader.f64(), cells: reader.varint(), keeps: reader.u8() === 1 })
  }
  const rows = reader.varint()
  const panes = emptyPanes(group?.stride ?? 1, group?.keptStride ?? 0)
  const place = (of: number) => group?.members.find((member) => member.signature === of)
  for (let row = 0; row < rows; row++) {
    insertRow(panes, row, reader.number())
    const at = row * panes.stride
    for (const { aggregate, offset } of group?.members ?? []) aggregate.start(panes.cells, at + offset)
    for (const { signature: of, cells } of stored) {
      const offset = place(of)?.offset
      for (let c = 0; c < cells; c++) {
        const cell = reader.number()
        if (offset !== undefined) panes.cells[at + offset + c] = cell
      }
    }
  }
  for (let row = 0; row < rows; row++) {
    for (const { signature: of, keeps } of stored) {
      if (!keeps) continue
      const kept = reader.kept()
      const keptAt = place(of)?.keptAt
      if (keptAt !== undefined) panes.kept[row * panes.keptStride + keptAt] = kept
    }
  }
  if (group !== undefined) profile.groups[index] = panes
}

/** Small whole numbers take one to five bytes, all others nine. */
function writeNumber(out: RowBuffer, value: number): void {
  if (value >= 0 && value < 0x7fff_ffff && Number.isInteger(value) && !Object.is(value, -0)) out.varint(value + 1)
  else {
    out.varint(0)
    out.f64(value)
  }
}

const tags = { none: 0, string: 1, number: 2, yes: 3, no: 4, set: 5, map: 6, bytes: 7, list: 8, json: 9 } as const

/** What an aggregate keeps beside its numbers: nothing, a scalar, a set or a list of scalars, numbers by scalar, or bytes. */
function writeKept(out: RowBuffer, kept: unknown): void {
  if (typeof kept === 'string') {
    out.u8(tags.string)
    out.string(kept)
  } else if (typeof kept === 'number') {
    out.u8(tags.number)
    writeNumber(out, kept)
  } else if (typeof kept === 'boolean') out.u8(kept ? tags.yes : tags.no)
  else if (kept instanceof Set) {
    out.u8(tags.set)
    out.varint(kept.size)
    for (const value of kept) writeKept(out, value)
  } else if (kept instanceof Map) {
    out.u8(tags.map)
    out.varint(kept.size)
    for (const [value, count] of kept) {
      writeKept(out, value)
      writeNumber(out, count as number)
    }
  } else if (kept instanceof Uint8Array) {
    out.u8(tags.bytes)
    out.blob(kept)
  } else if (Array.isArray(kept)) {
    out.u8(tags.list)
    out.varint(kept.length)
    for (const value of kept) writeKept(out, value)
  } else out.u8(tags.none)
}

class StateReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  u8(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw new StateError("a profile's state ends early")
    return value
  }

  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.u8()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  f64(): number {
    this.#at += 8
    if (this.#at > this.#bytes.length) throw new StateError("a profile's state ends early")
    return this.#bytes.readDoubleLE(this.#at - 8)
  }

  number(): number {
    const small = this.varint()
    return small === 0 ? this.f64() : small - 1
  }

  string(): string {
    return this.#blob().toString('utf8')
  }

  #blob(): Buffer {
    const length = this.varint()
    this.#at += length
    if (this.#at > this.#bytes.length) throw new StateError("a profile's state ends early")
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #json(): unknown {
    try {
      return JSON.parse(this.string())
    } catch (cause) {
      throw new StateError("a profile's state holds text that is no JSON", { cause })
    }
  }

  /** A trait's text is not cut as in `kept`: traits have a bound of their own. */
  trait(): unknown {
    if (this.#bytes[this.#at] !== tags.string) return this.kept()
    this.#at++
    return this.string()
  }

  /** What an aggregate keeps. Texts are cut to the present bound: before fold version 2 they were kept whole. */
  kept(): unknown {
    switch (this.u8()) {
      case tags.none:
        return undefined
      case tags.string:
        return boundText(this.string())
      case tags.number:
        return this.number()
      case tags.yes:
        return true
      case tags.no:
        return false
      case tags.set: {
        const values = new Set<unknown>()
        for (let n = this.varint(); n > 0; n--) values.add(this.kept())
        return values
      }
      case tags.map: {
        const counts = new Map<unknown, number>()
        for (let n = this.varint(); n > 0; n--) {
          const value = this.kept()
          const count = this.number()
          counts.set(value, count + (counts.get(value) ?? 0))
        }
        return counts
      }
      case tags.bytes:
        // A copy, since a view would keep all bytes of the query in memory.
        return new Uint8Array(this.#blob())
      case tags.list: {
        const values: unknown[] = []
        for (let n = this.varint(); n > 0; n--) values.push(this.kept())
        return values
      }
      case tags.json:
        return this.#json()
      default:
        throw new StateError("a profile's state holds an unknown tag")
    }
  }
}
