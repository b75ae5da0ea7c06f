import type { Total } from '../aggregate.ts'
import { type Buckets, maxBuckets, widen, widened } from './buckets.ts'

/**
 * The buckets of some rows, at each width: those of `levels[s]` were widened s times, and hold the rows that were widened no
 * more than that. So rows may leave, and narrower buckets do again. The widest level has all rows.
 */
export class BucketsTotal implements Total {
  readonly #levels: Buckets[] = [new Map()]
  /** How many rows that hold numbers were widened so often. */
  readonly #rowsOf: number[] = []
  #numbers = 0
  readonly #quantileOf: (buckets: Buckets, numbers: number, steps: number) => number

  /** @param quantileOf the quantile of so many numbers in buckets that were widened so often */
  constructor(quantileOf: (buckets: Buckets, numbers: number, steps: number) => number) {
    this.#quantileOf = quantileOf
  }

  enter(cells: readonly number[], at: number, kept: unknown): void {
    this.#changeAll(cells[at]!, kept as Buckets | undefined, 1)
  }

  leave(cells: readonly number[], at: number, kept: unknown): void {
    this.#changeAll(cells[at]!, kept as Buckets | undefined, -1)
  }

  /** A number comes to a row that was widened so often and has others. */
  add(bucket: number, steps: number): void {
    this.#change(bucket, steps, 1)
  }

  /** What merging the rows one by one comes to: the fewest steps that all of them have taken, and that suffice. */
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
