import type { Outcome } from '../../decide/decision.ts'

/** The result of a replay. The same input and configuration give the same summary, so it holds no clock times. */
export interface Summary {
  /** Rows of all files, without blank lines and the header of a CSV file. */
  lines: number
  /** Rows that became events; duplicates count. */
  events: number
  /** Rows that did not, by reason. */
  readonly bad_lines: Record<string, BadLines>
  customers: number
  /** Customers that are bots, and their events. */
  bots: number
  bot_events: number
  sessions: number
  duplicates: number
  /** Events that came too late for at least one feature. */
  late: number
  /** Timers that fired. */
  timers: number
  /** Events and timers by what was decided after them. */
  readonly decisions: Record<Outcome, number>
  /** By name, in order of the names: how many were published, and how many were too large for that. */
  actions: Record<string, number>
  too_large: Record<string, number>
}

export interface BadLines {
  count: number
  /** The first few. */
  readonly first: { readonly file: string; readonly line: number; readonly detail: string }[]
}

const shownBadLines = 5

export function emptySummary(): Summary {
  return {
    lines: 0,
    events: 0,
    bad_lines: {},
    customers: 0,
    bots: 0,
    bot_events: 0,
    sessions: 0,
    duplicates: 0,
    late: 0,
    timers: 0,
    decisions: { chosen: 0, nothing: 0, holdout: 0, shadow: 0, suppressed: 0, none: 0 },
    // An action may be called `constructor`.
    actions: Object.create(null) as Record<string, number>,
    too_large: Object.create(null) as Record<string, number>,
  }
}

export function noteBadLine({ bad_lines }: Summary, reason: string, at: BadLines['first'][number]): void {
  bad_lines[reason] ??= { count: 0, first: [] }
  const bad = bad_lines[reason]
  bad.count++
  if (bad.first.length < shownBadLines) bad.first.push(at)
}

/** The summary for people: one line per figure, and where to look for what could not be read. */
export function formatSummary(summary: Summary): string {
  const { lines, events, bad_lines, customers, bots, bot_events, sessions, duplicates, late, timers, decisions } =
    summary
  const n = (count: number) => count.toLocaleString('en-US')
  const byName = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${n(count)}`)
      .join(', ')
  const tooLarge = byName(summary.too_large)
  const rows: (readonly [name: string, text: string])[] = [
    ['lines', n(lines)],
    ['events', `${n(events)} (${n(duplicates)} duplicates, ${n(late)} late)`],
    ...Object.entries(bad_lines).map(([reason, bad]): [string, string] => {
      const places = bad.first.map(({ file, line, detail }) => `\n    ${file}:${line}: ${detail}`).join('')
      return ['bad lines', `${n(bad.count)} ${reason}${places}${bad.count > bad.first.length ? '\n    …' : ''}`]
    }),
    ['customers', `${n(customers)} (${n(bots)} bots with ${n(bot_events)} events)`],
    ['sessions', n(sessions)],
    ...(timers > 0 ? [['timers', `${n(timers)} fired`] as const] : []),
    [
      'decisions',
      [
        `${n(decisions.chosen)} with an action`,
        `${n(decisions.suppressed)} held back by contact rules`,
        ...(decisions.nothing > 0 ? [`${n(decisions.nothing)} for nothing`] : []),
        ...(decisions.holdout > 0 ? [`${n(decisions.holdout)} of the holdout`] : []),
        ...(decisions.shadow > 0 ? [`${n(decisions.shadow)} in the shadow`] : []),
      ].join(', '),
    ],
    ['actions', byName(summary.actions) || 'none'],
    ...(tooLarge === '' ? [] : [['too large', tooLarge] as const]),
  ]
  return rows.map(([name, text]) => `${name.padEnd(10)}${text}\n`).join('')
}
