import type { AggregateSql, FeatureRows } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

/** The same as in the stream's sketch. */
const smallest = 1e-9
const maxBuckets = 1_000

/** The exact number at its place; the stream has it within the relative `error`, or that of its widened buckets. */
export function quantileSql(rows: FeatureRows, q: number, error: number): AggregateSql {
  const place = `toInt64(floor(${quoteNumber(q)} * (toFloat64(length(a)) - 1))) + 1`
  const largest = 'arrayMax(n -> abs(n), a)'
  return {
    text: `arrayMap(a -> if(empty(a), (NULL, 0, 0), (a[${place}], toFloat64(arrayUniq(a)), ${largest})), [arraySort(groupArrayIf(${rows.number()}, ${rows.counts}))])[1]`,
    read: (cell) => (cell as QuantileCell)[0],
    allows: (streamed, cell) => {
      const [value, values, most] = cell as QuantileCell
      if (value === null || typeof streamed !== 'number') return false
      const relative = Math.tanh(bucketWidth(error, values, most) / 2)
      return Math.abs(streamed - value) <= relative * Math.abs(value) * (1 + 1e-9) + smallest
    },
  }
}

/** The largest width that the sketch's buckets may have reached, as a logarithm: it doubles until everything fits. */
function bucketWidth(error: number, values: number, most: number): number {
  let width = Math.log((1 + error) / (1 - error))
  const buckets = () => Math.min(values, 2 * (Math.log(Math.max(most, smallest) / smallest) / width + 1) + 1)
  while (buckets() > maxBuckets) width *= 2
  return width
}

type QuantileCell = readonly [value: number | null, values: number, most: number]
