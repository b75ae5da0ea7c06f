import type { AggregateDeclaration } from '../../features/declaration.ts'
import type { AggregateSql, FeatureRows } from '../aggregate.ts'
import { avgSql } from './avg.ts'
import { countSql } from './count.ts'
import { distinctSql } from './distinct.ts'
import { edgeSql } from './edge.ts'
import { extremeSql } from './extreme.ts'
import { sumSql } from './sum.ts'
import { timeSinceSql } from './time-since.ts'
import { topSql } from './top.ts'

/** The kinds of features as SQL: one line each. */
export function aggregateToSql(kind: AggregateDeclaration, rows: FeatureRows): AggregateSql {
  switch (kind.name) {
    case 'count':
      return countSql(rows, kind.of !== undefined)
    case 'sum':
      return sumSql(rows, kind.scale)
    case 'avg':
      return avgSql(rows, kind.scale)
    case 'min':
    case 'max':
      return extremeSql(rows, kind.name)
    case 'first':
    case 'last':
      return edgeSql(rows, kind.name)
    case 'distinct':
      return distinctSql(rows, kind.max)
    case 'top':
      return topSql(rows, kind.k, kind.max)
    case 'time_since':
      return timeSinceSql(rows)
  }
}
