import type { Panes } from './aggregate.ts'
import type { FeatureGroup, Member } from './group.ts'
import { emptyPanes, insertRow, keyOf, removeRows, rowCount } from './panes.ts'

/** How far back a member's cells are complete, with all events the profile had; in the placement's unit (ms, events …). */
export interface KeptMember {
  readonly member: Member
  /** Infinite for all rows; undefined if no ready feature reads the member. */
  readonly back: number | undefined
}

/**
 * Merges refolded rows with the rows that a profile has. What a ready feature reads stays exactly as it is, whatever the
 * store has lost since (through a `TTL`); everything else comes from the refolded rows. A refolded row goes into the row
 * that covers its events, or else is inserted before all rows that stay. If it falls where a ready feature looks but the
 * profile has no such row, the profile had refused these events as late. We can no longer tell why, so they stay refused.
 * @param before the profile's rows of the group; changed
 * @param found the refolded rows; not to be used afterwards
 * @param groups the profile's rows; groups before this one are adopted already
 * @param asOfMs the profile's stream time
 */
export function adoptRows(
  group: FeatureGroup,
  members: readonly KeptMember[],
  before: Panes | undefined,
  found: Panes = emptyPanes(group.stride, group.keptStride),
  groups: readonly (Panes | undefined)[],
  asOfMs: number,
): Panes | undefined {
  const { placement } = group
  if (members.every(({ back }) => back === Number.POSITIVE_INFINITY)) return before
  if (before !== undefined) before.totals = undefined
  /** 0 if no ready feature reads anything. */
  const widest = Math.max(...members.map(({ back }) => back ?? 0))
  const rows = (widest > 0 ? before : undefined) ?? emptyPanes(group.stride, group.keptStride)
  // Drop what no ready feature reads: we can't tell whether it is complete.
  if (widest > 0) removeRows(rows, 0, placement.within(rows, widest, asOfMs))
  const open = members.map(({ member, back }) => ({
    member,
    /** Rows before this one are taken from the refolded ones. */
    until: back === undefined ? rowCount(rows) : placement.within(rows, back, asOfMs),
  }))
  for (const { member, until } of open) for (let row = 0; row < until; row++) startAgain(member, rows, row)
  const missing: number[] = []
  let last = -1
  for (let from = 0; from < rowCount(found); from++) {
    const row = placement.find(rows, found, from, groups)
    if (row === undefined) continue
    if (row < 0) missing.push(from)
    else for (const { member, until } of open) if (row < until) addMember(member, rows, row, found, from, row === last)
    last = row
  }
  // The newest first: each is inserted before all others, and if there is not room for all, the oldest are left out.
  for (const from of missing.reverse()) {
    const row = placement.find(rows, found, from, groups)
    if (row === undefined) continue
    if (row >= 0) {
      for (const { member } of members) addMember(member, rows, row, found, from, true)
    } else if (row === ~0 && rowCount(rows) < placement.maxRows) {
      insertFrom(rows, 0, found, from)
      if (widest > 0 && placement.within(rows, widest, asOfMs) === 0) removeRows(rows, 0, 1)
    }
  }
  return rowCount(rows) > 0 ? rows : undefined
}

function startAgain(
  { aggregate, offset, keptAt }: Member,
  { cells, stride, kept, keptStride }: Panes,
  row: number,
): void {
  const at = row * stride + offset
  cells.fill(0, at, at + aggregate.cells)
  aggregate.start(cells, at)
  if (aggregate.keeps) kept[row * keptStride + keptAt] = undefined
}

/** @param isFilled whether the row already has cells to merge with; if not, the cells are copied */
function addMember(
  { aggregate, offset, keptAt }: Member,
  to: Panes,
  row: number,
  from: Panes,
  fromRow: number,
  isFilled: boolean,
): void {
  const [at, fromAt] = [row * to.stride + offset, fromRow * from.stride + offset]
  const [place, fromPlace] = [row * to.keptStride + keptAt, fromRow * from.keptStride + keptAt]
  let kept = from.kept[fromPlace]
  if (!isFilled) for (let c = 0; c < aggregate.cells; c++) to.cells[at + c] = from.cells[fromAt + c]!
  else kept = aggregate.merge(to.cells, at, aggregate.keeps ? to.kept[place] : undefined, from.cells, fromAt, kept)
  if (aggregate.keeps) to.kept[place] = kept
}

/** Both are rows of the same group, so their layout is the same. */
function insertFrom(to: Panes, row: number, from: Panes, fromRow: number): void {
  insertRow(to, row, keyOf(from, fromRow))
  for (let c = 0; c < to.stride; c++) to.cells[row * to.stride + c] = from.cells[fromRow * from.stride + c]!
  for (let k = 0; k < to.keptStride; k++) {
    to.kept[row * to.keptStride + k] = from.kept[fromRow * from.keptStride + k]
  }
}
