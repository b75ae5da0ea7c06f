import type { Aggregate, Total } from '../aggregate.ts'

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
    add(_cells, _at, _value, timeMs, kept, _key, totals) {
      const day = Math.floor(timeMs / dayMs)
      const word = Math.floor(day / daysAWord)
      const bit = 1 << (day - word * daysAWord)
      const days = kept as Days | undefined
      if (totals !== undefined && ((days?.get(word) ?? 0) & bit) === 0) {
        for (const total of totals.of) (total as DaysTotal).change(day, 1)
      }
      return setDays(days, word, bit)
    },
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => unite(kept as Days, fromKept as Days),
    read(panes, from, to, _offset, keptAt) {
      let days: Days | undefined
      for (let row = from; row < to; row++) days = unite(days, panes.kept[row * panes.keptStride + keptAt] as Days)
      let count = 0
      for (let bits of days?.values() ?? []) for (; bits !== 0; bits &= bits - 1) count++
      return count
    },
    makeTotal: () => new DaysTotal(),
    readsOneRowAsItIs: true,
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

/** In how many rows each day is. */
class DaysTotal implements Total {
  readonly #rowsOf = new Map<number, number>()

  enter(_cells: readonly number[], _at: number, kept: unknown): void {
    this.#changeAll(kept as Days | undefined, 1)
  }

  leave(_cells: readonly number[], _at: number, kept: unknown): void {
    this.#changeAll(kept as Days | undefined, -1)
  }

  change(day: number, by: 1 | -1): void {
    const rows = (this.#rowsOf.get(day) ?? 0) + by
    if (rows === 0) this.#rowsOf.delete(day)
    else this.#rowsOf.set(day, rows)
  }

  read(): number {
    return this.#rowsOf.size
  }

  #changeAll(days: Days | undefined, by: 1 | -1): void {
    for (const [word, bits] of days ?? []) {
      for (let left = bits; left !== 0; left &= left - 1)
        this.change(word * daysAWord + 31 - Math.clz32(left & -left), by)
    }
  }
}
