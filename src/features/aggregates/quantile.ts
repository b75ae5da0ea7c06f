import type { Aggregate } from '../aggregate.ts'
import { type Buckets, maxBuckets, widen, widened } from './buckets.ts'
import { BucketsTotal } from './quantile-total.ts'

/** Numbers closer to 0 than this count as 0. */
const smallest = 1e-9

/**
 * The q-quantile: of n numbers in ascending order, the one at the 0-based place floor(q·(n - 1)), to a relative `error`;
 * null for none. As in DDSketch (Masson and others, 2019), numbers are counted in buckets whose borders grow by
 * γ = (1 + error) / (1 - error); so the order does not matter, and rows merge by adding. If there are more than 1,000
 * buckets, each two neighbours are joined into one, which squares γ, until they fit (UDDSketch, Epicoco and others, 2020).
 * Each step about doubles the error, for all quantiles alike. The one cell counts these steps.
 */
export function quantile(q: number, error: number): Aggregate {
  const logGamma = Math.log((1 + error) / (1 - error))
  const logSmallest = Math.log(smallest)

  const bucketOf = (value: number): number => {
    const size = Math.abs(value)
    if (size <= smallest) return 0
    return Math.sign(value) * Math.max(1, Math.ceil((Math.log(size) - logSmallest) / logGamma))
  }
  /** The number that stands for a bucket: within the error of every number in it. */
  const numberOf = (bucket: number, steps: number): number => {
    if (bucket === 0) return 0
    const logWidth = logGamma * 2 ** steps
    const log = logSmallest + Math.abs(bucket) * logWidth + Math.log(2 / (1 + Math.exp(logWidth)))
    return Math.sign(bucket) * Math.min(Math.exp(log), Number.MAX_VALUE)
  }
  const quantileOf = (buckets: Buckets, numbers: number, steps: number): number => {
    let left = Math.floor(q * (numbers - 1))
    const ascending = new Float64Array(buckets.size)
    let end = 0
    for (const bucket of buckets.keys()) ascending[end++] = bucket
    const found = ascending.sort().find((bucket) => {
      left -= buckets.get(bucket)!
      return left < 0
    })
    return numberOf(found!, steps)
  }
  const merge = (cells: number[], at: number, kept: unknown, steps: number, from: Buckets | undefined) => {
    if (from === undefined) return kept as Buckets | undefined
    let buckets = (kept as Buckets | undefined) ?? new Map()
    while (cells[at]! < steps) buckets = widenAt(buckets, cells, at)
    for (const [bucket, n] of from) {
      const place = widened(bucket, cells[at]! - steps)
      buckets.set(place, (buckets.get(place) ?? 0) + n)
    }
    while (buckets.size > maxBuckets) buckets = widenAt(buckets, cells, at)
    return buckets
  }
  return {
    cells: 1,
    keeps: true,
    type: 'dyn',
    start() {},
    add(cells, at, value, _timeMs, kept, _key, totals) {
      if (typeof value !== 'number') return kept
      let buckets = (kept as Buckets | undefined) ?? new Map()
      const bucket = widened(bucketOf(value), cells[at]!)
      const before = buckets.get(bucket) ?? 0
      const isWiden = buckets.size + (before === 0 ? 1 : 0) > maxBuckets
      const isNew = buckets.size === 0
      const of = (totals?.of ?? none) as readonly BucketsTotal[]
      if (isWiden) for (const total of of) total.leave(cells, at, buckets)
      buckets.set(bucket, before + 1)
      while (buckets.size > maxBuckets) buckets = widenAt(buckets, cells, at)
      if (isWiden || isNew) for (const total of of) total.enter(cells, at, buckets)
      else for (const total of of) total.add(bucket, cells[at]!)
      return buckets
    },
    merge: (cells, at, kept, from, fromAt, fromKept) =>
      merge(cells, at, kept, from[fromAt]!, fromKept as Buckets | undefined),
    read(panes, from, to, offset, keptAt) {
      const total = [0]
      let buckets: Buckets | undefined
      for (let row = from; row < to; row++) {
        const kept = panes.kept[row * panes.keptStride + keptAt] as Buckets | undefined
        buckets = merge(total, 0, buckets, panes.cells[row * panes.stride + offset]!, kept)
      }
      if (buckets === undefined) return null
      let numbers = 0
      for (const count of buckets.values()) numbers += count
      return quantileOf(buckets, numbers, total[0]!)
    },
    makeTotal: () => new BucketsTotal(quantileOf),
    readsOneRowAsItIs: true,
  }
}

const none: readonly BucketsTotal[] = []

/** Joins each two neighbours into one bucket, and counts the step. */
function widenAt(buckets: Buckets, cells: number[], at: number): Buckets {
  cells[at]!++
  return widen(buckets)
}
