import { compareText } from '../../expressions/compare-text.ts'
import type { Aggregate } from '../aggregate.ts'
import { saturate, toFixedPoint } from './fixed-point.ts'
import { KeyedTotal, type Units, unitsAt } from './keyed-total.ts'
import { isScalar } from './order.ts'

/** A count by key; if there is a value, of the events that have one. */
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
 * A total for each text that `by` gives (a number or a bool counts as its text), for at most `max` keys: the first ones by
 * code point. Which keys these are depends only on the events, and their totals are complete: a key among the first n of a
 * window is among the first n of each pane that has it.
 */
function keyed(
  type: Aggregate['type'],
  unitsPerOne: number,
  max: number,
  unitsOf: (value: unknown) => number | undefined,
): Aggregate {
  /** The key that has to go to make room for a new one. It may be the new one itself; undefined if there is room. */
  const crowdedOut = (units: Units, key: string): string | undefined => {
    if (units.size < max || units.has(key)) return undefined
    const last = lastKey(units)
    return compareText(key, last) > 0 ? key : last
  }
  const addTo = (to: Units = new Map(), key: string, units: number): Units => {
    const out = crowdedOut(to, key)
    if (out === key) return to
    to.set(key, saturate((to.get(key) ?? 0) + units))
    if (out !== undefined) remove(to, out)
    return to
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
    add(_cells, _at, value, _timeMs, kept, key, totals) {
      const units = unitsOf(value)
      if (units === undefined || !isScalar(key)) return kept
      const row = kept as Units | undefined
      const text = String(key)
      if (totals === undefined || row === undefined) {
        const added = addTo(row, text, units)
        for (const total of totals?.of ?? []) (total as KeyedTotal).change(text, undefined, added.get(text))
        return added
      }
      const out = crowdedOut(row, text)
      if (out === text) return row
      const [before, outUnits] = [row.get(text), out === undefined ? undefined : row.get(out)]
      addTo(row, text, units)
      for (const total of totals.of as readonly KeyedTotal[]) {
        total.change(text, before, row.get(text))
        if (out !== undefined) total.change(out, outUnits, undefined)
      }
      return row
    },
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => unite(kept as Units, fromKept as Units),
    read(panes, from, to, _offset, keptAt) {
      let totals: Units | undefined
      if (to - from === 1) totals = unitsAt(panes, from, keptAt)
      else for (let row = from; row < to; row++) totals = unite(totals, unitsAt(panes, row, keptAt))
      return Object.fromEntries(
        [...(totals ?? [])]
          .sort(([a], [b]) => compareText(a, b))
          .map(([key, units]) => [key, units / unitsPerOne] as const),
      )
    },
    makeTotal: () => new KeyedTotal(unitsPerOne, max),
  }
}

/** The last key of each full row; valid until another key takes its place. */
const lastKeys = new WeakMap<Units, string>()

function lastKey(units: Units): string {
  let last = lastKeys.get(units)
  if (last !== undefined) return last
  last = ''
  for (const key of units.keys()) if (compareText(key, last) > 0) last = key
  lastKeys.set(units, last)
  return last
}

function remove(units: Units, key: string): void {
  units.delete(key)
  lastKeys.delete(units)
}
