/** A small seeded generator of pseudo-random numbers (xoshiro128**, Blackman and Vigna 2018): the same seed, the same run. */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  /** Seeds that differ in any bit give unrelated sequences; each word is mixed by splitmix32. */
  constructor(seed: number) {
    let mixed = seed | 0
    const word = (): number => {
      mixed = (mixed + 0x9e3779b9) | 0
      let z = mixed
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    this.#a = word()
    this.#b = word()
    this.#c = word()
    this.#d = word()
  }

  /** 32 random bits, from 0 to 2^32 - 1. */
  bits(): number {
    const scrambled = Math.imul(this.#b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result
  }

  /** At least 0, less than 1. */
  unit(): number {
    return this.bits() / 0x1_0000_0000
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.unit() * count)
  }

  /** True in that share of the calls. */
  chance(share: number): boolean {
    return this.unit() < share
  }

  /** Exponentially distributed with that mean: the gaps between things that happen independently. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit()) * mean
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}
