import type { AggregateDeclaration } from '../../features/declaration.ts'
import type { Window } from '../../features/window.ts'
import type { AggregateSql, FeatureRows } from '../aggregate.ts'
import { activeDaysSql } from './active-days.ts'
import { avgSql } from './avg.ts'
import { countSql } from './count.ts'
import { decayedSumSql } from './decayed-sum.ts'
import { distinctSql } from './distinct.ts'
import { edgeSql } from './edge.ts'
import { extremeSql } from './extreme.ts'
import { frequentSql, topSql } from './frequent.ts'
import { funnelSql } from './funnel.ts'
import { countBySql, sumBySql } from './keyed.ts'
import { lastNSql } from './last-n.ts'
import { quantileSql } from './quantile.ts'
import { rateSql } from './rate.ts'
import { sequenceSql } from './sequence.ts'
import { smoothedRateSql } from './smoothed-rate.ts'
import { sumSql } from './sum.ts'
import { timeSinceSql } from './time-since.ts'
import { varianceSql } from './variance.ts'

/** The kinds of features as SQL: one line each. @throws NotInSql */
export function aggregateToSql(kind: AggregateDeclaration, rows: FeatureRows, window: Window): AggregateSql {
  switch (kind.name) {
    case 'count':
      return kind.by ? countBySql(rows, kind.of !== undefined, kind.by.max) : countSql(rows, kind.of !== undefined)
    case 'sum':
      return kind.by ? sumBySql(rows, kind.scale, kind.by.max) : sumSql(rows, kind.scale)
    case 'avg':
      return avgSql(rows, kind.scale)
    case 'variance':
      return varianceSql(rows, kind.scale, false)
    case 'stddev':
      return varianceSql(rows, kind.scale, true)
    case 'min':
    case 'max':
      return extremeSql(rows, kind.name)
    case 'first':
    case 'last':
      return edgeSql(rows, kind.name)
    case 'last_n':
      return lastNSql(rows, kind.n)
    case 'distinct':
      return distinctSql(rows, kind.max)
    case 'top':
      return topSql(rows, kind.k, kind.max)
    case 'most_frequent':
      return frequentSql(rows, 'most', kind.max)
    case 'least_frequent':
      return frequentSql(rows, 'least', kind.max)
    case 'quantile':
      return quantileSql(rows, kind.q, kind.error)
    case 'rate':
      return rateSql(kind.of === undefined ? countSql(rows, false) : sumSql(rows, kind.scale), kind.perMs, window)
    case 'smoothed_rate':
      return smoothedRateSql(rows, kind.prior, kind.weight)
    case 'decayed_sum':
      return decayedSumSql(rows, kind.halfLifeMs)
    case 'funnel':
      return funnelSql(rows, kind)
    case 'sequence':
      return sequenceSql(rows, kind, kind.strict)
    case 'time_since':
      return timeSinceSql(rows, 'latest')
    case 'time_since_first':
      return timeSinceSql(rows, 'first')
    case 'active_days':
      return activeDaysSql(rows)
  }
}
