import type { Aggregate } from '../aggregate.ts'
import { compareScalars, isScalar, type Scalar } from './order.ts'

/**
 * The values of the n latest events by event time, newest first; within one ms the larger value comes first. A pane keeps n
 * of them in that order, each after its time.
 */
type Latest = (Scalar | number)[]

export function lastN(n: number): Aggregate {
  const insert = (latest: Latest, timeMs: number, value: Scalar): Latest => {
    let [low, high] = [0, latest.length / 2]
    while (low < high) {
      const middle = (low + high) >> 1
      if (isNewer(timeMs, value, latest[2 * middle] as number, latest[2 * middle + 1]!)) high = middle
      else low = middle + 1
    }
    if (low === n) return latest
    latest.splice(2 * low, 0, timeMs, value)
    if (latest.length > 2 * n) latest.length = 2 * n
    return latest
  }
  return {
    cells: 0,
    keeps: true,
    type: 'list<dyn>',
    start() {},
    add: (_cells, _at, value, timeMs, kept) =>
      isScalar(value) ? insert((kept as Latest | undefined) ?? [], timeMs, value) : kept,
    merge(_cells, _at, kept, _from, _fromAt, fromKept) {
      if (fromKept === undefined) return kept
      const latest = (kept as Latest | undefined) ?? []
      const from = fromKept as Latest
      for (let i = 0; i < from.length; i += 2) insert(latest, from[i] as number, from[i + 1]!)
      return latest
    },
    read(panes, from, to, _offset, keptAt) {
      const latest: Latest = []
      // Rows are in order of time, and two may share a ms: once the oldest of n is newer, all other rows are older.
      for (let row = to - 1; row >= from; row--) {
        const kept = panes.kept[row * panes.keptStride + keptAt] as Latest | undefined
        if (kept === undefined) continue
        if (latest.length === 2 * n && kept[0]! < latest[2 * n - 2]!) break
        for (let i = 0; i < kept.length; i += 2) insert(latest, kept[i] as number, kept[i + 1]!)
      }
      return latest.filter((_, i) => i % 2 === 1)
    },
  }
}

const isNewer = (timeMs: number, value: Scalar, thanMs: number, than: Scalar) =>
  timeMs > thanMs || (timeMs === thanMs && compareScalars(value, than) > 0)
