import type { Panes, RowTotals, Total } from './aggregate.ts'
import type { Member } from './group.ts'
import { rowCount } from './panes.ts'

/**
 * Running totals of a window's rows, kept beside the rows of one profile. The panes of a customer who keeps doing new things
 * fill up, and going through them with each event would take milliseconds. So once a read has much to go through, a total is
 * kept from then on. It is derived from the rows. Adding events and removing the oldest rows update it; any other change of
 * the rows drops it (`mergeRow`, `adoptRows`, a copy, the codec), and it is made again when needed.
 */
export interface WindowTotal {
  /** The member (by where its object is in a row), and how far back the window looks. */
  readonly keptAt: number
  readonly back: number
  readonly offset: number
  readonly total: Total
  /** The total covers the rows from this one on. */
  from: number
}

/** If rows and the things in them number no more than this, a read goes through all of them, in some 10 µs. */
const dear = 256

/**
 * The total of the rows from `from` on; it is made if the rows keep much.
 * @param back how far the window looks back, which tells apart the windows over one member
 * @returns undefined if the rows keep little
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

/** Makes a total of the rows from `from` on; from now on it is updated with them. */
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

/** The totals of a member that include a row; undefined if there are none. */
export function totalsOf({ cells, stride, totals }: Panes, keptAt: number, row: number): RowTotals | undefined {
  let of: Total[] | undefined
  for (const window of totals ?? []) {
    if (window.keptAt !== keptAt || row < window.from) continue
    of ??= []
    of.push(window.total)
  }
  return of && { rowKey: cells[row * stride]!, of }
}

/** Call when a row that holds nothing yet is inserted. */
export function shiftTotals(totals: readonly WindowTotal[], row: number): void {
  for (const window of totals) if (row < window.from) window.from++
}

/** Call before rows are removed. */
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
