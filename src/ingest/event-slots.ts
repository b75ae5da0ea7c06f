/** The fields of an event, as slots that a compiled mapping fills. */

import type { Event } from '../events/event.ts'
import { isPlausible } from './event-time.ts'
import type { TextField } from './mapping.ts'
import { isStandIn } from './stand-in.ts'

export interface Slot<T> {
  readonly get: (event: Event) => T
  readonly set: (event: Event, value: T) => void
  readonly isEmpty: (value: T) => boolean
}

/**
 * An id is refused if it is not well formed, and counts as empty if it is a placeholder; other text is cleaned. `repeats`:
 * many events have the same long text.
 */
export type TextSlot = Slot<string> & { readonly id: boolean; readonly repeats: boolean }

export const slot = <T>(
  isEmpty: (value: T) => boolean,
  get: (event: Event) => T,
  set: (event: Event, value: T) => void,
): Slot<T> => ({ get, set, isEmpty })

export const isNoTime = (ms: number): boolean => !isPlausible(ms)

type GetText = (event: Event) => string
type SetText = (event: Event, text: string) => void
const text = (get: GetText, set: SetText): TextSlot => ({
  ...slot((value) => value === '', get, set),
  id: false,
  repeats: false,
})
const id = (get: GetText, set: SetText): TextSlot => ({ ...text(get, set), isEmpty: isStandIn, id: true })
const repeated = (get: GetText, set: SetText): TextSlot => ({ ...text(get, set), repeats: true })

/** One function per field, so that each one writes to a known place of one hidden class. */
export const textSlots: Readonly<Record<TextField, TextSlot>> = {
  id: id(
    (e) => e.id,
    (e, value) => {
      e.id = value
    },
  ),
  customer: id(
    (e) => e.customer,
    (e, value) => {
      e.customer = value
    },
  ),
  anonymousId: id(
    (e) => e.anonymousId,
    (e, value) => {
      e.anonymousId = value
    },
  ),
  sessionId: id(
    (e) => e.sessionId,
    (e, value) => {
      e.sessionId = value
    },
  ),
  type: text(
    (e) => e.type,
    (e, value) => {
      e.type = value
    },
  ),
  url: text(
    (e) => e.url,
    (e, value) => {
      e.url = value
    },
  ),
  title: text(
    (e) => e.title,
    (e, value) => {
      e.title = value
    },
  ),
  referrer: text(
    (e) => e.referrer,
    (e, value) => {
      e.referrer = value
    },
  ),
  userAgent: repeated(
    (e) => e.userAgent,
    (e, value) => {
      e.userAgent = value
    },
  ),
  ip: text(
    (e) => e.ip,
    (e, value) => {
      e.ip = value
    },
  ),
  locale: text(
    (e) => e.locale,
    (e, value) => {
      e.locale = value
    },
  ),
  timezone: text(
    (e) => e.timezone,
    (e, value) => {
      e.timezone = value
    },
  ),
  channel: text(
    (e) => e.channel,
    (e, value) => {
      e.channel = value
    },
  ),
  currency: text(
    (e) => e.currency,
    (e, value) => {
      e.currency = value
    },
  ),
}

export const valueSlot: Slot<number> = slot(
  Number.isNaN,
  (e) => e.value,
  (e, value) => {
    e.value = value
  },
)

export const timeSlots = {
  time: slot(
    isNoTime,
    (e) => e.timeMs,
    (e, ms: number) => {
      e.timeMs = ms
    },
  ),
  sentAt: slot(
    isNoTime,
    (e) => e.sentAtMs,
    (e, ms: number) => {
      e.sentAtMs = ms
    },
  ),
  receivedAt: slot(
    isNoTime,
    (e) => e.receivedAtMs,
    (e, ms: number) => {
      e.receivedAtMs = ms
    },
  ),
}
