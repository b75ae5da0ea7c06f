import type { RowBuffer } from '../store/row-binary.ts'
import { StateError } from '../store/state-error.ts'
import { caseSection } from './case-section.ts'
import { consentSection } from './consent-section.ts'
import { contactSection } from './contact-section.ts'
import type { Profile } from './profile.ts'
import type { StateReader } from './state-values.ts'

/**
 * A part of a profile's state that most customers do not have. It is written only where it is not empty, under its id. So a new
 * part needs no new format: a version that does not know the id refuses the state, as it must.
 */
export interface Section {
  /** 1 to 255; never used for anything else again. */
  readonly id: number
  readonly isEmpty: (profile: Profile) => boolean
  readonly write: (out: RowBuffer, profile: Profile) => void
  readonly read: (reader: StateReader, profile: Profile) => void
}

/** By id. */
const sections: readonly Section[] = [caseSection, consentSection, contactSection]

export function writeSections(out: RowBuffer, profile: Profile): void {
  for (const { id, isEmpty, write } of sections) {
    if (isEmpty(profile)) continue
    out.u8(id)
    write(out, profile)
  }
}

/** Reads up to the end. @throws StateError where a later version wrote a section */
export function readSections(reader: StateReader, profile: Profile): void {
  while (!reader.done) {
    const id = reader.u8()
    const section = sections.find((known) => known.id === id)
    if (section === undefined)
      throw new StateError(`a profile's state has a section ${id}: a later version of beckon wrote it`)
    section.read(reader, profile)
  }
}
