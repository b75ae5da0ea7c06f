import type { Hold } from '../decide/contact-policy/holds.ts'
import type { Contact } from '../decide/contact-policy/past-contacts.ts'
import type { Reaction } from '../decide/contact-policy/suppressions.ts'
import type { Selectable } from '../decide/selector.ts'
import type { RowBuffer } from '../store/row-binary.ts'
import type { Profile } from './profile.ts'
import { type StateReader, writeNumber } from './state-values.ts'

/** What the contact policy looks at: past contacts, what came of them, and the actions that wait. */
export const contactSection = {
  id: 3,
  isEmpty: ({ pastContacts, reactions, holds }: Profile) => pastContacts.length + reactions.length + holds.length === 0,

  write(out: RowBuffer, { pastContacts, reactions, holds }: Profile): void {
    out.varint(pastContacts.length)
    for (const { id, timeMs, counts, ...names } of pastContacts) {
      out.string(id)
      writeNumber(out, timeMs)
      out.bool(counts)
      writeNames(out, names)
    }
    out.varint(reactions.length)
    for (const { outcome, timeMs, ...names } of reactions) {
      out.string(outcome)
      writeNumber(out, timeMs)
      writeNames(out, names)
    }
    out.varint(holds.length)
    for (const { action, rule, sinceMs, endMs } of holds) {
      out.string(action)
      out.string(rule)
      writeNumber(out, sinceMs)
      writeNumber(out, endMs)
    }
  },

  read(reader: StateReader, profile: Profile): void {
    const pastContacts: Contact[] = []
    for (let n = reader.varint(); n > 0; n--) {
      const own = { id: reader.string(), timeMs: reader.number(), counts: reader.u8() === 1 }
      pastContacts.push({ ...own, ...readNames(reader) })
    }
    const reactions: Reaction[] = []
    for (let n = reader.varint(); n > 0; n--) {
      const own = { outcome: reader.string(), timeMs: reader.number() }
      reactions.push({ ...own, ...readNames(reader) })
    }
    const holds: Hold[] = []
    for (let n = reader.varint(); n > 0; n--) {
      const own = { action: reader.string(), rule: reader.string() }
      holds.push({ ...own, sinceMs: reader.number(), endMs: reader.number() })
    }
    Object.assign(profile, { pastContacts, reactions, holds })
  },
}

type Names = Selectable & { readonly tags: readonly string[] }

function writeNames(out: RowBuffer, { name, group = '', tags, channel }: Names): void {
  out.string(name)
  out.string(group)
  out.strings(tags)
  out.string(channel)
}

function readNames(reader: StateReader): Names {
  const [name, group] = [reader.string(), reader.string()]
  const tags: string[] = []
  for (let n = reader.varint(); n > 0; n--) tags.push(reader.string())
  return { name, group, tags, channel: reader.string() }
}
