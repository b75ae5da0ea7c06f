export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

/** The latest samples, in a ring of bounded size. */
export class Latencies {
  readonly #samples: Float64Array
  #count = 0

  constructor(kept: number) {
    this.#samples = new Float64Array(kept)
  }

  add(ms: number): void {
    this.#samples[this.#count++ % this.#samples.length] = ms
  }

  /** By nearest rank, so both are samples; undefined where there are none. */
  percentiles(): Percentiles | undefined {
    const sorted = this.#samples.slice(0, this.#count).sort()
    if (sorted.length === 0) return undefined
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!
    return { p50: at(0.5), p99: at(0.99) }
  }
}
