import { Random } from '../../src/tools/demo/random.ts'

export interface SentEvent {
  readonly id: string
  readonly customer: string
  readonly type: string
  readonly price: number
  readonly timeMs: number
}

/** A fifth of the customers is there at a time, for so long; the others come by now and then. */
const presentShare = 0.2
const presenceMs = 6_000
const types = [...Array(11).fill('view'), ...Array(3).fill('add'), ...Array(2).fill('buy'), ...Array(4).fill('look')]
/** Out of how many of the latest events a repeated one is. */
const repeatable = 2_000

/** Events of now, of which some are late and some were sent before; content by the seed, times by the clock. */
export class Stream {
  readonly #random: Random
  readonly #customers: number
  readonly #prefix: string
  readonly #latest: SentEvent[] = []
  #count = 0

  /** @param prefix of the customers' names and the events' ids */
  constructor(seed: number, customers: number, prefix: string) {
    this.#random = new Random(seed)
    this.#customers = customers
    this.#prefix = prefix
  }

  next(nowMs: number): SentEvent {
    const random = this.#random
    if (this.#latest.length > 0 && random.chance(0.01)) return random.pick(this.#latest)
    const event = {
      id: `${this.#prefix}e${this.#count}`,
      customer: `${this.#prefix}c${this.#customer(nowMs)}`,
      type: random.pick(types) as string,
      price: random.below(10_000),
      timeMs: nowMs - this.#delayMs(),
    }
    this.#latest[this.#count++ % repeatable] = event
    return event
  }

  #customer(nowMs: number): number {
    const random = this.#random
    if (random.chance(0.2)) return random.below(this.#customers)
    const present = Math.ceil(this.#customers * presentShare)
    const first = Math.floor(nowMs / presenceMs) * present
    return (first + random.below(present)) % this.#customers
  }

  /** Most are of now; some come behind later ones, and a few when their windows are over. */
  #delayMs(): number {
    const kind = this.#random.unit()
    return kind < 0.93 ? this.#random.below(200) : this.#random.below(kind < 0.99 ? 2_000 : 9_000)
  }
}
