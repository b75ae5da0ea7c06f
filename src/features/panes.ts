import type { Panes } from './aggregate.ts'

/**
 * Rows of panes in ascending order of their key, only for panes that saw an event: most customers touch few. Finding,
 * inserting and dropping work at the end that is hot, the newest pane.
 */

export function emptyPanes(stride: number, keptStride: number): Panes {
  return { cells: [], stride, kept: [], keptStride }
}

export const rowCount = (panes: Panes) => panes.cells.length / panes.stride

/** The first row whose key is at least `key`; the number of rows where there is none. */
export function lowerBound(panes: Panes, key: number): number {
  const { cells, stride } = panes
  let row = rowCount(panes)
  while (row > 0 && cells[(row - 1) * stride]! >= key) row--
  return row
}

/** Opens a row for a key at its place; its cells hold 0 until the aggregates start them. */
export function insertRow(panes: Panes, row: number, key: number): void {
  const { cells, stride, kept, keptStride } = panes
  const at = row * stride
  const end = cells.length
  for (let i = 0; i < stride; i++) cells.push(0)
  if (at < end) {
    cells.copyWithin(at + stride, at, end)
    cells.fill(0, at, at + stride)
  }
  cells[at] = key
  if (keptStride > 0) kept.splice(row * keptStride, 0, ...new Array(keptStride).fill(undefined))
}

/** Drops the rows below `key`: no window will read them again. */
export function dropBelow(panes: Panes, key: number): void {
  const { cells, stride, kept, keptStride } = panes
  if (cells.length === 0 || cells[0]! >= key) return
  const rows = lowerBound(panes, key)
  cells.splice(0, rows * stride)
  if (keptStride > 0) kept.splice(0, rows * keptStride)
}
