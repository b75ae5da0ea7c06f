import type { Period } from '../window.ts'
import { serverZones } from './server-zones.ts'

/**
 * Local calendars: which day, week or month of a timezone a time is in, as consecutive whole numbers. The offsets from UTC
 * are Node's (ICU's copy of the IANA database), including daylight saving.
 */

const dayMs = 86_400_000
/**
 * Clocks change at quarter hours of UTC, so each quarter hour has one offset. Until 2011, though, St. John's and Goose Bay
 * changed a minute after one: there the whole quarter hour uses the offset at its end, as in ClickHouse.
 */
export const quarterHourMs = 900_000
/** 200 days of quarter hours. */
const maxOffsets = 19_200
/** More than there are. */
const maxZones = 1_000

export class Zone {
  readonly #format: Intl.DateTimeFormat
  readonly #offsets = new Map<number, number>()
  #lastSlot = Number.NaN
  #lastOffsetMs = 0
  /** The period found last, from `fromMs` to before `nextMs`: nearly all times asked for are in it. */
  readonly #found = new Map<Period, { fromMs: number; nextMs: number }>()

  /** @throws RangeError for a name that ICU does not know */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  }

  /** Times in one local period have the same index; the next period's index is one more. */
  index(period: Period, timeMs: number): number {
    const day = Math.floor((timeMs + this.#offsetMs(timeMs)) / dayMs)
    switch (period) {
      case 'day':
        return day
      case 'week':
        // 1970-01-01 was a Thursday.
        return Math.floor((day + 3) / 7)
      case 'month':
        return monthOf(day)
    }
  }

  /** What clocks show there: ms since midnight. */
  clockMs(timeMs: number): number {
    const localMs = timeMs + this.#offsetMs(timeMs)
    return localMs - Math.floor(localMs / dayMs) * dayMs
  }

  /** The first moment after `timeMs` that is in another local period; ms. */
  nextMs(period: Period, timeMs: number): number {
    const found = this.#found.get(period)
    if (found !== undefined && found.fromMs <= timeMs && timeMs < found.nextMs) return found.nextMs
    const index = this.index(period, timeMs)
    let nextMs = (Math.floor(timeMs / quarterHourMs) + 1) * quarterHourMs
    while (this.index(period, nextMs) === index) nextMs += quarterHourMs
    this.#found.set(period, { fromMs: timeMs, nextMs })
    return nextMs
  }

  #offsetMs(timeMs: number): number {
    const slot = Math.floor(timeMs / quarterHourMs)
    if (slot === this.#lastSlot) return this.#lastOffsetMs
    let offsetMs = this.#offsets.get(slot)
    if (offsetMs === undefined) {
      if (this.#offsets.size >= maxOffsets) this.#offsets.clear()
      offsetMs = this.#readOffset((slot + 1) * quarterHourMs - 1)
      this.#offsets.set(slot, offsetMs)
    }
    this.#lastSlot = slot
    this.#lastOffsetMs = offsetMs
    return offsetMs
  }

  /** From `1/1/2026, GMT+05:30`; plain `GMT` is 0. */
  #readOffset(timeMs: number): number {
    const [, sign, hours = 0, minutes = 0, seconds = 0] =
      /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(this.#format.format(timeMs)) ?? []
    return (sign === '-' ? -1 : 1) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000
  }
}

/**
 * From days since 1970-01-01 to months since March of year 0 (Gregorian), by Howard Hinnant's `civil_from_days`: a year that
 * begins in March has its leap day last, and its months have 31, 30, 31, 30, 31 days, over and over.
 */
function monthOf(day: number): number {
  const sinceYear0 = day + 719_468
  const era = Math.floor(sinceYear0 / 146_097)
  const dayOfEra = sinceYear0 - era * 146_097
  const leapDays = Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  return (era * 400 + yearOfEra) * 12 + Math.floor((5 * dayOfYear + 2) / 153)
}

const zones = new Map<string, Zone | undefined>()

/** The zone of an IANA name that both Node and ClickHouse know in that spelling, or undefined. */
export function zoneOf(name: string): Zone | undefined {
  let zone = zones.get(name)
  if (zone !== undefined || zones.has(name)) return zone
  if (zones.size >= maxZones) zones.clear()
  try {
    // ICU also accepts bare offsets (+01:00), names of its own (PST) and other spellings.
    zone = serverZones.has(name) ? new Zone(name) : undefined
  } catch {
    // Throwing is ICU's only way to say that it does not know a name.
    zone = undefined
  }
  zones.set(name, zone)
  return zone
}

/** All names that have a zone. */
export const zoneNames = (): readonly string[] => [...serverZones].filter((name) => zoneOf(name) !== undefined)

export const utc = new Zone('UTC')
