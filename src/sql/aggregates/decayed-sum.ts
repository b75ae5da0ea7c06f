import { type AggregateSql, clamp, type FeatureRows, nowMs, rowMs } from '../aggregate.ts'
import { quoteNumber } from '../quote.ts'

/** The stream's bound for a value. */
const maxSize = 1e290
/** What both ways may round, as a share of the sum of the sizes. */
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
