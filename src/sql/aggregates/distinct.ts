import { type AggregateSql, type FeatureRows, readNumber } from '../aggregate.ts'

/**
 * How far the stream's estimate may be off: five times its standard error of 1.04 / √4096, which is exceeded once in two
 * million sets of values. Of few values what matters is how many meet in a register: two more than expected is seen now and
 * then among 20 values, and seven as seldom as that among 75.
 */
const boundOf = (count: number) => Math.max(((5 * 1.04) / 64) * count, 4 + 0.04 * count)

/** Exact up to `max` values in the window; past that the stream has an estimate, which is more than `max`. */
export const distinctSql = (rows: FeatureRows, max: number): AggregateSql => ({
  text: `toFloat64(uniqExactIf(${rows.dyn()}, ${rows.countsScalar()}))`,
  read: readNumber,
  allows: (streamed, cell) => {
    const [estimate, count] = [streamed as number, cell as number]
    return count > max && estimate > max && Math.abs(estimate - count) <= boundOf(count)
  },
})
