import type { Event } from '../events/event.ts'
import { pathOf } from './url.ts'

/** A customer's latest session; kept in the profile and updated in place. Times are event time in ms. */
export interface Session {
  /** 1 for the customer's first session, 0 before it and for what is in none. Customer and index together identify a session. */
  index: number
  startMs: number
  lastMs: number
  events: number
  /** The path of the earliest event that has a URL. */
  entryPage: string
}

export interface SessionBounds {
  /** A session ends when more than this passes without an event (default of the field: 30 min). */
  readonly idleMs: number
  /** A session is shorter than this, however busy (default of the field: 24 h). */
  readonly maxMs: number
}

/** `past`: a late event from a session that is over. It changed nothing. */
export type SessionTouch = 'started' | 'continued' | 'past'

export function noSession(): Session {
  return { index: 0, startMs: 0, lastMs: 0, events: 0, entryPage: '' }
}

/** For what is in no session, such as what came of an action, or a statement of traits. */
export const outsideSessions: Session = Object.freeze(noSession())

/**
 * Adds the event to the customer's session, or starts the next one. A late event belongs to the session if it lies within
 * it, or at most `idleMs` before its start and the session stays shorter than `maxMs`; then the start moves back. So as
 * long as no event is late by more than the gap between two sessions, the sessions are the same as with events in order.
 */
export function touchSession(session: Session, event: Event, { idleMs, maxMs }: SessionBounds): SessionTouch {
  const { timeMs } = event
  if (session.index === 0 || timeMs - session.lastMs > idleMs || timeMs - session.startMs >= maxMs) {
    session.index++
    session.startMs = timeMs
    session.lastMs = timeMs
    session.events = 1
    session.entryPage = event.url === '' ? '' : pathOf(event.url)
    return 'started'
  }
  if (timeMs < session.startMs) {
    if (session.startMs - timeMs > idleMs || session.lastMs - timeMs >= maxMs) return 'past'
    session.startMs = timeMs
    if (event.url !== '') session.entryPage = pathOf(event.url)
  } else if (timeMs > session.lastMs) {
    session.lastMs = timeMs
  }
  session.events++
  if (session.entryPage === '' && event.url !== '') session.entryPage = pathOf(event.url)
  return 'continued'
}

/**
 * Works out the session as it was right after a past event. The event's row in the store gives the session's index and start.
 * @param session as it was after the event before, changed in place; the session must be followed from its first event on
 */
export function followSession(session: Session, event: Event, index: number, startMs: number): void {
  const { timeMs, url } = event
  const isFirst = index !== session.index
  if (isFirst) Object.assign(session, noSession(), { index })
  // A late event from a session that is over.
  if (timeMs < startMs) return
  if (isFirst || startMs < session.startMs) {
    if (isFirst || url !== '') session.entryPage = url === '' ? '' : pathOf(url)
  } else if (session.entryPage === '' && url !== '') session.entryPage = pathOf(url)
  session.startMs = startMs
  session.lastMs = Math.max(session.lastMs, timeMs)
  session.events++
}
