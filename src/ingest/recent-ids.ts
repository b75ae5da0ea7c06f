/**
 * The event ids that one customer sent within the de-duplication window. An id is kept as a 53-bit hash beside the
 * stream time at which it came, in an open-addressing table of plain numbers: with 1,000 ids kept, two of them collide (and one event is
 * taken for a duplicate) once in about 10^10 customers. Bound: `maxIds`; past it the oldest go first.
 */
export class RecentIds {
  /** Pairs of hash + 1 (0 is free) and time; the number of pairs is a power of two, at most half of them used. */
  #table: number[] = []
  #used = 0

  /**
   * Notes an id. The window counts from the stream time at which the id was first seen, not from its event's own time,
   * so that a late event's duplicate is known as long as any other.
   * @returns false when the id was already there
   */
  add(hash: number, streamTimeMs: number, windowMs: number, maxIds: number): boolean {
    const oldestMs = streamTimeMs - windowMs
    if (this.#used * 4 >= this.#table.length) this.#rebuild(oldestMs, maxIds)
    const at = this.#find(hash)
    if (this.#table[at] !== 0) {
      if (this.#table[at + 1]! >= oldestMs) return false
      this.#table[at + 1] = streamTimeMs
      return true
    }
    this.#table[at] = hash + 1
    this.#table[at + 1] = streamTimeMs
    this.#used++
    return true
  }

  /** The pairs of hash and time, for a checkpoint. */
  *entries(): Generator<readonly [hash: number, timeMs: number]> {
    for (let at = 0; at < this.#table.length; at += 2) {
      if (this.#table[at] !== 0) yield [this.#table[at]! - 1, this.#table[at + 1]!]
    }
  }

  get size(): number {
    return this.#used
  }

  #find(hash: number): number {
    const mask = this.#table.length - 1
    let at = (hash * 2) & mask & ~1
    while (this.#table[at] !== 0 && this.#table[at] !== hash + 1) at = (at + 2) & mask
    return at
  }

  /** Takes over the pairs of a checkpoint. */
  restore(entries: readonly (readonly [hash: number, timeMs: number])[]): void {
    this.#refill(entries)
  }

  /** Drops what left the window or is too much, and makes room for as many again. */
  #rebuild(oldestMs: number, maxIds: number): void {
    let live = [...this.entries()].filter(([, timeMs]) => timeMs >= oldestMs)
    if (live.length >= maxIds) live = live.sort(([, a], [, b]) => b - a).slice(0, maxIds >> 1)
    this.#refill(live)
  }

  #refill(live: readonly (readonly [hash: number, timeMs: number])[]): void {
    let pairs = 4
    while (pairs < live.length * 4) pairs *= 2
    this.#table = new Array(pairs * 2).fill(0)
    this.#used = live.length
    for (const [hash, timeMs] of live) {
      const at = this.#find(hash)
      this.#table[at] = hash + 1
      this.#table[at + 1] = timeMs
    }
  }
}

/** A 53-bit hash of an id: two 32-bit multiply-and-rotate lanes over its UTF-16 units, mixed as in MurmurHash3. */
export function hashId(id: string): number {
  let a = 0xdeadbeef ^ id.length
  let b = 0x41c6ce57 ^ id.length
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x85ebca77)
    b = Math.imul(b ^ unit, 0xc2b2ae3d)
    a = (a << 13) | (a >>> 19)
    b = (b << 15) | (b >>> 17)
  }
  a = Math.imul(a ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (a >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (b >>> 13), 0xc2b2ae35)
  return (b >>> 11) * 0x1_0000_0000 + (a >>> 0)
}
