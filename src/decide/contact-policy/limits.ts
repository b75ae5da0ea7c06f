import type { Moment } from '../../features/moment.ts'
import type { Zone } from '../../features/windows/calendar.ts'
import type { Refusal } from '../decision.ts'
import type { Contact } from './past-contacts.ts'

/**
 * A limit: an action that obeys it goes out only where fewer than `max` of the contacts that it counts lie within its span.
 * Cool-downs are limits of one; exclusions are limits that count other actions than those that obey them.
 */
export interface Limit {
  readonly counts: (contact: Contact) => boolean
  readonly max: number
  readonly span: LimitSpan
  /** Whether it holds for mandatory actions too. */
  readonly isStrict: boolean
  readonly refusal: Refusal
}

export type LimitSpan =
  /** (t - ms, t]: one that is exactly as old does not count any more. */
  | { readonly kind: 'rolling'; readonly ms: number }
  /** The local day or week of t. One with 23 or 25 hours is one as well. */
  | { readonly kind: 'calendar'; readonly period: 'day' | 'week'; readonly zone: (moment: Moment) => Zone }

/** Whether the span as of the moment has the time, or that is even later. */
export function isWithin({ span }: Limit, timeMs: number, moment: Moment): boolean {
  if (span.kind === 'rolling') return moment.asOfMs - timeMs < span.ms
  const zone = span.zone(moment)
  return zone.index(span.period, timeMs) >= zone.index(span.period, moment.asOfMs)
}

/** @param contacts in order of time */
export function isReached(limit: Limit, contacts: readonly Contact[], moment: Moment): boolean {
  let left = limit.max
  for (let i = contacts.length - 1; i >= 0 && left > 0; i--) {
    const contact = contacts[i]!
    if (limit.counts(contact) && isWithin(limit, contact.timeMs, moment)) left--
  }
  return left === 0
}
