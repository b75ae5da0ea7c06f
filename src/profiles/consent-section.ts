import type { Purpose, Said } from '../consent/consent.ts'
import type { RowBuffer } from '../store/row-binary.ts'
import type { Profile } from './profile.ts'
import { type StateReader, writeNumber } from './state-values.ts'

/** What the customer has said about being addressed. */
export const consentSection = {
  id: 2,
  isEmpty: ({ consent }: Profile) => consent.size === 0,

  write(out: RowBuffer, { consent }: Profile): void {
    out.varint(consent.size)
    for (const [purpose, said] of consent) {
      out.string(purpose)
      out.varint(said.size)
      for (const [channel, { given, timeMs }] of said) {
        out.string(channel)
        out.bool(given)
        writeNumber(out, timeMs)
      }
    }
  },

  read(reader: StateReader, profile: Profile): void {
    const consent = new Map<string, Purpose>()
    for (let n = reader.varint(); n > 0; n--) {
      const said = new Map<string, Said>()
      consent.set(reader.string(), said)
      for (let m = reader.varint(); m > 0; m--) {
        said.set(reader.string(), { given: reader.u8() === 1, timeMs: reader.number() })
      }
    }
    profile.consent = consent
  },
}
