import type pc from 'picocolors'
import type { StoredDecision } from './clickhouse/stored.ts'
import type { Percentiles } from './latencies.ts'
import { sum } from './outputs.ts'

/** What the demo shows of one moment. */
export interface Snapshot {
  readonly runningMs: number
  /** The event time that the shop has come to; ms since 1970. */
  readonly shopTimeMs: number
  /** Records that the service has committed, and how many more there are in the topic. */
  readonly consumed: number
  readonly lag: number
  readonly eventsPerSecond: number
  readonly actions: ReadonlyMap<string, number>
  readonly deadLetters: ReadonlyMap<string, number>
  readonly profiles: number
  readonly eventToActionMs: Percentiles | undefined
  /** The newest first. */
  readonly decisions: readonly StoredDecision[]
  /** How to look further, one hint a line. */
  readonly hints: readonly string[]
}

type Paint = (text: string) => string
type Part = string | readonly [text: string, paint: Paint]

const longestBar = 24

/** The live view: at most `height` lines of at most `width` characters. */
export function formatView(
  snapshot: Snapshot,
  width: number,
  height: number,
  colors: ReturnType<typeof pc.createColors>,
): string[] {
  const { bold, dim, green, yellow, cyan } = colors
  const line = (...parts: readonly Part[]) => fit(parts, width)
  const { actions, deadLetters, decisions } = snapshot
  const latency = snapshot.eventToActionMs
  const head = [
    line(['beckon demo', bold], `   ${clock(snapshot.runningMs)}`, [`   in the shop it is ${shopTime(snapshot)}`, dim]),
    '',
    line(
      label('events'),
      [amount(snapshot.consumed), bold],
      [`   ${grouped(snapshot.eventsPerSecond)}/s`, green],
      `   lag ${grouped(snapshot.lag)}   customers ${grouped(snapshot.profiles)}`,
    ),
    line(
      label('actions'),
      [amount(sum(actions)), bold],
      latency ? `   event to action: p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}` : '',
    ),
    ...bars(actions).map(([name, count, bar]) => line(label(`  ${name}`), count, [`   ${bar}`, cyan])),
    line(label('dead letters'), [amount(sum(deadLetters)), bold], `   ${listed(deadLetters)}`),
    '',
  ]
  const foot = ['', ...snapshot.hints.map((hint) => line([hint, dim]))]
  const room = Math.max(0, height - head.length - foot.length - 1)
  const last = decisions.slice(0, room).map(({ time, customer, candidates, reasons }) =>
    line(
      [`  ${time}`, dim],
      `  ${customer.padEnd(10)}  `,
      ...reasonsOf(candidates, reasons).map(({ text, reason }, i): Part => {
        return [i === 0 ? text : `, ${text}`, reason === 'chosen' ? green : reason === 'not_eligible' ? dim : yellow]
      }),
    ),
  )
  return [...head, line(['last decisions', bold]), ...last, ...foot].slice(0, height)
}

/** One line for where no view can be. */
export function formatLine(snapshot: Snapshot): string {
  const latency = snapshot.eventToActionMs
  return [
    clock(snapshot.runningMs),
    `${grouped(snapshot.consumed)} events`,
    `${grouped(snapshot.eventsPerSecond)}/s`,
    `lag ${grouped(snapshot.lag)}`,
    `${grouped(snapshot.profiles)} customers`,
    `${grouped(sum(snapshot.actions))} actions (${listed(snapshot.actions)})`,
    `${grouped(sum(snapshot.deadLetters))} dead letters (${listed(snapshot.deadLetters)})`,
    ...(latency ? [`p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}`] : []),
  ].join('  ')
}

/** The candidates with their reasons, the chosen ones first; those that were not eligible only as a number. */
function reasonsOf(candidates: readonly string[], reasons: readonly string[]) {
  const named = candidates.map((name, i) => ({ name, reason: reasons[i] ?? '' }))
  const eligible = named.filter(({ reason }) => reason !== 'not_eligible')
  const others = named.length - eligible.length
  const shown = eligible
    .toSorted((a, b) => Number(b.reason === 'chosen') - Number(a.reason === 'chosen'))
    .map(({ name, reason }) => ({ text: `${name} ${reason}`, reason }))
  return others === 0 ? shown : [...shown, { text: `${others} not eligible`, reason: 'not_eligible' }]
}

function bars(counts: ReadonlyMap<string, number>): [name: string, count: string, bar: string][] {
  const most = Math.max(...counts.values())
  return byCount(counts).map(([name, n]) => [name, amount(n), '█'.repeat(Math.ceil((n / most) * longestBar))])
}

function listed(counts: ReadonlyMap<string, number>): string {
  return byCount(counts)
    .map(([name, n]) => `${name} ${grouped(n)}`)
    .join(', ')
}

function byCount(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
}

/** The parts one after the other, cut at the width and painted then, so that no escape is cut. */
function fit(parts: readonly Part[], width: number): string {
  let left = width
  let text = ''
  for (const part of parts) {
    const [plain, paint] = typeof part === 'string' ? [part, undefined] : part
    const seen = plain.slice(0, left)
    left -= seen.length
    text += paint && seen !== '' ? paint(seen) : seen
  }
  return text.trimEnd()
}

const label = (name: string) => name.slice(0, 19).padEnd(20)
const amount = (n: number) => grouped(n).padStart(10)

export function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

function clock(runningMs: number): string {
  const seconds = Math.floor(runningMs / 1000)
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}

function shopTime({ shopTimeMs }: Snapshot): string {
  return new Date(shopTimeMs).toISOString().slice(0, 16).replace('T', ' ')
}
