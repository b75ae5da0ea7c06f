import type { Value } from '../events/event.ts'
import type { Aggregate } from '../features/aggregate.ts'
import type { FeatureSet } from '../features/features.ts'
import { emptyPanes, insertRow, rowCount } from '../features/panes.ts'
import type { RowBuffer } from '../store/row-binary.ts'
import { checkFormat, StateError } from '../store/state-error.ts'
import { keepState } from '../timers/states.ts'
import { packState, type Timer, unpackState } from '../timers/timer.ts'
import { Profile } from './profile.ts'
import { hashId } from './recent-ids.ts'
import { readSections, writeSections } from './sections.ts'
import { StateReader, tags, writeKept, writeNumber } from './state-values.ts'

/**
 * Encodes a profile's state for its row in the store, and decodes it. Panes and timers are stored with signatures. After a
 * change of the features or timers, those that are the same as before find their state by it; the others start empty.
 */
export const formatVersion = 4
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
  writeSections(out, profile)
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
  const version = reader.u8()
  checkFormat("a profile's state", version, oldestVersion, formatVersion)
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
  if (version >= 4) readSections(reader, profile)
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
