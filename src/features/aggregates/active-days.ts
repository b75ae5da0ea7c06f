import type { Aggregate } from '../aggregate.ts'

const dayMs = 86_400_000
const daysAWord = 32

/** Bits by word: bit i of word w is day 32·w + i since 1970. A year of activity takes twelve words. */
type Days = Map<number, number>

/** The number of different days, in UTC, that have an event. */
export function activeDays(): Aggregate {
  return {
    cells: 0,
    keeps: true,
    type: 'int',
    start() {},
    add(_cells, _at, _value, timeMs, kept) {
      const day = Math.floor(timeMs / dayMs)
      const word = Math.floor(day / daysAWord)
      return setDays(kept as Days | undefined, word, 1 << (day - word * daysAWord))
    },
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => unite(kept as Days, fromKept as Days),
    read(panes, from, to, _offset, keptAt) {
      let days: Days | undefined
      for (let row = from; row < to; row++) days = unite(days, panes.kept[row * panes.keptStride + keptAt] as Days)
      let count = 0
      for (let bits of days?.values() ?? []) for (; bits !== 0; bits &= bits - 1) count++
      return count
    },
  }
}

function unite(days: Days | undefined, from: Days | undefined): Days | undefined {
  let united = days
  for (const [word, bits] of from ?? []) united = setDays(united, word, bits)
  return united
}

function setDays(days: Days = new Map(), word: number, bits: number): Days {
  // As an unsigned number, which the codec writes shortest.
  days.set(word, ((days.get(word) ?? 0) | bits) >>> 0)
  return days
}
