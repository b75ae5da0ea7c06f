import { outsideSessions } from '../../enrich/session.ts'
import type { Panes } from '../aggregate.ts'
import { timeSince } from '../aggregates/time-since.ts'
import { type FeatureGroup, type Member, memberOf, mergeRow, openRow } from '../group.ts'
import { outside, type Placement, type Reach, tooLate } from '../grouping.ts'
import type { Moment } from '../moment.ts'
import { keyOf, lowerBound, removeRows, rowCount } from '../panes.ts'

/**
 * A customer's sessions by event time and gap alone: a session goes on as long as the next event comes within the gap,
 * whatever order the events arrived in. A late event may begin a session earlier, lengthen it, or bridge two, which then
 * become one. A row is a session over events of any kind: its key is the first event's time, its cell the last event's.
 * Bound: the sessions that an event within the lateness can still touch, at most (lateness + gap) / gap + 1.
 */
export class Sessions implements Placement {
  readonly #gapMs: number
  readonly #latenessMs: number
  readonly #followers: FeatureGroup[] = []
  readonly kept = 0
  /** A session may go on for ever. */
  readonly spanMs = Number.POSITIVE_INFINITY

  constructor(gapMs: number, latenessMs: number) {
    this.#gapMs = gapMs
    this.#latenessMs = latenessMs
  }

  /** Makes room in a group's rows for the ends of the sessions. */
  static addEnds(group: FeatureGroup): Member {
    return memberOf(group, 'session end', () => timeSince('latest'), undefined)
  }

  /** Adds a group whose rows are to be merged when sessions are. */
  follow(group: FeatureGroup): void {
    if (!this.#followers.includes(group)) this.#followers.push(group)
  }

  place(group: FeatureGroup, rows: Panes, { event, session, groups }: Moment, streamTimeMs: number): number {
    const { timeMs } = event
    if (session === outsideSessions) return outside
    // Late events are counted by the groups that follow, each for the events that meet its condition.
    if (timeMs < streamTimeMs - this.#latenessMs) return outside
    this.#dropOver(rows, streamTimeMs)
    const next = lowerBound(rows, timeMs + 1)
    const isOfNext = next < rowCount(rows) && keyOf(rows, next) - timeMs <= this.#gapMs
    const isOfBefore = next > 0 && timeMs - endOf(rows, next - 1) <= this.#gapMs
    if (isOfBefore && isOfNext) {
      mergeRow(group, rows, next - 1, next)
      removeRows(rows, next, 1)
      for (const follower of this.#followers) mergeSession(follower, groups[follower.index], rows, next - 1)
      return next - 1
    }
    if (isOfBefore) return next - 1
    if (isOfNext) rows.cells[next * rows.stride] = timeMs
    else openRow(group, rows, next, timeMs)
    return next
  }

  readonly maxRows = Number.POSITIVE_INFINITY

  within(): number {
    return 0
  }

  find(rows: Panes, other: Panes, row: number): number {
    const session = sessionAt(rows, keyOf(other, row))
    return session >= 0 ? session : ~lowerBound(rows, keyOf(other, row))
  }

  #dropOver(rows: Panes, streamTimeMs: number): void {
    const count = rowCount(rows)
    let over = 0
    while (over < count && endOf(rows, over) + this.#gapMs + this.#latenessMs < streamTimeMs) over++
    if (over > 0) removeRows(rows, 0, over)
  }
}

/** The events that meet a condition, by session. A row's key is the time of one of its events, so it is within the session. */
export class SessionRows implements Placement {
  readonly #sessions: FeatureGroup
  readonly #gapMs: number
  readonly #latenessMs: number
  readonly kept = 0
  /** A session may go on for ever. */
  readonly spanMs = Number.POSITIVE_INFINITY

  /** @param sessions the group placed by `Sessions`, which sees each event before this group does */
  constructor(sessions: FeatureGroup, gapMs: number, latenessMs: number) {
    this.#sessions = sessions
    this.#gapMs = gapMs
    this.#latenessMs = latenessMs
  }

  place(group: FeatureGroup, rows: Panes, { event, session, groups }: Moment, streamTimeMs: number): number {
    const { timeMs } = event
    if (session === outsideSessions) return outside
    if (timeMs < streamTimeMs - this.#latenessMs) return tooLate
    const sessions = groups[this.#sessions.index]!
    const over = lowerBound(rows, keyOf(sessions, 0))
    if (over > 0) removeRows(rows, 0, over)
    const row = rowIn(rows, sessions, sessionAt(sessions, timeMs))
    if (row >= 0) return row
    openRow(group, rows, ~row, timeMs)
    return ~row
  }

  readonly maxRows = Number.POSITIVE_INFINITY

  within(): number {
    return 0
  }

  find(rows: Panes, other: Panes, row: number, groups: readonly (Panes | undefined)[]): number | undefined {
    const sessions = groups[this.#sessions.index]
    const session = sessions === undefined ? -1 : sessionAt(sessions, keyOf(other, row))
    return session < 0 ? undefined : rowIn(rows, sessions!, session)
  }

  /** The session at the moment: the latest one, unless it is over by then. */
  reach(): Reach {
    const latest = (groups: readonly (Panes | undefined)[], asOfMs: number): Panes | undefined => {
      const sessions = groups[this.#sessions.index]
      const isOn = sessions !== undefined && asOfMs - endOf(sessions, rowCount(sessions) - 1) <= this.#gapMs
      return isOn ? sessions : undefined
    }
    const rowsOf = (rows: Panes, sessions: Panes) => lowerBound(rows, keyOf(sessions, rowCount(sessions) - 1))
    return {
      back: 0,
      from(rows, asOfMs, groups) {
        const sessions = latest(groups, asOfMs)
        return sessions === undefined ? 0 : rowsOf(rows, sessions)
      },
      to: (rows, asOfMs, groups) => (latest(groups, asOfMs) === undefined ? 0 : rowCount(rows)),
      nextMs: (rows, asOfMs, groups) => {
        const sessions = latest(groups, asOfMs)
        if (sessions === undefined || rowsOf(rows, sessions) === rowCount(rows)) return Number.POSITIVE_INFINITY
        return endOf(sessions, rowCount(sessions) - 1) + this.#gapMs + 1
      },
    }
  }
}

/** The end is in the cell right after the key, since it is the first member. */
const endOf = ({ cells, stride }: Panes, row: number) => cells[row * stride + 1]!

/** The session that holds that time; -1 if none does. */
function sessionAt(sessions: Panes, timeMs: number): number {
  const session = lowerBound(sessions, timeMs + 1) - 1
  return session >= 0 && timeMs <= endOf(sessions, session) ? session : -1
}

/** The row of a session; if there is none, `~row` with `row` where it would be inserted. */
function rowIn(rows: Panes, sessions: Panes, session: number): number {
  const row = lowerBound(rows, keyOf(sessions, session))
  return row < rowCount(rows) && keyOf(rows, row) <= endOf(sessions, session) ? row : ~row
}

/** Merges the two rows of a session that two sessions have become. */
function mergeSession(group: FeatureGroup, rows: Panes | undefined, sessions: Panes, session: number): void {
  if (rows === undefined) return
  const row = lowerBound(rows, keyOf(sessions, session))
  if (row + 1 >= rowCount(rows) || keyOf(rows, row + 1) > endOf(sessions, session)) return
  mergeRow(group, rows, row, row + 1)
  removeRows(rows, row + 1, 1)
}
