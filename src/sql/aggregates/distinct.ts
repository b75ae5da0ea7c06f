import { type AggregateSql, type FeatureRows, readNumber } from '../aggregate.ts'

/**
 * How far the stream's estimate may be off: five times its standard error of 1.04 / √4096, exceeded once in two million sets
 * of values. With few values, what matters is how many fall into the same register: two more than expected happens now and
 * then with 20 values; seven more with 75 values is as rare as the once in two million.
 */
const boundOf = (count: number) => Math.max(((5 * 1.04) / 64) * count, 4 + 0.04 * count)

/** Exact. The stream is exact only up to `max` values in the window; past that it has an estimate, which is above `max`. */
export const distinctSql = (rows: FeatureRows, max: number): AggregateSql => ({
  text: `toFloat64(uniqExactIf(${rows.dyn()}, ${rows.countsScalar()}))`,
  read: readNumber,
  allows: (streamed, cell) => {
    const [estimate, count] = [streamed as number, cell as number]
    return count > max && estimate > max && Math.abs(estimate - count) <= boundOf(count)
  },
})
