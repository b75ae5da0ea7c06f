/**
 * Texts read lately, found again by their bytes. Pages, user agents, categories and property names repeat from event to
 * event; finding one costs a third of making it, and what is found is one string object, whose hash every map that
 * it is a key of has at hand.
 */

export class TextCache {
  readonly #slotBits: number
  readonly #maxBytes: number
  readonly #slotWords: number
  readonly #texts: string[]
  readonly #lengths: Int32Array
  readonly #words: Int32Array
  /** The hash that missed last, by slot: a text is kept at its second miss, so that those seen once displace none. */
  readonly #missed: Int32Array
  #missedAt = -1

  /** Keeps at most 2^`slotBits` texts; longer ones than `maxBytes`, a multiple of four, are not looked for. */
  constructor(slotBits: number, maxBytes: number) {
    const slots = 2 ** slotBits
    this.#slotBits = slotBits
    this.#maxBytes = maxBytes
    this.#slotWords = maxBytes / 4
    this.#texts = new Array<string>(slots).fill('')
    this.#lengths = new Int32Array(slots)
    this.#words = new Int32Array(slots * this.#slotWords)
    this.#missed = new Int32Array(slots)
  }

  /** The text of those bytes; undefined where it is not known, and then `keep` may follow. */
  find(view: DataView, start: number, length: number): string | undefined {
    this.#missedAt = -1
    if (length < 4 || length > this.#maxBytes) return undefined
    const last = start + length - 4
    let hash = length
    for (let at = start; at < last; at += 4) hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
    hash = Math.imul(hash ^ view.getInt32(last, true), 0x9e3779b1)
    hash ^= hash >>> 15
    const slot = Math.imul(hash, 0x85ebca6b) >>> (32 - this.#slotBits)
    if (this.#lengths[slot] === length && this.#holds(slot, view, start, last)) return this.#texts[slot]
    if (this.#missed[slot] === hash) this.#missedAt = slot
    else this.#missed[slot] = hash
    return undefined
  }

  /** Keeps the text that `find` missed just now, if it was not its first miss. */
  keep(text: string, view: DataView, start: number, length: number): void {
    const slot = this.#missedAt
    if (slot < 0) return
    const last = start + length - 4
    let word = slot * this.#slotWords
    for (let at = start; at < last; at += 4) this.#words[word++] = view.getInt32(at, true)
    this.#words[word] = view.getInt32(last, true)
    this.#lengths[slot] = length
    this.#texts[slot] = text
  }

  /** Words of four bytes, of which the last one overlaps the one before where the length is no multiple of four. */
  #holds(slot: number, view: DataView, start: number, last: number): boolean {
    let word = slot * this.#slotWords
    for (let at = start; at < last; at += 4) {
      if (this.#words[word++] !== view.getInt32(at, true)) return false
    }
    return this.#words[word] === view.getInt32(last, true)
  }
}
