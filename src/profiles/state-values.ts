import { boundText } from '../features/kept-text.ts'
import type { RowBuffer } from '../store/row-binary.ts'
import { StateError } from '../store/state-error.ts'

/** The values that a profile's state is made of, to bytes and back. */

/** Small whole numbers take one to five bytes, all others nine. */
export function writeNumber(out: RowBuffer, value: number): void {
  if (value >= 0 && value < 0x7fff_ffff && Number.isInteger(value) && !Object.is(value, -0)) out.varint(value + 1)
  else {
    out.varint(0)
    out.f64(value)
  }
}

export const tags = {
  none: 0,
  string: 1,
  number: 2,
  yes: 3,
  no: 4,
  set: 5,
  map: 6,
  bytes: 7,
  list: 8,
  json: 9,
} as const

/** What an aggregate keeps beside its numbers: nothing, a scalar, a set or a list of scalars, numbers by scalar, or bytes. */
export function writeKept(out: RowBuffer, kept: unknown): void {
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

/** Reads back what `RowBuffer` and the functions above wrote. Throws StateError where the bytes are not that. */
export class StateReader {
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
