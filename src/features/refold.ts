import type { Enrichment } from '../enrich/enrichment.ts'
import { followSession, noSession } from '../enrich/session.ts'
import type { Event } from '../events/event.ts'
import type { Panes } from './aggregate.ts'
import { type FeatureSet, updateFeatures } from './features.ts'
import type { FeatureGroup, Member } from './group.ts'
import type { Moment, NotReady } from './moment.ts'
import { keyOf, rowCount } from './panes.ts'

/** An event that changed a profile, as its row in the store tells. */
export interface PastEvent {
  readonly event: Event
  readonly enrichment: Enrichment
  /** Of the customer's session, after the event. */
  readonly sessionIndex: number
  readonly sessionStartMs: number
}

/** What is computed anew, so that features become ready. */
export interface RefoldPlan {
  /** Those of the features, and those that they rest on; in the order of the set. */
  readonly groups: readonly FeatureGroup[]
  /** Of each of them, in the same order, the members that are read by features which are all ready. */
  readonly whole: readonly (readonly Member[])[]
  /** How far back from the stream time events are needed; ms, infinite for all there are. */
  readonly spanMs: number
}

export function planRefold({ features, groups }: FeatureSet, notReady: NotReady): RefoldPlan {
  const needed = new Set<FeatureGroup>()
  for (const { name, state } of features) {
    if (state !== undefined && notReady.has(name)) for (const group of [state.group, ...state.rests]) needed.add(group)
  }
  const ordered = groups.filter((group) => needed.has(group))
  const spans = ordered.map(({ readsSession, placement }) =>
    readsSession ? Number.POSITIVE_INFINITY : placement.spanMs,
  )
  const isWhole = (member: Member) => {
    const readers = features.filter(({ state }) => state?.member === member)
    return readers.length > 0 && readers.every(({ name }) => !notReady.has(name))
  }
  const whole = ordered.map(({ members }) => members.filter(isWhole))
  return { groups: ordered, whole, spanMs: Math.max(0, ...spans) }
}

/**
 * The rows of some groups, folded once more from a customer's events in the order in which they came. They are those that
 * the profile would have, had it gathered them all along: events come in the same order, and late ones are refused by
 * the stream time of then, which is the largest time of the events so far. What lies before the span changes neither.
 */
export class Refold {
  /** By the index of the group. */
  readonly rows: (Panes | undefined)[] = []
  readonly #plan: RefoldPlan
  readonly #session = noSession()
  #streamTimeMs = 0

  constructor(plan: RefoldPlan) {
    this.#plan = plan
  }

  add({ event, enrichment, sessionIndex, sessionStartMs }: PastEvent): void {
    this.#streamTimeMs = Math.max(this.#streamTimeMs, event.timeMs)
    followSession(this.#session, event, sessionIndex, sessionStartMs)
    const moment: Moment = {
      event,
      enrichment,
      session: this.#session,
      traits: noTraits,
      groups: this.rows,
      notReady: undefined,
      asOfMs: this.#streamTimeMs,
    }
    updateFeatures(this.#plan, this.rows, moment, this.#streamTimeMs, uncounted)
    uncounted.clear()
  }

  /**
   * Puts the rows in the place of those that a profile has. A member that is whole stays as it is: the store may have lost
   * events that it knows of.
   */
  replaceIn(groups: (Panes | undefined)[]): void {
    const { groups: refolded, whole } = this.#plan
    for (const [i, { index }] of refolded.entries()) {
      const [rows, before, members] = [this.rows[index], groups[index], whole[i]!]
      if (before === undefined || members.length === 0) groups[index] = rows
      else if (rows !== undefined) {
        for (const member of members) copyMember(member, before, rows)
        groups[index] = rows
      }
    }
  }
}

/** In the rows that are of the same key. */
function copyMember({ aggregate, offset, keptAt }: Member, from: Panes, to: Panes): void {
  let row = rowCount(from) - 1
  for (let into = rowCount(to) - 1; into >= 0; into--) {
    while (row >= 0 && keyOf(from, row) > keyOf(to, into)) row--
    if (row < 0 || keyOf(from, row) !== keyOf(to, into)) continue
    for (let c = 0; c < aggregate.cells; c++) {
      to.cells[into * to.stride + offset + c] = from.cells[row * from.stride + offset + c]!
    }
    if (aggregate.keeps) to.kept[into * to.keptStride + keptAt] = from.kept[row * from.keptStride + keptAt]
  }
}

/** A feature's `traits` are the event's. */
const noTraits: ReadonlyMap<string, unknown> = new Map()
/** What was late then was counted then. */
const uncounted = new Map<string, number>()
