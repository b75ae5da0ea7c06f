/** By how much this machine's wall clock and its monotonic one may part before the brokers are asked again; ms. */
const partMs = 1_000

/**
 * The brokers' time, as this process knows it: what they said last, and what has passed since by the monotonic clock. The
 * wall clock of this machine has no part in it, but that a jump of it may mean that the monotonic clock stood still too (a
 * machine that was suspended): then nothing is known until the brokers are asked again.
 */
export class BrokerClock {
  readonly #wall: () => number
  readonly #monotonic: () => number
  /** The brokers' time less the monotonic one; ms. */
  #offsetMs: number | undefined
  /** The wall clock less the monotonic one, when the brokers were asked; ms. */
  #wallOffsetMs = 0

  constructor(wall: () => number = Date.now, monotonic: () => number = () => performance.now()) {
    this.#wall = wall
    this.#monotonic = monotonic
  }

  /**
   * To be called before the brokers are asked.
   * @returns to be called when they have answered, and then with what they said, when that is known
   */
  ask(): () => (brokersMs: number) => void {
    const askedMs = this.#monotonic()
    return () => {
      const answeredMs = this.#monotonic()
      return (brokersMs) => {
        // Somewhere on the way they read their clock.
        this.#offsetMs = brokersMs - (askedMs + answeredMs) / 2
        this.#wallOffsetMs = this.#wall() - this.#monotonic()
      }
    }
  }

  /** Whole ms since 1970; undefined where the brokers are to be asked. */
  nowMs(): number | undefined {
    const now = this.#monotonic()
    if (this.#offsetMs === undefined || Math.abs(this.#wall() - now - this.#wallOffsetMs) > partMs) return undefined
    return Math.floor(now + this.#offsetMs)
  }
}
