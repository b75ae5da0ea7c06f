import { type AggregateSql, type FeatureRows, nowMs, readNumber, rowMs } from '../aggregate.ts'

/** Whole seconds; no row is after the moment of reading. */
export function timeSinceSql(rows: FeatureRows, which: 'latest' | 'first'): AggregateSql {
  const time = `${which === 'latest' ? 'maxIf' : 'minIf'}(${rowMs}, ${rows.counts})`
  const seconds = `toFloat64(intDiv(any(${nowMs}) - ${time}, 1000))`
  return { text: `if(countIf(${rows.counts}) = 0, NULL, ${seconds})`, read: readNumber }
}
