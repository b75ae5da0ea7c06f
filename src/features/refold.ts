import type { Enrichment } from '../enrich/enrichment.ts'
import { followSession, noSession, outsideSessions } from '../enrich/session.ts'
import type { Event } from '../events/event.ts'
import { adoptRows, type KeptMember } from './adopt.ts'
import type { Panes } from './aggregate.ts'
import { type FeatureSet, updateFeatures } from './features.ts'
import type { FeatureGroup, Member } from './group.ts'
import type { Moment, NotReady } from './moment.ts'

/** An event that changed a profile, as read from its row in the store. */
export interface PastEvent {
  readonly event: Event
  readonly enrichment: Enrichment
  /** The customer's session after the event. */
  readonly sessionIndex: number
  readonly sessionStartMs: number
}

/** What to compute again so that features become ready. */
export interface RefoldPlan {
  /** The features' groups, and the groups these rest on; in the order of the set. */
  readonly groups: readonly FeatureGroup[]
  /** For each group, in the same order: its members, and how far back they stay as they are. */
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
      // We don't know how far back it looks into another group's rows.
      back = Math.max(back ?? 0, rest.group === state.group ? own : Number.POSITIVE_INFINITY)
    }
    return back
  }
  const members = ordered.map((group) => group.members.map((member) => ({ member, back: backOf(member) })))
  return { groups: ordered, members, spanMs: Math.max(0, ...spans) }
}

/**
 * The rows of some groups, folded again from a customer's stored events in the order in which they arrived. The result is
 * what the profile would have if it had kept these rows all along: the order is the same, and late events are refused
 * against the stream time of that moment, the largest event time so far. Events before the span affect neither.
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
    const isInSession = sessionIndex > 0
    if (isInSession) followSession(this.#session, event, sessionIndex, sessionStartMs)
    const moment: Moment = {
      event,
      enrichment,
      session: isInSession ? this.#session : outsideSessions,
      traits: noTraits,
      groups: this.rows,
      notReady: undefined,
      asOfMs: this.#streamTimeMs,
    }
    updateFeatures(this.#plan, this.rows, moment, this.#streamTimeMs, uncounted)
    uncounted.clear()
  }

  /** Puts the rows into the profile, beside those of its own rows that stay. */
  replaceIn(groups: (Panes | undefined)[], streamTimeMs: number): void {
    const { groups: refolded, members } = this.#plan
    for (const [i, group] of refolded.entries()) {
      const { index } = group
      groups[index] = adoptRows(group, members[i]!, groups[index], this.rows[index], groups, streamTimeMs)
    }
  }
}

/** Not needed: in a feature, `traits` are the event's. */
const noTraits: ReadonlyMap<string, unknown> = new Map()
/** Late events are not counted again. */
const uncounted = new Map<string, number>()
