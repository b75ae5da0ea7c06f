import type { Panes } from '../aggregate.ts'
import { edge } from '../aggregates/edge.ts'
import { type FeatureGroup, type Member, memberOf } from '../group.ts'
import type { Reach } from '../grouping.ts'
import type { Moment, Whereabouts } from '../moment.ts'
import { keyOf, lowerBound, rowCount } from '../panes.ts'
import type { Period } from '../window.ts'
import { quarterHourMs, utc, type Zone, zoneOf } from './calendar.ts'
import type { IndexedRows } from './indexed-rows.ts'

/**
 * Calendar windows in the customer's own timezone. The timezone may change, and events may come before the one that states
 * it. So events are kept in quarter hours of UTC, and only a read decides which of these are in the local period.
 */

/** The longest local period in quarter hours: clocks go back by two hours at most. */
const longest: Readonly<Record<Period, number>> = { day: 26 * 4, week: (7 * 24 + 2) * 4, month: (31 * 24 + 2) * 4 }

/** Keeps the customer's timezone, from the latest event that names one; the event's trait wins over its own field. */
export function addTimezone(group: FeatureGroup): Member {
  return memberOf(group, 'timezone', () => edge('last'), timezoneOf)
}

function timezoneOf({ event }: Moment): string | undefined {
  const trait = event.traits.get('timezone')
  if (typeof trait === 'string' && zoneOf(trait) !== undefined) return trait
  return event.timezone !== '' && zoneOf(event.timezone) !== undefined ? event.timezone : undefined
}

/** Keeps the customer's country, from the latest event that says it; the event's trait wins over what its address says. */
function addCountry(group: FeatureGroup): Member {
  return memberOf(group, 'country', () => edge('last'), countryOf)
}

function countryOf({ event, enrichment }: Moment): string | undefined {
  const trait = event.traits.get('country')
  if (typeof trait === 'string' && trait !== '') return trait
  return enrichment.geo.country === '' ? undefined : enrichment.geo.country
}

/** Where the customer is, as far as events said; kept in the only row of a lifetime's group, which takes every event. */
export function addWhereabouts(group: FeatureGroup): Whereabouts {
  const [timezone, country] = [addTimezone(group), addCountry(group)]
  const read =
    ({ keptAt }: Member) =>
    (groups: readonly (Panes | undefined)[]) => {
      const text = groups[group.index]?.kept[keptAt]
      return typeof text === 'string' ? text : undefined
    }
  return { timezone: read(timezone), country: read(country) }
}

/** @param keptAt where the timezone is in the only row of `timezones` */
export function customerPeriod(
  period: Period,
  quarterHours: IndexedRows,
  timezones: FeatureGroup,
  keptAt: number,
): Reach {
  const { back, to } = quarterHours.reach(longest[period])
  const zoneIn = (groups: readonly (Panes | undefined)[]): Zone => {
    const name = groups[timezones.index]?.kept[keptAt]
    return (typeof name === 'string' ? zoneOf(name) : undefined) ?? utc
  }
  const from: Reach['from'] = (rows, asOfMs, groups) => {
    const zone = zoneIn(groups)
    const now = zone.index(period, asOfMs)
    let row = lowerBound(rows, Math.floor(asOfMs / quarterHourMs) + 1)
    while (row > 0 && zone.index(period, keyOf(rows, row - 1) * quarterHourMs) === now) row--
    return row
  }
  return {
    back,
    from,
    to,
    nextMs: (rows, asOfMs, groups) =>
      from(rows, asOfMs, groups) === rowCount(rows) ? Number.POSITIVE_INFINITY : zoneIn(groups).nextMs(period, asOfMs),
  }
}
