/**
 * Whose timers are due next: a heap by time with one entry a customer, which need not be true. A timer that moved to later
 * or was cancelled leaves its entry behind, and whoever takes it asks the profile. So nothing is scanned, and only a timer
 * that is due costs anything.
 *
 * Bound: `maxEntries`. Past it the later half is forgotten; what lies past the cursor is read again from the store when its
 * time comes (`DueTimers` knows how).
 */

/** Where in the order of (due, customer) the queue's knowledge ends; undefined: it knows all timers. */
export interface Cursor {
  readonly dueMs: number
  /** The last customer of that time that it knows of. */
  readonly customer: string
}

export interface Due {
  readonly customer: string
  /** When the first of the customer's timers is due, or earlier; ms. */
  readonly dueMs: number
}

/** It knows of no timer that the store has. */
const beginning: Cursor = { dueMs: 0, customer: '' }

export class TimerQueue {
  readonly #maxEntries: number
  /** A binary heap; an entry of a time other than the customer's in `#dueOf` is void. */
  #heap: Due[] = []
  readonly #dueOf = new Map<string, number>()
  #cursor: Cursor | undefined

  /** @param complete there is no store that knows of further timers */
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

  /** When the next entry is due; ms, infinite where there is none. */
  get nextMs(): number {
    this.#dropVoid()
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Makes sure that the customer is taken no later than that. What lies past the cursor is left to the store. */
  add(customer: string, dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY || (this.#cursor !== undefined && dueMs > this.#cursor.dueMs)) return
    const known = this.#dueOf.get(customer)
    if (known !== undefined && known <= dueMs) return
    this.#dueOf.set(customer, dueMs)
    this.#push({ customer, dueMs })
    if (this.#heap.length > this.#maxEntries) this.#shed()
  }

  /** Takes the customers whose entries are due by the clock, at most so many, in the order of (due, customer). */
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
   * A reading of the store begins, from where the knowledge ends: until it is over all that is added is kept, since the
   * reading may miss it.
   */
  beginReading(): Cursor {
    const from = this.#cursor ?? beginning
    this.#cursor = undefined
    return from
  }

  /** @param cursor where the reading ended; undefined where it found all that there is */
  endReading(found: readonly Due[], cursor: Cursor | undefined): void {
    for (const { customer, dueMs } of found) this.add(customer, dueMs)
    // It may have forgotten what is earlier meanwhile, or some of that very time.
    if (cursor !== undefined && !(this.#cursor !== undefined && this.#cursor.dueMs <= cursor.dueMs)) {
      this.#cursor = cursor
    }
  }

  /** Forgets void entries, and, where there are few of them, the later half. */
  #shed(): void {
    const known = this.#heap.filter((entry) => this.#isTrue(entry)).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    const kept = known.slice(0, this.#maxEntries / 2)
    this.#heap = kept // Sorted, so a heap.
    if (kept.length === known.length) return
    this.#dueOf.clear()
    for (const { customer, dueMs } of kept) this.#dueOf.set(customer, dueMs)
    // Customers of the last time may be among those forgotten.
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
