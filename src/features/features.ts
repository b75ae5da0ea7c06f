import type { Value } from '../events/event.ts'
import { asItIs, type Evaluate, Scope } from '../expressions/expression.ts'
import type { Panes, Total } from './aggregate.ts'
import { makeAggregate } from './aggregates/kinds.ts'
import { compileComputed } from './computed.ts'
import type { AggregateFeature, FeatureDeclaration } from './declaration.ts'
import { addEvent, type FeatureGroup, type Member, memberOf } from './group.ts'
import { tooLate } from './grouping.ts'
import { eventVariables, featureElsewhere, type Moment, type ProfileMoment, type Whereabouts } from './moment.ts'
import { emptyPanes, rowCount } from './panes.ts'
import { totalFrom } from './totals.ts'
import { type Condition, type FindGroup, placeFeature, placeWhereabouts } from './windows/kinds.ts'

/**
 * The features of one customer: `updateFeatures` folds an event into the rows of its groups, and a feature reads them as of
 * a moment. Features with the same `where` and the same placement (for instance a pane size) share one group: the condition
 * is evaluated once, and an event touches one row. Bound: a group keeps the rows of its widest window, a profile the rows of
 * its groups.
 */

/** Also a variable of the actions' expressions. */
export interface Feature {
  readonly name: string
  /** The CEL type of its value. */
  readonly type: string
  /** undefined, which is CEL's error, if the feature is not ready. */
  readonly read: (moment: ProfileMoment) => Value | undefined
  /** Like `read`, for expressions, which may get a `LazyMap`; absent if they get what `read` returns. */
  readonly look?: (moment: ProfileMoment) => unknown
  /** For an aggregate: where its state is, and how far back the feature looks into it. */
  readonly state?: FeatureState
  /**
   * For an aggregate: the first moment after `moment` at which time alone changes what it reads; ms, infinite if there is
   * none. undefined if its value changes all the time.
   */
  readonly nextChangeMs?: ((moment: ProfileMoment) => number) | undefined
  /** For a computed feature: its expression in one form for all spellings, and the names in it. */
  readonly signature?: string
  readonly names?: ReadonlySet<string>
}

interface FeatureState {
  readonly group: FeatureGroup
  readonly member: Member
  /** How far back the feature looks, in the unit of the group's placement. */
  readonly back: number
  readonly rests: readonly Rest[]
}

/** A member that a feature's rows need in order to be placed or read; in its own group or another one. */
export interface Rest {
  readonly group: FeatureGroup
  readonly member: Member
}

export interface FeatureSet {
  readonly groups: readonly FeatureGroup[]
  readonly features: readonly Feature[]
  /** Only where it was asked for. */
  readonly whereabouts?: Whereabouts
}

/** A fault in one expression of a declaration; `path` leads to the expression from the feature's own keys. */
export type OnFault = (feature: FeatureDeclaration, path: readonly PropertyKey[], fault: unknown) => void

/**
 * Compiles the declarations. Every fault goes to `onFault`; if there is one, only the names and types of the set are valid.
 * @param sessionGapMs a session ends when more than this passes without an event
 * @param asksWhere whether other rules ask where a customer is
 * @param adapt of what computed features read
 */
export function compileFeatures(
  declarations: readonly FeatureDeclaration[],
  sessionGapMs: number,
  onFault: OnFault,
  asksWhere = false,
  adapt = asItIs,
): FeatureSet {
  const scope = new Scope(eventVariables, featureElsewhere(declarations))
  const groups: FeatureGroup[] = []
  const find: FindGroup = (where, name, make) => {
    const signature = `${where?.signature ?? ''} in ${name}`
    let group = groups.find((other) => other.signature === signature)
    if (group === undefined) {
      group = {
        signature,
        index: groups.length,
        where: where?.evaluate,
        placement: make(),
        stride: 1,
        keptStride: 0,
        members: [],
        features: [],
        readsSession: false,
      }
      groups.push(group)
    }
    return { group, placement: group.placement as ReturnType<typeof make> }
  }
  const features: Feature[] = []
  for (const declaration of declarations) {
    if ('value' in declaration) continue
    const expressions = compileExpressions(scope, declaration, onFault)
    features.push(addFeature(declaration, expressions, sessionGapMs, find))
  }
  features.push(...compileComputed(declarations, features, onFault, adapt))
  return { groups, features, ...(asksWhere ? { whereabouts: placeWhereabouts(find) } : {}) }
}

interface Expressions {
  readonly where: Condition | undefined
  /** The kind with its options and expressions, in one form for all spellings. */
  readonly kind: string
  /** The value that the aggregate takes from an event; undefined if it takes none. */
  readonly value: Evaluate<Moment> | undefined
  /** The key of the map that the aggregate makes. */
  readonly key?: Evaluate<Moment> | undefined
  readonly readsSession: boolean
}

/** What an event's row in the store does not say alone: it takes the session's earlier events too. */
const ofSession = ['session_events', 'entry_page']

