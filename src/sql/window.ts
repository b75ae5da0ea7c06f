import type { AggregateFeature } from '../features/declaration.ts'
import type { Period, Window } from '../features/window.ts'
import { sessionLatenessMs } from '../features/windows/kinds.ts'
import { nowMs, rowMs } from './aggregate.ts'
import { type Columns, customerKey, eventId, eventMs, isOfEvent } from './event-columns.ts'
import { quoteText } from './quote.ts'

/** The levels of a query to which a window adds what it needs; each is computed over the rows of the level before. */
export interface Levels {
  /** Over the events as stored; the SQL window `arrived` is the customer's events so far, in order of arrival. */
  readonly facts: Columns
  /** Over single rows of `facts`. */
  readonly judged: Columns
  /** Window functions over the rows of `judged`, then over those of `ranks`. */
  readonly ranks: Columns
  readonly spans: Columns
  /** A column of `facts`: the timezone that an event names, empty for none. */
  readonly timezone: () => string
  readonly sessionGapMs: number
}

const whole = `OVER (PARTITION BY ${customerKey})`

/**
 * Whether a row counts for a feature, as of the moment of reading: its condition holds, it came in time, and it is in the
 * window. No row is after that moment. If no lateness is declared, only sessions need a rule for late events: any other
 * window had already moved past such an event, and a later read does not reach back further.
 * @param condition a column of `judged`; never NULL
 */
export function countsInWindow(
  { window, latenessMs, kind }: Pick<AggregateFeature, 'window' | 'latenessMs' | 'kind'>,
  condition: string,
  levels: Levels,
): string {
  const { judged, ranks, spans } = levels
  const lateMs = latenessMs ?? defaultLateness(window, kind)
  // An outcome is in no session.
  const inAny = window.kind === 'session' ? `${levels.facts.add('session_index > 0')} AND ` : ''
  const inTime = lateMs === undefined ? undefined : judged.add(`${inAny}${rowMs} >= ${streamTime(levels)} - ${lateMs}`)
  const met = inTime === undefined ? condition : judged.add(`${condition} AND ${inTime}`)
  switch (window.kind) {
    case 'panes':
      return `${met} AND intDiv(${rowMs}, ${window.paneMs}) > intDiv(${nowMs}, ${window.paneMs}) - ${window.sizeMs / window.paneMs}`
    case 'sliding': {
      const place = ranks.add(`dense_rank() OVER (PARTITION BY ${customerKey}, ${met} ORDER BY ${rowMs} DESC)`)
      return `${met} AND ${place} <= ${window.maxEvents} AND ${rowMs} > ${nowMs} - ${window.sizeMs}`
    }
    case 'calendar': {
      const start = (ms: string) => `${starts[window.period]}(${localDate(ms, window.timezone, levels)})`
      return `${met} AND ${start(rowMs)} = ${start(nowMs)}`
    }
    case 'events': {
      const order = `${rowMs} DESC, ${eventId} DESC`
      return `${met} AND ${ranks.add(`row_number() OVER (PARTITION BY ${customerKey}, ${met} ORDER BY ${order})`)} <= ${window.count}`
    }
    case 'session': {
      // All events that came in time make the session, whatever the condition.
      const frame = 'ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING'
      const before = `lagInFrame(${rowMs}, 1, 0) OVER (PARTITION BY ${customerKey}, ${inTime} ORDER BY ${rowMs} ${frame})`
      const gap = ranks.add(`${rowMs} - ${before}`)
      const start = spans.add(`maxIf(${rowMs}, ${inTime} AND ${gap} > ${levels.sessionGapMs}) ${whole}`)
      const end = spans.add(`maxIf(${rowMs}, ${inTime}) ${whole}`)
      return `${met} AND ${rowMs} >= ${start} AND ${nowMs} - ${end} <= ${levels.sessionGapMs}`
    }
    case 'lifetime':
      return met
  }
}

function defaultLateness(window: Window, kind: AggregateFeature['kind']): number | undefined {
  if (window.kind === 'session') return sessionLatenessMs
  return window.kind === 'lifetime' && 'withinMs' in kind ? kind.withinMs : undefined
}

/** The customer's stream time when the row's event came. */
const streamTime = ({ facts }: Levels) => facts.add(`maxIf(${eventMs}, ${isOfEvent}) OVER arrived`)

const starts: Readonly<Record<Period, string>> = { day: 'toDate', week: 'toMonday', month: 'toStartOfMonth' }

function localDate(ms: string, timezone: string, { ranks, timezone: named }: Levels): string {
  if (timezone !== 'customer') return `toDate(fromUnixTimestamp64Milli(${ms}), ${quoteText(timezone)})`
  const zone = named()
  const latest = ranks.add(`argMaxIf(${zone}, (${rowMs}, ${zone}), ${zone} != '') ${whole}`)
  // Few date functions accept a different timezone per row; this one does.
  return `toDate(formatDateTime(fromUnixTimestamp64Milli(${ms}), '%F', if(${latest} = '', 'UTC', ${latest})))`
}
