import type { Aggregate } from '../aggregate.ts'
import type { AggregateDeclaration } from '../declaration.ts'
import { avg } from './avg.ts'
import { count } from './count.ts'
import { distinct } from './distinct.ts'
import { edge } from './edge.ts'
import { extreme } from './extreme.ts'
import { sum } from './sum.ts'
import { timeSince } from './time-since.ts'
import { top } from './top.ts'

/** The kinds of features: one line each. */
export function makeAggregate(kind: AggregateDeclaration): Aggregate {
  switch (kind.name) {
    case 'count':
      return count(kind.of !== undefined)
    case 'sum':
      return sum(kind.scale)
    case 'avg':
      return avg(kind.scale)
    case 'min':
    case 'max':
      return extreme(kind.name)
    case 'first':
    case 'last':
      return edge(kind.name)
    case 'distinct':
      return distinct(kind.max)
    case 'top':
      return top(kind.k, kind.max)
    case 'time_since':
      return timeSince()
  }
}
