import { compareText } from '../../expressions/compare-text.ts'
import type { Aggregate } from '../aggregate.ts'
import { saturate, toFixedPoint } from './fixed-point.ts'
import { isScalar } from './order.ts'

/** Whole units by key. */
type Units = Map<string, number>

/** A count by key; with a value, of the events that have one. */
export const countBy = (ofValues: boolean, max: number) =>
  keyed('map<string, int>', 1, max, (value) => (ofValues && (value === undefined || value === null) ? undefined : 1))

/** An exact sum by key. */
export function sumBy(scale: number, max: number): Aggregate {
  const unitsPerOne = 10 ** scale
  return keyed('map<string, double>', unitsPerOne, max, (value) =>
    typeof value === 'number' ? toFixedPoint(value, unitsPerOne) : undefined,
  )
}

/**
 * A total for each text that `by` gives (a number or a bool counts as its text), of at most `max` keys: the first by
 * code point. Which these are depends on the events alone, and their totals are complete: of keys 1 to n of a window,
 * each is among the first n of its panes.
 */
function keyed(
  type: Aggregate['type'],
  unitsPerOne: number,
  max: number,
  unitsOf: (value: unknown) => number | undefined,
): Aggregate {
  const addTo = (totals: Units = new Map(), key: string, units: number): Units => {
    totals.set(key, saturate((totals.get(key) ?? 0) + units))
    if (totals.size > max) totals.delete(lastKey(totals))
    return totals
  }
  const unite = (totals: Units | undefined, from: Units | undefined): Units | undefined => {
    let united = totals
    for (const [key, units] of from ?? []) united = addTo(united, key, units)
    return united
  }
  return {
    cells: 0,
    keeps: true,
    type,
    start() {},
    add(_cells, _at, value, _timeMs, kept, key) {
      const units = unitsOf(value)
      return units === undefined || !isScalar(key) ? kept : addTo(kept as Units | undefined, String(key), units)
    },
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => unite(kept as Units, fromKept as Units),
    read(panes, from, to, _offset, keptAt) {
      const keptOf = (row: number) => panes.kept[row * panes.keptStride + keptAt] as Units | undefined
      let totals: Units | undefined
      if (to - from === 1) totals = keptOf(from)
      else for (let row = from; row < to; row++) totals = unite(totals, keptOf(row))
      return Object.fromEntries(
        [...(totals ?? [])]
          .sort(([a], [b]) => compareText(a, b))
          .map(([key, units]) => [key, units / unitsPerOne] as const),
      )
    },
  }
}

function lastKey(totals: Units): string {
  let last = ''
  for (const key of totals.keys()) if (compareText(key, last) > 0) last = key
  return last
}
