import type { Total } from '../aggregate.ts'
import { type Buckets, maxBuckets, widen, widened } from './buckets.ts'

/**
 * The buckets of some rows, at each width. The buckets in `levels[s]` were widened s times, and count the rows that were
 * widened at most s times. So when a row with wide buckets leaves, the narrower ones are still there to read. The widest
 * level has all rows.
 */
export class BucketsTotal implements Total {
  readonly #levels: Buckets[] = [new Map()]
  /** By number of steps: how many rows with numbers were widened that often. */
  readonly #rowsOf: number[] = []
  #numbers = 0
  readonly #quantileOf: (buckets: Buckets, numbers: number, steps: number) => number

  /** @param quantileOf the quantile of `numbers` numbers in buckets that were widened `steps` times */
  constructor(quantileOf: (buckets: Buckets, numbers: number, steps: number) => number) {
    this.#quantileOf = quantileOf
  }

  enter(cells: readonly number[], at: number, kept: unknown): void {
    this.#changeAll(cells[at]!, kept as Buckets | undefined, 1)
  }

  leave(cells: readonly number[], at: number, kept: unknown): void {
    this.#changeAll(cells[at]!, kept as Buckets | undefined, -1)
  }

  /** A row gets one more number. @param steps how often that row was widened; it must have other numbers already */
  add(bucket: number, steps: number): void {
    this.#change(bucket, steps, 1)
  }

  /** The same as merging the rows one by one: at least as many steps as every row has taken, and enough to fit `maxBuckets`. */
  read(): number | null {
    if (this.#numbers === 0) return null
    let steps = this.#rowsOf.findLastIndex((rows) => rows > 0)
    while (this.#level(steps).size > maxBuckets) steps++
    return this.#quantileOf(this.#level(steps), this.#numbers, steps)
  }

  #changeAll(steps: number, buckets: Buckets | undefined, by: 1 | -1): void {
    if (buckets === undefined) return
    this.#level(steps)
    this.#rowsOf[steps] = (this.#rowsOf[steps] ?? 0) + by
    for (const [bucket, n] of buckets) this.#change(bucket, steps, n * by)
  }

  #change(bucket: number, steps: number, n: number): void {
    this.#numbers += n
    for (let level = steps; level < this.#levels.length; level++) {
      const buckets = this.#levels[level]!
      const place = widened(bucket, level - steps)
      const count = (buckets.get(place) ?? 0) + n
      if (count === 0) buckets.delete(place)
      else buckets.set(place, count)
    }
  }

  #level(steps: number): Buckets {
    while (this.#levels.length <= steps) {
      this.#levels.push(widen(this.#levels.at(-1)!))
    }
    return this.#levels[steps]!
  }
}
