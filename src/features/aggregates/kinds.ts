import type { Aggregate } from '../aggregate.ts'
import type { AggregateDeclaration } from '../declaration.ts'
import { activeDays } from './active-days.ts'
import { avg } from './avg.ts'
import { count } from './count.ts'
import { decayedSum } from './decayed-sum.ts'
import { distinct } from './distinct.ts'
import { edge } from './edge.ts'
import { extreme } from './extreme.ts'
import { frequent } from './frequent.ts'
import { funnel } from './funnel.ts'
import { countBy, sumBy } from './keyed.ts'
import { lastN } from './last-n.ts'
import { quantile } from './quantile.ts'
import { rate } from './rate.ts'
import { sequence } from './sequence.ts'
import { smoothedRate } from './smoothed-rate.ts'
import { sum } from './sum.ts'
import { timeSince } from './time-since.ts'
import { top } from './top.ts'
import { variance } from './variance.ts'

/** The kinds of features: one line each. */
export function makeAggregate(kind: AggregateDeclaration): Aggregate {
  switch (kind.name) {
    case 'count':
      return kind.by ? countBy(kind.of !== undefined, kind.by.max) : count(kind.of !== undefined)
    case 'sum':
      return kind.by ? sumBy(kind.scale, kind.by.max) : sum(kind.scale)
    case 'avg':
      return avg(kind.scale)
    case 'variance':
      return variance(kind.scale, false)
    case 'stddev':
      return variance(kind.scale, true)
    case 'min':
    case 'max':
      return extreme(kind.name)
    case 'first':
    case 'last':
      return edge(kind.name)
    case 'last_n':
      return lastN(kind.n)
    case 'distinct':
      return distinct(kind.max)
    case 'top':
      return top(kind.k, kind.max)
    case 'most_frequent':
      return frequent('most', kind.max)
    case 'least_frequent':
      return frequent('least', kind.max)
    case 'quantile':
      return quantile(kind.q, kind.error)
    case 'rate':
      return rate(kind.of === undefined ? count(false) : sum(kind.scale), kind.perMs)
    case 'smoothed_rate':
      return smoothedRate(kind.prior, kind.weight)
    case 'decayed_sum':
      return decayedSum(kind.halfLifeMs)
    case 'time_since':
      return timeSince('latest')
    case 'time_since_first':
      return timeSince('first')
    case 'active_days':
      return activeDays()
    case 'funnel':
      return funnel(kind.steps.length, kind.withinMs)
    case 'sequence':
      return sequence(kind.steps.length, kind.withinMs, kind.strict)
  }
}
