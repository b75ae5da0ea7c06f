import type { Panes } from './aggregate.ts'
import { leaveTotals, shiftTotals } from './totals.ts'

/**
 * Rows in ascending order of their key. Only panes (sessions, single events) that hold an event have a row: most customers
 * touch few. Finding and inserting start at the hot end, the newest row.
 */

export function emptyPanes(stride: number, keptStride: number): Panes {
  return { cells: [], stride, kept: [], keptStride, totals: undefined }
}

export const rowCount = (panes: Panes) => panes.cells.length / panes.stride

export const keyOf = ({ cells, stride }: Panes, row: number) => cells[row * stride]!

/** The first row whose key is at least `key`; the number of rows if there is none. */
export function lowerBound(panes: Panes, key: number): number {
  const { cells, stride } = panes
  let high = rowCount(panes)
  // Doubling steps back from the newest row to one below the key, then a binary search.
  for (let step = 1; high > 0; step *= 2) {
    const below = Math.max(0, high - step)
    if (cells[below * stride]! >= key) {
      high = below
      continue
    }
    let low = below + 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cells[middle * stride]! < key) low = middle + 1
      else high = middle
    }
    return high
  }
  return 0
}

/** The row with that key; if there is none, `~row` with `row` where it would be inserted. */
export function findKey(panes: Panes, key: number): number {
  const row = lowerBound(panes, key)
  return row < rowCount(panes) && keyOf(panes, row) === key ? row : ~row
}

/** Inserts a row for a key; its cells hold 0 until the aggregates start them. */
export function insertRow(panes: Panes, row: number, key: number): void {
  if (panes.totals !== undefined) shiftTotals(panes.totals, row)
  const { cells, stride, kept, keptStride } = panes
  const at = row * stride
  if (at === cells.length) for (let i = 0; i < stride; i++) cells.push(0)
  // Not `copyWithin`: it takes 20 ns per number.
  else cells.splice(at, 0, ...new Array<number>(stride).fill(0))
  cells[at] = key
  if (keptStride > 0) kept.splice(row * keptStride, 0, ...new Array(keptStride).fill(undefined))
}

/** Removes that many rows from row `from` on. */
export function removeRows(panes: Panes, from: number, count: number): void {
  const { cells, stride, kept, keptStride } = panes
  if (panes.totals !== undefined) leaveTotals(panes, from, count)
  cells.splice(from * stride, count * stride)
  if (keptStride > 0) kept.splice(from * keptStride, count * keptStride)
}

/** Drops the rows below `key`, which no window will read again. */
export function dropBelow(panes: Panes, key: number): void {
  const { cells, stride } = panes
  if (cells.length === 0 || cells[0]! >= key) return
  const rows = rowCount(panes)
  let row = 1
  while (row < rows && cells[row * stride]! < key) row++
  removeRows(panes, 0, row)
}

/**
 * Removes the oldest rows until one more fits in at `row`.
 * @returns where that is now; -1 if the new row itself would be the oldest of too many
 */
export function makeRoom(panes: Panes, row: number, maxRows: number): number {
  const count = rowCount(panes)
  if (count < maxRows) return row
  if (row === 0) return -1
  const surplus = Math.min(row, count - maxRows + 1)
  removeRows(panes, 0, surplus)
  return row - surplus
}
