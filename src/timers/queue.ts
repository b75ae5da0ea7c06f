/**
 * Whose timers are due next: a heap by time with one entry per customer, which may be out of date. A timer that was moved
 * to later or cancelled leaves its entry behind; whoever takes the entry checks the profile. So nothing is scanned, and
 * only a timer that is due costs anything.
 *
 * Bound: `maxEntries`. Past it, the later half is forgotten. What lies past the cursor is read from the store again when
 * its time comes (`DueTimers` knows how).
 */

/** Where, in the order of (due, customer), the queue's knowledge ends. undefined: it knows all timers. */
export interface Cursor {
  readonly dueMs: number
  /** The last customer at that time that it knows of. */
  readonly customer: string
}

export interface Due {
  readonly customer: string
  /** When the first of the customer's timers is due, or earlier; ms. */
  readonly dueMs: number
}

/** The queue knows none of the timers in the store. */
const beginning: Cursor = { dueMs: 0, customer: '' }

export class TimerQueue {
  readonly #maxEntries: number
  /** A binary heap. An entry is void if its time is not the customer's in `#dueOf`. */
  #heap: Due[] = []
  readonly #dueOf = new Map<string, number>()
  #cursor: Cursor | undefined

  /** @param complete whether the queue starts with all timers: no store has more */
  constructor(maxEntries: number, complete: boolean) {
    this.#maxEntries = maxEntries
    this.#cursor = complete ? undefined : beginning
  }

  /** Customers with an entry. */
  get size(): number {
    return this.#dueOf.size
  }

  get cursor(): Cursor | undefined {
    return this.#cursor
  }

  /** When the next entry is due; ms, infinite if there is none. */
  get nextMs(): number {
    this.#dropVoid()
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Makes sure that the customer is taken no later than `dueMs`. A time past the cursor is left to the store. */
  add(customer: string, dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY || (this.#cursor !== undefined && dueMs > this.#cursor.dueMs)) return
    const known = this.#dueOf.get(customer)
    if (known !== undefined && known <= dueMs) return
    this.#dueOf.set(customer, dueMs)
    this.#push({ customer, dueMs })
    if (this.#heap.length > this.#maxEntries) this.#shed()
  }

  /** Takes the customers whose entries are due by the clock, at most `most` of them, in the order of (due, customer). */
  take(clockMs: number, most: number): string[] {
    const taken: string[] = []
    while (taken.length < most && this.nextMs <= clockMs) {
      const { customer } = this.#pop()
      this.#dueOf.delete(customer)
      taken.push(customer)
    }
    return taken
  }

  /**
   * Call before reading timers from the store, starting at the cursor returned here. Until `endReading` everything that is
   * added is kept, since the reading may miss it.
   */
  beginReading(): Cursor {
    const from = this.#cursor ?? beginning
    this.#cursor = undefined
    return from
  }

  /** @param cursor where the reading ended; undefined if it found all there is */
  endReading(found: readonly Due[], cursor: Cursor | undefined): void {
    for (const { customer, dueMs } of found) this.add(customer, dueMs)
    // Meanwhile the queue may have forgotten entries before that, or some of that very time.
    if (cursor !== undefined && !(this.#cursor !== undefined && this.#cursor.dueMs <= cursor.dueMs)) {
      this.#cursor = cursor
    }
  }

  /** Forgets void entries, and the later half of the rest if that is not enough. */
  #shed(): void {
    const known = this.#heap.filter((entry) => this.#isTrue(entry)).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    const kept = known.slice(0, this.#maxEntries / 2)
    this.#heap = kept // Sorted, so a heap.
    if (kept.length === known.length) return
    this.#dueOf.clear()
    for (const { customer, dueMs } of kept) this.#dueOf.set(customer, dueMs)
    // Some of the forgotten customers may be due at this last time too.
    this.#cursor = { dueMs: kept.at(-1)!.dueMs, customer: '' }
  }

  #isTrue({ customer, dueMs }: Due): boolean {
    return this.#dueOf.get(customer) === dueMs
  }

  #dropVoid(): void {
    while (this.#heap.length > 0 && !this.#isTrue(this.#heap[0]!)) this.#pop()
  }

  #push(entry: Due): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(entry, heap[above]!)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
  }

  #pop(): Due {
    const heap = this.#heap
    const top = heap[0]!
    const entry = heap.pop()!
    if (heap.length === 0) return top
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, entry)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = entry
    return top
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.customer < b.customer)
}