function compileExpressions(scope: Scope<Moment>, declaration: AggregateFeature, onFault: OnFault): Expressions {
  const { kind } = declaration
  let readsSession = false
  const compile = (path: readonly PropertyKey[], source: string, isCondition: boolean): Condition => {
    try {
      const compiled = scope.compile(source)
      readsSession ||= ofSession.some((name) => compiled.names.has(name))
      if (!isCondition || compiled.type === 'bool' || compiled.type === 'dyn') return compiled
      throw new Error(`the condition is of type ${compiled.type}, not bool`)
    } catch (fault) {
      onFault(declaration, path, fault)
      return { signature: source, evaluate: () => undefined }
    }
  }
  const where = declaration.where === undefined ? undefined : compile(['where'], declaration.where, true)
  if (!('steps' in kind)) {
    const isCondition = kind.name === 'smoothed_rate'
    const value = 'of' in kind && kind.of !== undefined ? compile([kind.name], kind.of, isCondition) : undefined
    const by = 'by' in kind ? kind.by : undefined
    const key = by && compile(['by'], by.key, false)
    const of = value && { of: value.signature }
    const signature = JSON.stringify({ ...kind, ...of, ...(key && { by: { ...by, key: key.signature } }) })
    return { where, kind: signature, value: value?.evaluate, key: key?.evaluate, readsSession }
  }
  const steps = kind.steps.map((step, i) => compile([kind.name, i], step, true))
  const signatures = steps.map((step) => step.signature)
  const value = stepsMet(steps.map((step) => step.evaluate))
  const signature = JSON.stringify({ ...kind, steps: signatures })
  if ('strict' in kind && kind.strict) return { where, kind: signature, value, readsSession }
  const meetsOne: Condition = {
    signature: JSON.stringify([where?.signature, signatures]),
    evaluate: (moment) => (where === undefined || where.evaluate(moment) === true) && value(moment) !== 0,
  }
  return { where: meetsOne, kind: signature, value, readsSession }
}

/** The steps whose condition the event meets, as bits; the first step is the lowest bit. */
function stepsMet(steps: readonly Evaluate<Moment>[]): (moment: Moment) => number {
  return (moment) => {
    let met = 0
    for (let i = 0; i < steps.length; i++) if (steps[i]!(moment) === true) met |= 1 << i
    return met
  }
}

function addFeature(
  declaration: AggregateFeature,
  { where, kind: signature, value, key, readsSession }: Expressions,
  sessionGapMs: number,
  find: FindGroup,
): Feature {
  const { name, kind, window } = declaration
  const { group, reach, rests } = placeFeature(declaration, where, sessionGapMs, find)
  group.features.push(name)
  group.readsSession ||= readsSession
  const member = memberOf(group, signature, () => makeAggregate(kind), value, key)
  const { aggregate, offset, keptAt } = member
  const { index } = group
  const none = emptyPanes(1, 0)
  const sizeMs = 'sizeMs' in window ? window.sizeMs : 0
  const fewest = aggregate.readsOneRowAsItIs ? 2 : 1
  const totalOver = (rows: Panes, from: number, to: number): Total | undefined => {
    const isOfAll = aggregate.makeTotal !== undefined && to - from >= fewest && to === rowCount(rows)
    return isOfAll ? totalFrom(rows, member, reach.back, from) : undefined
  }
  const read = ({ groups, notReady, asOfMs }: ProfileMoment): Value | undefined => {
    if (notReady?.has(name)) return undefined
    const rows = groups[index]
    if (rows === undefined) return aggregate.read(none, 0, 0, offset, keptAt, asOfMs, sizeMs)
    const to = reach.to(rows, asOfMs, groups)
    const from = reach.from(rows, asOfMs, groups)
    const total = totalOver(rows, from, to)
    if (total !== undefined) return total.read(rows, from, to, offset, keptAt)
    return aggregate.read(rows, from, to, offset, keptAt, asOfMs, sizeMs)
  }
  const look = (moment: ProfileMoment): unknown => {
    const { groups, notReady, asOfMs } = moment
    const rows = groups[index]
    if (rows === undefined || notReady?.has(name)) return read(moment)
    const to = reach.to(rows, asOfMs, groups)
    const from = reach.from(rows, asOfMs, groups)
    return totalOver(rows, from, to)?.look?.(rows, from, to, keptAt) ?? read(moment)
  }
  const nextChangeMs = ({ groups, asOfMs }: ProfileMoment): number => {
    const rows = groups[index]
    return rows === undefined ? Number.POSITIVE_INFINITY : reach.nextMs(rows, asOfMs, groups)
  }
  return {
    name,
    type: aggregate.type,
    read,
    ...(aggregate.type.startsWith('map') ? { look } : {}),
    state: { group, member, back: reach.back, rests },
    nextChangeMs: aggregate.continuous ? undefined : nextChangeMs,
  }
}

/**
 * Folds the moment's event into the groups whose condition it meets.
 * @param set the groups in their order, including those that a feature's rows rest on
 * @param groups the profile's rows by group, the same as the moment's; changed in place
 * @param streamTimeMs the largest event time of the profile, this event included
 * @param lateBy by feature name, how many events were too late for it so far; added to
 * @returns whether the event was too late for a feature whose condition it meets
 */
export function updateFeatures(
  set: Pick<FeatureSet, 'groups'>,
  groups: (Panes | undefined)[],
  moment: Moment,
  streamTimeMs: number,
  lateBy: Map<string, number>,
): boolean {
  let late = false
  for (let i = 0; i < set.groups.length; i++) {
    const group = set.groups[i]!
    if (group.where !== undefined && group.where(moment) !== true) continue
    const { index } = group
    let rows = groups[index]
    if (rows === undefined) {
      rows = emptyPanes(group.stride, group.keptStride)
      groups[index] = rows
    }
    const row = group.placement.place(group, rows, moment, streamTimeMs)
    if (row >= 0) addEvent(group, rows, row, moment)
    else if (row === tooLate) {
      late = true
      for (const name of group.features) lateBy.set(name, (lateBy.get(name) ?? 0) + 1)
    }
  }
  return late
}
