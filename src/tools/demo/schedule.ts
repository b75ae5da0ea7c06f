/** Items by the time at which they are due, the earliest first: a binary heap. Ties keep no order. */
export class Schedule<T> {
  readonly #times: number[] = []
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  add(time: number, item: T): void {
    let at = this.#items.length
    this.#items.push(item)
    this.#times.push(time)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#times[parent]! <= time) break
      this.#move(parent, at)
      at = parent
    }
    this.#times[at] = time
    this.#items[at] = item
  }

  /** The time of the earliest item; Infinity where there is none. */
  get nextTime(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY
  }

  /** The earliest item. */
  take(): T {
    const first = this.#items[0]
    const lastTime = this.#times.pop()
    const last = this.#items.pop()
    if (first === undefined || last === undefined || lastTime === undefined)
      throw new RangeError('nothing is scheduled')
    const size = this.#items.length
    if (size === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= lastTime) break
      this.#move(child, at)
      at = child
    }
    this.#times[at] = lastTime
    this.#items[at] = last
    return first
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!
    this.#items[to] = this.#items[from]!
  }
}
