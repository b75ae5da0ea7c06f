/**
 * The event ids that one customer sent within the de-duplication window. Each is kept as a 53-bit hash with the stream time at
 * which it came, in an open-addressing table of plain numbers. With 1,000 ids kept, two of them collide (and one event is taken
 * for a duplicate) for about one customer in 10^10. Bound: about twice `maxIds`. When the table is full and has `maxIds` ids
 * within the window or more, the newest half of `maxIds` stay.
 *
 * What is forgotten, and when, must depend only on the ids that are kept, not on the layout of the table: a replay goes on from
 * a stored table, and must take the same events for duplicates.
 */
export class RecentIds {
  /** Pairs of hash + 1 (0 is free) and time; the number of pairs is a power of two, at most two thirds of them used. */
  #table: number[] = []
  #used = 0
  /** At this many ids `#makeRoom` runs. It is one of the values that `limitOf` gives. */
  #limit = 0

  /**
   * Notes an id. The window starts at the stream time at which the id was first seen, not at its event's own time, so that
   * duplicates of late events are recognised for just as long.
   * @returns false when the id was already there
   */
  add(hash: number, streamTimeMs: number, windowMs: number, maxIds: number): boolean {
    const oldestMs = streamTimeMs - windowMs
    if (this.#limit === 0) this.#clear(0)
    const at = this.#find(hash)
    if (this.#table[at] !== 0) {
      if (this.#table[at + 1]! >= oldestMs) return false
      this.#table[at + 1] = streamTimeMs
      return true
    }
    this.#put(at, hash, streamTimeMs)
    if (this.#used === this.#limit) this.#makeRoom(oldestMs, maxIds)
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

  copy(): RecentIds {
    const copy = new RecentIds()
    copy.#table = this.#table.slice()
    copy.#used = this.#used
    copy.#limit = this.#limit
    return copy
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

  /** Drops ids that have left the window, if they are many; drops the oldest, if there are too many; else makes more room. */
  #makeRoom(oldestMs: number, maxIds: number): void {
    const table = this.#table
    let live = 0
    for (let at = 0; at < table.length; at += 2) if (table[at] !== 0 && table[at + 1]! >= oldestMs) live++
    if (live >= maxIds) {
      const kept = Math.max(1, Math.min(live, maxIds >> 1))
      const fromMs = liveTimes(table, oldestMs, live).sort()[live - kept]!
      this.#rebuild(kept, fromMs, lastKept(table, fromMs, kept))
    } else if (live <= this.#used * worthShare) this.#rebuild(live, oldestMs)
    else if (this.#limit === limitOf(table.length / 2)) this.#rebuild(this.#used)
    else this.#limit = limitAbove(this.#used)
  }

  /** Keeps the ids from a time on; at exactly that time, only those up to a key. @param kept how many that is */
  #rebuild(kept: number, fromMs = Number.NEGATIVE_INFINITY, upToKey = Number.POSITIVE_INFINITY): void {
    const table = this.#table
    this.#clear(kept)
    for (let at = 0; at < table.length; at += 2) {
      const key = table[at]!
      const timeMs = table[at + 1]!
      if (key === 0 || timeMs < fromMs || (timeMs === fromMs && key > upToKey)) continue
      this.#put(this.#find(key - 1), key - 1, timeMs)
    }
  }

  /** Starts an empty table, less than half full with that many ids. */
  #clear(ids: number): void {
    let pairs = 4
    while (pairs <= ids * 2) pairs *= 2
    this.#table = emptyTable(pairs)
    this.#limit = limitAbove(ids)
    this.#used = 0
  }

  #put(at: number, hash: number, timeMs: number): void {
    this.#table[at] = hash + 1
    this.#table[at + 1] = timeMs
    this.#used++
  }
}

/** Ids that left the window are dropped only where they are at least a quarter; else it would soon be due again. */
const worthShare = 0.75

/** Two thirds of the pairs of a table. */
const limitOf = (pairs: number) => Math.ceil((pairs * 2) / 3)

function limitAbove(ids: number): number {
  let pairs = 4
  while (limitOf(pairs) <= ids) pairs *= 2
  return limitOf(pairs)
}

/** The largest key to keep among the ids of that time, so that with all later ones `kept` ids are kept. */
function lastKept(table: readonly number[], timeMs: number, kept: number): number {
  const ties: number[] = []
  let later = 0
  for (let at = 0; at < table.length; at += 2) {
    if (table[at] === 0) continue
    if (table[at + 1] === timeMs) ties.push(table[at]!)
    else if (table[at + 1]! > timeMs) later++
  }
  return ties.sort((a, b) => a - b)[kept - later - 1]!
}

function liveTimes(table: readonly number[], oldestMs: number, live: number): Float64Array {
  const times = new Float64Array(live)
  let count = 0
  for (let at = 0; at < table.length; at += 2) {
    if (table[at] !== 0 && table[at + 1]! >= oldestMs) times[count++] = table[at + 1]!
  }
  return times
}

/** By log2 of their pairs: arrays of zeros that V8 has already laid out for doubles. */
const emptyTables: number[][] = []

/** A copy, in one step. An array filled with 0 would be laid out for small integers, and again for the first hash. */
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
