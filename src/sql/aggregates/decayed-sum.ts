import { type AggregateSql, clamp, type FeatureRows, nowMs, rowMs } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

/** As the stream bounds a value. */
const maxSize = 1e290
/** Of the sum of the sizes: what both ways may round. */
const bound = 1e-11

export function decayedSumSql(rows: FeatureRows, halfLifeMs: number): AggregateSql {
  const weight = `exp2(toFloat64(${rowMs} - ${nowMs}) / ${quoteNumber(halfLifeMs)})`
  const term = rows.column(`${clamp(rows.number(), maxSize)} * ${weight}`)
  const sum = (of: string) => `ifNull(sumKahanIf(${of}, ${rows.counts}), 0)`
  return {
    text: `(${sum(term)}, ${sum(`abs(${term})`)})`,
    read: (cell) => (cell as DecayedCell)[0],
    allows: (streamed, cell) => {
      const [value, size] = cell as DecayedCell
      return Math.abs((streamed as number) - value) <= bound * size
    },
  }
}

type DecayedCell = readonly [sum: number, size: number]
