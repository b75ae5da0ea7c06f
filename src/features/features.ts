import type { Value } from '../events/event.ts'
import { type Compiled, type Evaluate, Scope } from '../expressions/expression.ts'
import type { Aggregate, Panes } from './aggregate.ts'
import { makeAggregate } from './aggregates/kinds.ts'
import { compileComputed } from './computed.ts'
import type { AggregateFeature, FeatureDeclaration } from './declaration.ts'
import { eventVariables, type Moment, type ProfileMoment } from './moment.ts'
import { dropBelow, emptyPanes, insertRow, lowerBound, rowCount } from './panes.ts'
import { type Window, windowName } from './window.ts'

/**
 * The features of one customer: `updateFeatures` folds an event into the panes, a feature reads them as of a moment.
 * Features that share a `where` and a pane size share one group: the condition is evaluated once, and an event
 * touches one row. Bound: a group keeps the panes of its longest window, a profile the panes of its groups.
 */

/** Also a variable of the actions' expressions. */
export interface Feature {
  readonly name: string
  /** The CEL type of its value. */
  readonly type: string
  readonly read: (moment: ProfileMoment) => Value
}

export interface FeatureGroup {
  /** Names the condition and the pane; state is kept for a group as long as this stays the same. */
  readonly signature: string
  readonly where: Evaluate<Moment> | undefined
  readonly window: Window
  /** For windows of panes: how many of them the longest member looks at. */
  keptPanes: number
  stride: number
  keptStride: number
  readonly members: Member[]
}

export interface Member {
  /** Names the kind and what it is of; state is kept for a member as long as this stays the same. */
  readonly signature: string
  readonly aggregate: Aggregate
  readonly value: Evaluate<Moment> | undefined
  readonly key: Evaluate<Moment> | undefined
  /** Where its cells and its object lie in a row. */
  readonly offset: number
  readonly keptAt: number
}

export interface FeatureSet {
  readonly groups: readonly FeatureGroup[]
  readonly features: readonly Feature[]
}

/** A fault of one expression of one declaration, which stands under that key. */
export type OnFault = (feature: FeatureDeclaration, key: string, fault: unknown) => void

/** Compiles the declarations; every fault goes to `onFault`, and its feature gives nothing. */
export function compileFeatures(declarations: readonly FeatureDeclaration[], onFault: OnFault): FeatureSet {
  const scope = new Scope(eventVariables)
  const groups = new Map<string, FeatureGroup>()
  const features: Feature[] = []
  for (const declaration of declarations) {
    if ('value' in declaration) continue
    const compile = (key: string, source: string | undefined): Compiled<Moment> | undefined => {
      try {
        if (source === undefined) return undefined
        const compiled = scope.compile(source)
        const isCondition = key === 'where' || key === 'smoothed_rate'
        if (isCondition && compiled.type !== 'bool' && compiled.type !== 'dyn') {
          throw new Error(`the condition is of type ${compiled.type}, not bool`)
        }
        return compiled
      } catch (fault) {
        onFault(declaration, key, fault)
        return undefined
      }
    }
    const where = compile('where', declaration.where)
    const { kind } = declaration
    const value = compile(kind.name, 'of' in kind ? kind.of : undefined)
    const by = compile('by', 'by' in kind ? kind.by?.key : undefined)
    const key = `${declaration.where ?? ''} in ${windowName(declaration.window)}`
    let group = groups.get(key)
    if (!group) {
      group = {
        signature: key,
        where: where?.evaluate,
        window: declaration.window,
        keptPanes: 0,
        stride: 1,
        keptStride: 0,
        members: [],
      }
      groups.set(key, group)
    }
    features.push(addMember(group, [...groups.keys()].indexOf(key), declaration, value?.evaluate, by?.evaluate))
  }
  features.push(...compileComputed(declarations, features, onFault))
  return { groups: [...groups.values()], features }
}

