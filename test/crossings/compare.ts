import { type ExpectedCrossing, expectedCrossings, type LoggedEvent, type Slice } from './reference.ts'

/** An action as a reader of committed records finds it. */
export interface Found {
  readonly customer: string
  readonly action: string
  readonly timeMs: number
  /** Of the event; undefined where there was none. */
  readonly offset: number | undefined
  readonly visibleMs: number
}

export interface Part {
  readonly events: readonly LoggedEvent[]
  readonly slices: readonly Slice[]
  readonly found: readonly Found[]
}

export interface Report {
  readonly events: number
  readonly customers: number
  readonly by_event: number
  readonly by_expiry: number
  readonly by_absence: number
  /** Crossings without an action, and actions without a crossing. */
  readonly missed: number
  readonly false: number
  /** Of those found: ms from when it was due until its action could be read. */
  readonly lateness_ms: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly late_over_1s: number
}

const lateMs = 1_000
const maxSaid = 10

export function compare(parts: readonly Part[], endMs: number, say: (line: string) => void): Report {
  let said = 0
  const differs = (line: string) => {
    if (said++ < maxSaid) say(`different: ${line}`)
  }
  const counts = { event: 0, expiry: 0, absence: 0 }
  const customers = new Set<string>()
  const lateness: number[] = []
  let late = 0
  let missed = 0
  let unexpected = 0
  for (const { events, slices, found } of parts) {
    for (const { customer } of events) customers.add(customer)
    const open = new Map<string, ExpectedCrossing>()
    const { crossings, overdue } = expectedCrossings(events, slices, endMs)
    late += overdue.length
    for (const what of overdue) differs(`${what}, did not fire for a second`)
    for (const crossing of crossings) {
      counts[crossing.by]++
      open.set(keyOf(crossing), crossing)
    }
    for (const action of found) {
      const key = keyOf(action)
      const crossing = open.get(key)
      if (crossing === undefined) {
        unexpected++
        differs(`${key} was not expected, or is there twice`)
        continue
      }
      open.delete(key)
      const ms = Math.max(0, action.visibleMs - crossing.dueMs)
      if (ms > lateMs) differs(`${key} came ${ms} ms late`)
      lateness.push(ms)
    }
    missed += open.size
    for (const key of open.keys()) differs(`${key} is missing`)
  }
  lateness.sort((a, b) => a - b)
  const share = (q: number) => lateness[Math.min(lateness.length - 1, Math.floor(lateness.length * q))] ?? 0
  return {
    events: parts.reduce((sum, { events }) => sum + events.length, 0),
    customers: customers.size,
    by_event: counts.event,
    by_expiry: counts.expiry,
    by_absence: counts.absence,
    missed,
    false: unexpected,
    lateness_ms: { p50: share(0.5), p99: share(0.99), max: lateness.at(-1) ?? 0 },
    late_over_1s: late + lateness.filter((ms) => ms > lateMs).length,
  }
}

const keyOf = ({ customer, action, timeMs, offset }: Omit<Found, 'visibleMs'>) =>
  `${action} of ${customer} as of ${timeMs}${offset === undefined ? '' : ` with offset ${offset}`}`
