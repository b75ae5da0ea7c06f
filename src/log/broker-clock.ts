/** How far this machine's wall clock and its monotonic clock may drift apart before the brokers are asked again; ms. */
const partMs = 1_000

/**
 * The brokers' time, as this process knows it: what they said last, plus what has passed since by the monotonic clock. This
 * machine's wall clock only serves as a check. If it jumps, the machine may have been suspended, and the monotonic clock with
 * it; then the time is unknown until the brokers are asked again.
 */
export class BrokerClock {
  readonly #wall: () => number
  readonly #monotonic: () => number
  /** The brokers' time minus the monotonic clock; ms. */
  #offsetMs: number | undefined
  /** The wall clock minus the monotonic clock, when the brokers were asked; ms. */
  #wallOffsetMs = 0

  constructor(wall: () => number = Date.now, monotonic: () => number = () => performance.now()) {
    this.#wall = wall
    this.#monotonic = monotonic
  }

  /**
   * To be called before the brokers are asked.
   * @returns call it when they have answered; then call what that returns with the time that they gave
   */
  ask(): () => (brokersMs: number) => void {
    const askedMs = this.#monotonic()
    return () => {
      const answeredMs = this.#monotonic()
      return (brokersMs) => {
        // They read their clock at some moment in between.
        this.#offsetMs = brokersMs - (askedMs + answeredMs) / 2
        this.#wallOffsetMs = this.#wall() - this.#monotonic()
      }
    }
  }

  /** Whole ms since 1970; undefined where the brokers must be asked. */
  nowMs(): number | undefined {
    const now = this.#monotonic()
    if (this.#offsetMs === undefined || Math.abs(this.#wall() - now - this.#wallOffsetMs) > partMs) return undefined
    return Math.floor(now + this.#offsetMs)
  }
}
