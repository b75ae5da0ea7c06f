import type { StepsDeclaration } from '../../features/declaration.ts'
import { type AggregateSql, type FeatureRows, readNumber, rowMs } from '../aggregate.ts'

/** A lifetime with more ms than it keeps in order may have merged some too early, so the stream's value may differ. */
export function funnelSql(rows: FeatureRows, { withinMs, maxEvents }: StepsDeclaration): AggregateSql {
  const steps = `windowFunnelIf(${withinMs})(toUInt64(${rowMs}), ${rows.steps().join(', ')}, ${rows.counts})`
  return {
    text: `(toFloat64(${steps}), toFloat64(uniqExactIf(${rowMs}, ${rows.counts})))`,
    read: (cell) => readNumber((cell as FunnelCell)[0]),
    allows: (_streamed, cell) => (cell as FunnelCell)[1] > maxEvents,
  }
}

type FunnelCell = readonly [step: number, times: number]
