/**
 * The event ids that one customer sent within the de-duplication window. An id is kept as a 53-bit hash beside the
 * stream time at which it came, in an open-addressing table of plain numbers: with 1,000 ids kept, two of them collide (and one event is
 * taken for a duplicate) once in about 10^10 customers. Bound: `maxIds`; past it the oldest go first.
 */
export class RecentIds {
  /** Pairs of hash + 1 (0 is free) and time; the number of pairs is a power of two, at most two thirds of them used. */
  #table: number[] = []
  #used = 0

  /**
   * Notes an id. The window counts from the stream time at which the id was first seen, not from its event's own time,
   * so that a late event's duplicate is known as long as any other.
   * @returns false when the id was already there
   */
  add(hash: number, streamTimeMs: number, windowMs: number, maxIds: number): boolean {
    const oldestMs = streamTimeMs - windowMs
    if (this.#used * 3 >= this.#table.length) this.#rebuild(oldestMs, maxIds)
    const at = this.#find(hash)
    if (this.#table[at] !== 0) {
      if (this.#table[at + 1]! >= oldestMs) return false
      this.#table[at + 1] = streamTimeMs
      return true
    }
    this.#put(at, hash, streamTimeMs)
    return true
  }

  /** Gives the pairs of hash and time, for a checkpoint. */
  forEach(give: (hash: number, timeMs: number) => void): void {
    const table = this.#table
    for (let at = 0; at < table.length; at += 2) if (table[at] !== 0) give(table[at]! - 1, table[at + 1]!)
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
    this.#clear(entries.length)
    for (const [hash, timeMs] of entries) this.#put(this.#find(hash), hash, timeMs)
  }

  /** Drops what left the window or is too much, and makes room for as many again. */
  #rebuild(oldestMs: number, maxIds: number): void {
    const table = this.#table
    let live = 0
    for (let at = 0; at < table.length; at += 2) if (table[at] !== 0 && table[at + 1]! >= oldestMs) live++
    let keptFromMs = oldestMs
    /** How many of just that time are kept. */
    let ties = live
    if (live >= maxIds) {
      const times = liveTimes(table, oldestMs, live).sort()
      live = Math.min(live, maxIds >> 1)
      keptFromMs = times[times.length - live]!
      ties = live - (times.length - 1 - times.lastIndexOf(keptFromMs))
    }
    this.#clear(live)
    for (let at = 0; at < table.length; at += 2) {
      const timeMs = table[at + 1]!
      if (table[at] === 0 || timeMs < keptFromMs || (timeMs === keptFromMs && ties-- <= 0)) continue
      const hash = table[at]! - 1
      this.#put(this.#find(hash), hash, timeMs)
    }
  }

  /** Starts an empty table, of which that many take less than half. */
  #clear(ids: number): void {
    let pairs = 4
    while (pairs <= ids * 2) pairs *= 2
    this.#table = emptyTable(pairs)
    this.#used = 0
  }

  #put(at: number, hash: number, timeMs: number): void {
    this.#table[at] = hash + 1
    this.#table[at + 1] = timeMs
    this.#used++
  }
}

function liveTimes(table: readonly number[], oldestMs: number, live: number): Float64Array {
  const times = new Float64Array(live)
  let count = 0
  for (let at = 0; at < table.length; at += 2) {
    if (table[at] !== 0 && table[at + 1]! >= oldestMs) times[count++] = table[at + 1]!
  }
  return times
}

/** By the binary logarithm of their pairs: zeros in arrays that the engine has laid out for doubles already. */
const emptyTables: number[][] = []

/** A copy, in one step; an array filled with 0 would be laid out for small integers first, and anew with the first hash. */
function emptyTable(pairs: number): number[] {
  const size = 31 - Math.clz32(pairs)
  emptyTables[size] ??= new Array<number>(pairs * 2).fill(0.5).fill(0)
  return emptyTables[size].slice()
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
