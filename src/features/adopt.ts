import type { Panes } from './aggregate.ts'
import type { FeatureGroup, Member } from './group.ts'
import { emptyPanes, insertRow, keyOf, removeRows, rowCount } from './panes.ts'

/** How far back a member's cells are those of all events that a profile had; ms, events … as the placement counts. */
export interface KeptMember {
  readonly member: Member
  /** Infinite for all rows; undefined where no feature that is ready reads it. */
  readonly back: number | undefined
}

/**
 * Rows that were folded once more beside those that a profile has. What a ready feature reads stays to the last digit,
 * whatever the store has lost since (a `TTL`); all else is the refolded rows'. A row of these goes where the rows that
 * stay have its events, or else is put in before them. Where a ready feature looks and the profile has no such events, it had
 * refused them as late, and what made them late is lost: they stay refused.
 * @param before the profile's rows of the group; changed
 * @param found the refolded ones; given up
 * @param groups the profile's rows of the groups before, adopted already
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
  /** 0 where no ready feature reads anything. */
  const widest = Math.max(...members.map(({ back }) => back ?? 0))
  const rows = (widest > 0 ? before : undefined) ?? emptyPanes(group.stride, group.keptStride)
  // What no ready feature reads goes: nothing tells whether it is all that there was, then.
  if (widest > 0) removeRows(rows, 0, placement.within(rows, widest, asOfMs))
  const open = members.map(({ member, back }) => ({
    member,
    /** Rows before it are the refolded ones'. */
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
  // The newest first: each goes before all that are there, and where there is not room for all the oldest have no place.
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

/** @param isFilled whether another row is there already; what is empty takes the cells as they are */
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

/** Both are of one group, so a row is laid out alike. */
function insertFrom(to: Panes, row: number, from: Panes, fromRow: number): void {
  insertRow(to, row, keyOf(from, fromRow))
  for (let c = 0; c < to.stride; c++) to.cells[row * to.stride + c] = from.cells[fromRow * from.stride + c]!
  for (let k = 0; k < to.keptStride; k++) {
    to.kept[row * to.keptStride + k] = from.kept[fromRow * from.keptStride + k]
  }
}
