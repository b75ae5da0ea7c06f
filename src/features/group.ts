import type { Evaluate } from '../expressions/expression.ts'
import type { Aggregate, Panes } from './aggregate.ts'
import type { Placement } from './grouping.ts'
import { boundText } from './kept-text.ts'
import type { Moment } from './moment.ts'
import { insertRow } from './panes.ts'
import { totalsOf } from './totals.ts'

/** Features with one condition whose windows put events into the same rows. A row has the cells of all members. */
export interface FeatureGroup {
  /** Covers the condition and the placement; a group's state is kept as long as this stays the same. */
  readonly signature: string
  /** Its place among the groups of the set and in a profile. */
  readonly index: number
  readonly where: Evaluate<Moment> | undefined
  readonly placement: Placement
  stride: number
  keptStride: number
  readonly members: Member[]
  /** The features that read it. */
  readonly features: string[]
  /** Whether an expression reads the customer's session so far: its number of events, or its entry page. */
  readsSession: boolean
}

export interface Member {
  /** Covers the kind and its options and expressions; a member's state is kept as long as this stays the same. */
  readonly signature: string
  readonly aggregate: Aggregate
  readonly value: Evaluate<Moment> | undefined
  readonly key: Evaluate<Moment> | undefined
  /** Where its cells and its object are in a row. */
  readonly offset: number
  readonly keptAt: number
}

/** The member with that signature, made if there is none: features that differ only in their name share one. */
export function memberOf(
  group: FeatureGroup,
  signature: string,
  makeAggregate: () => Aggregate,
  value: Evaluate<Moment> | undefined,
  key?: Evaluate<Moment>,
): Member {
  const found = group.members.find((member) => member.signature === signature)
  if (found !== undefined) return found
  const member = { signature, aggregate: makeAggregate(), value, key, offset: group.stride, keptAt: group.keptStride }
  group.members.push(member)
  group.stride += member.aggregate.cells
  if (member.aggregate.keeps) group.keptStride++
  return member
}

/** Inserts a row without events at its place. */
export function openRow({ members }: FeatureGroup, rows: Panes, row: number, key: number): void {
  insertRow(rows, row, key)
  const at = row * rows.stride
  for (let i = 0; i < members.length; i++) members[i]!.aggregate.start(rows.cells, at + members[i]!.offset)
}

/** Adds the moment's event to a row. */
export function addEvent({ members }: FeatureGroup, rows: Panes, row: number, moment: Moment): void {
  const { cells, stride, kept, keptStride, totals } = rows
  const at = row * stride
  for (let i = 0; i < members.length; i++) {
    const { aggregate, value, key, offset, keptAt } = members[i]!
    const of = value === undefined ? undefined : boundText(value(moment))
    const by = key === undefined ? undefined : boundText(key(moment))
    if (!aggregate.keeps) aggregate.add(cells, at + offset, of, moment.event.timeMs, undefined, by)
    else {
      const place = row * keptStride + keptAt
      const own = totals === undefined ? undefined : totalsOf(rows, keptAt, row)
      kept[place] = aggregate.add(cells, at + offset, of, moment.event.timeMs, kept[place], by, own)
    }
  }
}

/** Folds row `from` into row `into`. Row `from` is not removed. */
export function mergeRow({ members }: FeatureGroup, rows: Panes, into: number, from: number): void {
  const { cells, stride, kept, keptStride } = rows
  rows.totals = undefined
  for (const { aggregate, offset, keptAt } of members) {
    const place = into * keptStride + keptAt
    const merged = aggregate.merge(
      cells,
      into * stride + offset,
      aggregate.keeps ? kept[place] : undefined,
      cells,
      from * stride + offset,
      aggregate.keeps ? kept[from * keptStride + keptAt] : undefined,
    )
    if (aggregate.keeps) kept[place] = merged
  }
}
