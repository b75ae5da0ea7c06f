import type { Panes } from './aggregate.ts'
import { leaveTotals, shiftTotals } from './totals.ts'

/**
 * Rows in ascending order of their key, only for panes (sessions, single events) that hold an event: most customers
 * touch few. Finding and inserting work at the end that is hot, the newest row.
 */

export function emptyPanes(stride: number, keptStride: number): Panes {
  return { cells: [], stride, kept: [], keptStride, totals: undefined }
}

export const rowCount = (panes: Panes) => panes.cells.length / panes.stride

export const keyOf = ({ cells, stride }: Panes, row: number) => cells[row * stride]!

/** The first row whose key is at least `key`; the number of rows where there is none. */
export function lowerBound(panes: Panes, key: number): number {
  const { cells, stride } = panes
  let high = rowCount(panes)
  // Steps that double, from the newest row back, to one below the key; then the middle, over and over.
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

/** The row of that key; `~row` where there is none and it would be put in. */
export function findKey(panes: Panes, key: number): number {
  const row = lowerBound(panes, key)
  return row < rowCount(panes) && keyOf(panes, row) === key ? row : ~row
}

/** Opens a row for a key at its place; its cells hold 0 until the aggregates start them. */
export function insertRow(panes: Panes, row: number, key: number): void {
  if (panes.totals !== undefined) shiftTotals(panes.totals, row)
  const { cells, stride, kept, keptStride } = panes
  const at = row * stride
  if (at === cells.length) for (let i = 0; i < stride; i++) cells.push(0)
  // `copyWithin` takes 20 ns a number.
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

/** Drops the rows below `key`: no window will read them again. */
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
 * @returns where that is then; -1 where the new row would itself be the oldest of too many
 */
export function makeRoom(panes: Panes, row: number, maxRows: number): number {
  const count = rowCount(panes)
  if (count < maxRows) return row
  if (row === 0) return -1
  const surplus = Math.min(row, count - maxRows + 1)
  removeRows(panes, 0, surplus)
  return row - surplus
}
