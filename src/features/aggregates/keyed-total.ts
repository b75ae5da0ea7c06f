import type { Value } from '../../events/event.ts'
import { compareText } from '../../expressions/compare-text.ts'
import { LazyMap } from '../../expressions/lazy-map.ts'
import type { Panes, Total } from '../aggregate.ts'
import { saturate } from './fixed-point.ts'
import { Ranked } from './ranked.ts'

/** Whole units by key. */
export type Units = Map<string, number>

export const unitsAt = ({ kept, keptStride }: Panes, row: number, keptAt: number) =>
  kept[row * keptStride + keptAt] as Units | undefined

/** Up to this size, units can be added in any order without any sum saturating: there are fewer than 2^17 rows. */
const largest = 2 ** 36

interface Entry {
  /** The sum of the rows' units, without the large ones. */
  units: number
  /** How many rows have the key. */
  rows: number
  /** How many of them have large units, for which the order of adding matters. */
  large: number
}

/** The keys of some rows, and the total of each. */
export class KeyedTotal implements Total {
  readonly #unitsPerOne: number
  readonly #max: number
  readonly #entries = new Map<string, Entry>()
  /** All keys, even past the first `max`: these move up when others go. */
  readonly #keys = new Ranked<string>(compareText)

  constructor(unitsPerOne: number, max: number) {
    this.#unitsPerOne = unitsPerOne
    this.#max = max
  }

  enter(_cells: readonly number[], _at: number, kept: unknown): void {
    for (const [key, units] of (kept as Units | undefined) ?? []) this.change(key, undefined, units)
  }

  leave(_cells: readonly number[], _at: number, kept: unknown): void {
    for (const [key, units] of (kept as Units | undefined) ?? []) this.change(key, units, undefined)
  }

  /** A row's units for a key change; undefined means that it has none. */
  change(key: string, before: number | undefined, after: number | undefined): void {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { units: 0, rows: 0, large: 0 }
      this.#entries.set(key, entry)
      this.#keys.add(key)
    }
    if (before !== undefined) count(entry, before, -1)
    if (after !== undefined) count(entry, after, 1)
    if (entry.rows > 0) return
    this.#entries.delete(key)
    this.#keys.delete(key)
  }

  read(panes: Panes, from: number, to: number, _offset: number, keptAt: number): Value {
    return this.look(panes, from, to, keptAt).toObject()
  }

  look(panes: Panes, from: number, to: number, keptAt: number): LazyMap {
    return new KeyedMap(this, panes, from, to, keptAt)
  }

  /** The keys that count. */
  keys(): string[] {
    return this.#keys.first(this.#max)
  }

  /** The units of a key, divided to the value; undefined if the key does not count. */
  unitsOf(key: string, panes: Panes, from: number, to: number, keptAt: number): number | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (this.#keys.size > this.#max && compareText(key, this.#keys.at(this.#max - 1)!) > 0) return undefined
    if (entry.large === 0) return entry.units / this.#unitsPerOne
    let sum = 0
    for (let row = from; row < to; row++) sum = saturate(sum + (unitsAt(panes, row, keptAt)?.get(key) ?? 0))
    return sum / this.#unitsPerOne
  }
}

class KeyedMap extends LazyMap {
  readonly #total: KeyedTotal
  readonly #panes: Panes
  readonly #from: number
  readonly #to: number
  readonly #keptAt: number

  constructor(total: KeyedTotal, panes: Panes, from: number, to: number, keptAt: number) {
    super()
    this.#total = total
    this.#panes = panes
    this.#from = from
    this.#to = to
    this.#keptAt = keptAt
  }

  get(key: string): number | undefined {
    return this.#total.unitsOf(key, this.#panes, this.#from, this.#to, this.#keptAt)
  }

  keys(): readonly string[] {
    return inOrder(this.#total.keys())
  }

  toObject(): { readonly [key: string]: number } {
    return Object.fromEntries(this.#total.keys().map((key) => [key, this.get(key)!]))
  }
}

function count(entry: Entry, units: number, by: 1 | -1): void {
  entry.rows += by
  if (Math.abs(units) > largest) entry.large += by
  else entry.units += units * by
}

/** The order of an object's keys: array indexes first, in the order of numbers, then the others. */
function inOrder(keys: readonly string[]): readonly string[] {
  const indexes = keys.filter(isIndex).sort((a, b) => Number(a) - Number(b))
  return indexes.length === 0 ? keys : [...indexes, ...keys.filter((key) => !isIndex(key))]
}

const isIndex = (key: string) => /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1
