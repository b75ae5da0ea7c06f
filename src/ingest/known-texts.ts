import { type Cursor, readLong, readText, take } from './avro-cursor.ts'

/** A power of two. Full of the longest texts, all slots together hold about 1 MiB. */
const slots = 1024
/** Shorter texts are made as fast as they are found. Comparing by words needs at least four bytes. */
const minBytes = 16
const maxBytes = 512

interface Known {
  readonly words: Int32Array
  readonly bytes: number
  readonly text: string
}

/**
 * Texts that many events share, such as user agents. A text read before is found by its bytes: no new string is made, and
 * a map that has seen that string need not hash or compare it again. When two texts fall into one slot, the newer stays.
 */
export class KnownTexts {
  readonly #known = new Array<Known | undefined>(slots).fill(undefined)

  /** As `readText`. */
  read(cursor: Cursor): string {
    const from = cursor.at
    const bytes = readLong(cursor)
    const at = cursor.base + take(cursor, bytes)
    if (bytes >= minBytes && bytes <= maxBytes) {
      const { view } = cursor
      const slot = hash(view, at, bytes) & (slots - 1)
      const known = this.#known[slot]
      if (known !== undefined && known.bytes === bytes && areEqual(known.words, view, at, bytes)) return known.text
      cursor.at = from
      const text = readText(cursor)
      this.#known[slot] = { words: wordsOf(view, at, bytes), bytes, text }
      return text
    }
    cursor.at = from
    return readText(cursor)
  }
}

/** Bytes are read as 32-bit words; the last word overlaps the one before. */
function hash(view: DataView, at: number, bytes: number): number {
  const last = at + bytes - 4
  let mixed = Math.imul(view.getInt32(last, true), 0x85eb_ca6b)
  for (let i = at; i < last; i += 4) mixed = Math.imul(mixed ^ view.getInt32(i, true), 0x9e37_79b1)
  return mixed ^ (mixed >>> 16)
}

function areEqual(words: Int32Array, view: DataView, at: number, bytes: number): boolean {
  const last = at + bytes - 4
  if (words[words.length - 1] !== view.getInt32(last, true)) return false
  let i = 0
  while (i < words.length - 1 && words[i] === view.getInt32(at + i * 4, true)) i++
  return i === words.length - 1
}

function wordsOf(view: DataView, at: number, bytes: number): Int32Array {
  const words = new Int32Array((bytes + 3) >> 2)
  for (let i = 0; i < words.length; i++) words[i] = view.getInt32(Math.min(at + i * 4, at + bytes - 4), true)
  return words
}
