/** More buckets are never kept. */
export const maxBuckets = 1_000

/** Counts by bucket: 0 holds the zeros, ±k the sizes in (s·γ^(k-1), s·γ^k] of that sign, where s is the smallest. */
export type Buckets = Map<number, number>

/** The bucket that holds a bucket's numbers after this many steps of widening. */
export const widened = (bucket: number, steps: number) => Math.sign(bucket) * Math.ceil(Math.abs(bucket) / 2 ** steps)

/** Joins each two neighbours into one bucket. */
export function widen(buckets: Buckets): Buckets {
  const wider: Buckets = new Map()
  for (const [bucket, n] of buckets) {
    const place = widened(bucket, 1)
    wider.set(place, (wider.get(place) ?? 0) + n)
  }
  return wider
}