function addMember(
  group: FeatureGroup,
  index: number,
  { name, kind, window }: AggregateFeature,
  value: Evaluate<Moment> | undefined,
  key: Evaluate<Moment> | undefined,
): Feature {
  // Features that differ in their name or their window's size only share one member: its panes serve both.
  const signature = JSON.stringify(kind)
  let member = group.members.find((other) => other.signature === signature)
  if (member === undefined) {
    member = { signature, aggregate: makeAggregate(kind), value, key, offset: group.stride, keptAt: group.keptStride }
    group.members.push(member)
    group.stride += member.aggregate.cells
    if (member.aggregate.keeps) group.keptStride++
  }
  const { aggregate, offset, keptAt } = member
  const panes = window.kind === 'panes' ? window.sizeMs / window.paneMs : 0
  const sizeMs = 'sizeMs' in window ? window.sizeMs : 0
  group.keptPanes = Math.max(group.keptPanes, panes)

  const none = emptyPanes(1, 0)
  const read = ({ groups, asOfMs, session }: ProfileMoment): Value => {
    const rows = groups[index]
    if (rows === undefined) return aggregate.read(none, 0, 0, offset, keptAt, asOfMs, sizeMs)
    let newest = 0
    let oldest = 0
    if (window.kind === 'panes') {
      newest = Math.floor(asOfMs / window.paneMs)
      oldest = newest - panes + 1
    } else if (window.kind === 'session') {
      newest = session.index
      oldest = session.index
    }
    const to = lowerBound(rows, newest + 1)
    return aggregate.read(rows, lowerBound(rows, oldest), to, offset, keptAt, asOfMs, sizeMs)
  }
  return { name, type: aggregate.type, read }
}

/**
 * Folds the moment's event into the groups whose condition it meets.
 * @param groups the profile's panes by group, changed in place
 * @param streamTimeMs the largest event time of the profile, this event included
 * @returns whether a group refused the event because its pane is no longer kept
 */
export function updateFeatures(
  set: FeatureSet,
  groups: (Panes | undefined)[],
  moment: Moment,
  streamTimeMs: number,
): boolean {
  let late = false
  for (let index = 0; index < set.groups.length; index++) {
    const group = set.groups[index]!
    if (group.where !== undefined && group.where(moment) !== true) continue
    const { window } = group
    let key = 0
    let oldest = 0
    if (window.kind === 'panes') {
      key = Math.floor(moment.event.timeMs / window.paneMs)
      oldest = Math.floor(streamTimeMs / window.paneMs) - group.keptPanes + 1
    } else if (window.kind === 'session') {
      oldest = moment.session.index
      key = moment.inSession ? oldest : oldest - 1
    }
    if (key < oldest) {
      late = true
      continue
    }
    let rows = groups[index]
    if (rows === undefined) {
      rows = emptyPanes(group.stride, group.keptStride)
      groups[index] = rows
    }
    dropBelow(rows, oldest)
    fold(group, rows, key, moment)
  }
  return late
}

function fold(group: FeatureGroup, rows: Panes, key: number, moment: Moment): void {
  const { stride } = group
  const row = lowerBound(rows, key)
  const at = row * stride
  const { members } = group
  if (row === rowCount(rows) || rows.cells[at] !== key) {
    insertRow(rows, row, key)
    for (let i = 0; i < members.length; i++) members[i]!.aggregate.start(rows.cells, at + members[i]!.offset)
  }
  const { cells, kept, keptStride } = rows
  for (let i = 0; i < members.length; i++) {
    const { aggregate, value, key, offset, keptAt } = members[i]!
    const of = value === undefined ? undefined : value(moment)
    const by = key === undefined ? undefined : key(moment)
    if (!aggregate.keeps) aggregate.add(cells, at + offset, of, moment.event.timeMs, undefined, by)
    else {
      const place = row * keptStride + keptAt
      kept[place] = aggregate.add(cells, at + offset, of, moment.event.timeMs, kept[place], by)
    }
  }
}
