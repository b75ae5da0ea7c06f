import type { Evaluate } from '../../expressions/expression.ts'
import type { AggregateFeature } from '../declaration.ts'
import type { Rest } from '../features.ts'
import type { FeatureGroup } from '../group.ts'
import type { Placement, Reach } from '../grouping.ts'
import type { Moment, Whereabouts } from '../moment.ts'
import { quarterHourMs, utc, zoneOf } from './calendar.ts'
import { addTimezone, addWhereabouts, customerPeriod } from './customer-calendar.ts'
import { type Calendar, IndexedRows } from './indexed-rows.ts'
import { LastEvents } from './last-events.ts'
import { OrderedRows } from './ordered-rows.ts'
import { SessionRows, Sessions } from './sessions.ts'

/** How late an event may be for a session if the feature does not say; ms. */
export const sessionLatenessMs = 86_400_000

/** Which events a feature counts. */
export interface Condition {
  /** The same for all spellings. */
  readonly signature: string
  readonly evaluate: Evaluate<Moment>
}

/** Finds the group for a condition and a placement, or makes it. */
export type FindGroup = <P extends Placement>(
  where: Condition | undefined,
  /** Names the placement with everything it depends on; one name always means the same kind of placement. */
  placement: string,
  make: () => P,
) => { readonly group: FeatureGroup; readonly placement: P }

interface Placed {
  readonly group: FeatureGroup
  readonly reach: Reach
  readonly rests: readonly Rest[]
}

/** The group that a feature's events go to, and what the feature reads from it: one case for each kind of window. */
export function placeFeature(
  { kind, window, latenessMs }: AggregateFeature,
  where: Condition | undefined,
  sessionGapMs: number,
  find: FindGroup,
): Placed {
  const late = latenessMs === undefined ? '' : `, late by ${latenessMs} ms at most`
  const indexed = (name: string, unit: number | Calendar, indexes: number, maxRows?: number) => {
    const make = () => new IndexedRows(unit, latenessMs ?? Number.POSITIVE_INFINITY, maxRows)
    const { group, placement } = find(where, `${name}${late}`, make)
    return { group, reach: placement.reach(indexes), rests: [] }
  }
  switch (window.kind) {
    case 'panes':
      return indexed(`panes of ${window.paneMs} ms`, window.paneMs, window.sizeMs / window.paneMs)
    case 'sliding':
      return indexed(`the latest ${window.maxEvents} ms`, 1, window.sizeMs, window.maxEvents)
    case 'calendar': {
      const { period, timezone } = window
      if (timezone !== 'customer') {
        const zone = zoneOf(timezone) ?? utc
        const periods = {
          index: (timeMs: number) => zone.index(period, timeMs),
          nextMs: (timeMs: number) => zone.nextMs(period, timeMs),
        }
        return indexed(`each ${period} in ${timezone}`, periods, 1)
      }
      const group = groupOfAll(find)
      const member = addTimezone(group)
      const make = () => new IndexedRows(quarterHourMs, latenessMs ?? Number.POSITIVE_INFINITY)
      const quarterHours = find(where, `quarter hours${late}`, make)
      return {
        group: quarterHours.group,
        reach: customerPeriod(period, quarterHours.placement, group, member.keptAt),
        rests: [{ group, member }],
      }
    }
    case 'events': {
      const { group, placement } = find(
        where,
        `events${late}`,
        () => new LastEvents(latenessMs ?? Number.POSITIVE_INFINITY),
      )
      return { group, reach: placement.reach(window.count), rests: [{ group, member: LastEvents.addIds(group) }] }
    }
    case 'session': {
      const lateMs = latenessMs ?? sessionLatenessMs
      const name = `sessions with gaps of ${sessionGapMs} ms${late}`
      const sessions = find(undefined, name, () => new Sessions(sessionGapMs, lateMs))
      const member = Sessions.addEnds(sessions.group)
      const make = () => new SessionRows(sessions.group, sessionGapMs, lateMs)
      const { group, placement } = find(where, `rows of ${name}`, make)
      sessions.placement.follow(group)
      return { group, reach: placement.reach(), rests: [{ group: sessions.group, member }] }
    }
    case 'lifetime': {
      if (!('withinMs' in kind)) return indexed('lifetime', Number.POSITIVE_INFINITY, 1)
      const lateMs = latenessMs ?? kind.withinMs
      const name = `lifetime in order, ${lateMs} ms, ${kind.maxEvents} events at most`
      const { group, placement } = find(where, name, () => new OrderedRows(lateMs, kind.maxEvents))
      return { group, reach: placement.reach, rests: [{ group, member: OrderedRows.addMark(group) }] }
    }
  }
}

/** One row for the customer's whole life, which takes every event. */
function groupOfAll(find: FindGroup): FeatureGroup {
  const make = () => new IndexedRows(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
  const { group, placement } = find(undefined, 'lifetime', make)
  placement.reach(1)
  return group
}

/** For rules that ask where a customer is though no feature does. */
export const placeWhereabouts = (find: FindGroup): Whereabouts => addWhereabouts(groupOfAll(find))
