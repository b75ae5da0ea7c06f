import type { Enrichment } from '../enrich/enrichment.ts'
import { followSession, noSession } from '../enrich/session.ts'
import type { Event } from '../events/event.ts'
import { adoptRows, type KeptMember } from './adopt.ts'
import type { Panes } from './aggregate.ts'
import { type FeatureSet, updateFeatures } from './features.ts'
import type { FeatureGroup, Member } from './group.ts'
import type { Moment, NotReady } from './moment.ts'

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
  /** Of each of them, in the same order, its members and how far back they stay as they are. */
  readonly members: readonly (readonly KeptMember[])[]
  /** How far back from the stream time events are needed; ms, infinite for all there are. */
  readonly spanMs: number
}

export function planRefold({ features, groups }: FeatureSet, notReady: NotReady): RefoldPlan {
  const needed = new Set<FeatureGroup>()
  for (const { name, state } of features) {
    if (state === undefined || !notReady.has(name)) continue
    needed.add(state.group)
    for (const { group } of state.rests) needed.add(group)
  }
  const ordered = groups.filter((group) => needed.has(group))
  const spans = ordered.map(({ readsSession, placement }) =>
    readsSession ? Number.POSITIVE_INFINITY : placement.spanMs,
  )
  const backOf = (member: Member): number | undefined => {
    let back: number | undefined
    for (const { name, state } of features) {
      if (state === undefined || notReady.has(name)) continue
      const own = state.back || Number.POSITIVE_INFINITY
      if (state.member === member) back = Math.max(back ?? 0, own)
      const rest = state.rests.find((one) => one.member === member)
      if (rest === undefined) continue
      // Of another group's rows it is not told how far back it looks.
      back = Math.max(back ?? 0, rest.group === state.group ? own : Number.POSITIVE_INFINITY)
    }
    return back
  }
  const members = ordered.map((group) => group.members.map((member) => ({ member, back: backOf(member) })))
  return { groups: ordered, members, spanMs: Math.max(0, ...spans) }
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

  /** Puts the rows in place, beside what stays of those that the profile has. */
  replaceIn(groups: (Panes | undefined)[], streamTimeMs: number): void {
    const { groups: refolded, members } = this.#plan
    for (const [i, group] of refolded.entries()) {
      const { index } = group
      groups[index] = adoptRows(group, members[i]!, groups[index], this.rows[index], groups, streamTimeMs)
    }
  }
}

/** A feature's `traits` are the event's. */
const noTraits: ReadonlyMap<string, unknown> = new Map()
/** What was late then was counted then. */
const uncounted = new Map<string, number>()
