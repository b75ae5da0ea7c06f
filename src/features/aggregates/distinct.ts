import type { Aggregate } from '../aggregate.ts'
import { isScalar, type Scalar } from './order.ts'

/**
 * The exact number of different values. A pane keeps at most `max` of them: past that the feature reads as what it
 * kept, a lower bound.
 */
export function distinct(max: number): Aggregate {
  return {
    cells: 0,
    keeps: true,
    type: 'int',
    start() {},
    add(_cells, _at, value, _timeMs, kept) {
      if (!isScalar(value)) return kept
      const values = (kept as Set<Scalar> | undefined) ?? new Set<Scalar>()
      if (values.size < max) values.add(value)
      return values
    },
    read(panes, from, to, _offset, keptAt) {
      let only: Set<Scalar> | undefined
      let union: Set<Scalar> | undefined
      for (let row = from; row < to; row++) {
        const values = panes.kept[row * panes.keptStride + keptAt] as Set<Scalar> | undefined
        if (values === undefined) continue
        if (only === undefined) only = values
        else {
          union ??= new Set(only)
          for (const value of values) union.add(value)
        }
      }
      return (union ?? only)?.size ?? 0
    },
  }
}
