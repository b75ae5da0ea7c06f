import type { Panes, RowTotals, Total } from './aggregate.ts'
import type { Member } from './group.ts'
import { rowCount } from './panes.ts'

/**
 * Totals of a window's rows, beside the rows of one profile. A customer who keeps doing what was never done before fills the
 * panes, and going through all that they keep with each event would take milliseconds; so where a read has much to go
 * through, the total is kept from then on. It is made of the rows, and whatever changes the rows in another way than
 * adding events and removing the oldest drops it (`mergeRow`, `adoptRows`, a copy, the codec): it is then made anew.
 */
export interface WindowTotal {
  /** The member, by where its object lies in a row, and how far back the window looks. */
  readonly keptAt: number
  readonly back: number
  readonly offset: number
  readonly total: Total
  /** It has the rows from this one on. */
  from: number
}

/** Of fewer rows and things in them a read goes through all: some 10 µs. */
const dear = 256

/**
 * The total of the rows from `from` on, made where these keep much.
 * @param back how far the window looks back, which tells the windows over one member apart
 * @returns undefined where they keep little
 */
export function totalFrom(rows: Panes, member: Member, back: number, from: number): Total | undefined {
  const { totals } = rows
  const { keptAt } = member
  if (totals !== undefined) {
    for (let i = 0; i < totals.length; i++) {
      const found = totals[i]!
      if (found.keptAt !== keptAt || found.back !== back) continue
      moveTo(rows, found, from)
      return found.total
    }
  }
  return isDear(rows, keptAt, from) ? keepTotal(rows, member, back, from) : undefined
}

/** Makes a total of the rows from `from` on, to be kept up with them. */
export function keepTotal(rows: Panes, { aggregate, offset, keptAt }: Member, back: number, from: number): Total {
  const made = { keptAt, back, offset, total: aggregate.makeTotal!(), from: rowCount(rows) }
  moveTo(rows, made, from)
  rows.totals = [...(rows.totals ?? []), made]
  return made.total
}

function isDear(rows: Panes, keptAt: number, from: number): boolean {
  const { kept, keptStride } = rows
  let weight = 0
  for (let row = rowCount(rows) - 1; row >= from && weight <= dear; row--) {
    const of = kept[row * keptStride + keptAt]
    if (of instanceof Map || of instanceof Set) weight += of.size
    else if (of instanceof Uint8Array) weight += dear
    weight++
  }
  return weight > dear
}

function moveTo(rows: Panes, window: WindowTotal, from: number): void {
  while (window.from < from) leave(rows, window, window.from++)
  while (window.from > from) enter(rows, window, --window.from)
}

function enter({ cells, stride, kept, keptStride }: Panes, { total, offset, keptAt }: WindowTotal, row: number): void {
  total.enter(cells, row * stride + offset, kept[row * keptStride + keptAt], cells[row * stride]!)
}

function leave({ cells, stride, kept, keptStride }: Panes, { total, offset, keptAt }: WindowTotal, row: number): void {
  if (cells[(row + 1) * stride] === cells[row * stride]) total.forget?.()
  total.leave(cells, row * stride + offset, kept[row * keptStride + keptAt], cells[row * stride]!)
}

/** The totals of a member that a row is a part of; undefined where there are none. */
export function totalsOf({ cells, stride, totals }: Panes, keptAt: number, row: number): RowTotals | undefined {
  let of: Total[] | undefined
  for (const window of totals ?? []) {
    if (window.keptAt !== keptAt || row < window.from) continue
    of ??= []
    of.push(window.total)
  }
  return of && { rowKey: cells[row * stride]!, of }
}

/** A row that holds nothing yet is put in. */
export function shiftTotals(totals: readonly WindowTotal[], row: number): void {
  for (const window of totals) if (row < window.from) window.from++
}

/** Rows are about to be removed. */
export function leaveTotals(rows: Panes, from: number, count: number): void {
  if (from > 0) {
    rows.totals = undefined
    return
  }
  for (const window of rows.totals ?? []) {
    while (window.from < count) leave(rows, window, window.from++)
    window.from -= count
  }
}
