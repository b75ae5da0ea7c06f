/**
 * Which crossings there are, by the rules of rules.ts and docs/timers.md, from the log of one partition: each customer's
 * events are kept, and counted anew for each event and for each moment at which any of them leaves any window. Shared with
 * nothing of the engine. What the log does not tell, where between the events a slice fired timers and under which clock,
 * comes from the journal: an event may be on its way while time crosses a threshold, and which came first is the order there.
 */

export interface LoggedEvent {
  readonly offset: number
  /** When it came into the log; ms. */
  readonly loggedMs: number
  readonly id: string
  readonly customer: string
  readonly type: string
  readonly price: number
  readonly timeMs: number
}

/** A slice, by the journal. */
export interface Slice {
  /** The events before it are in. */
  readonly nextOffset: number
  readonly clockMs: number
  readonly fired: readonly string[]
}

export interface Reference {
  readonly crossings: readonly ExpectedCrossing[]
  /** Absences that an event has ended which came long after they were due: they should have fired before it. */
  readonly overdue: readonly string[]
}

export interface ExpectedCrossing {
  readonly by: 'event' | 'expiry' | 'absence'
  readonly customer: string
  readonly action: string
  /** As of when; ms. */
  readonly timeMs: number
  /** Of the event that brought it about; undefined where none did. */
  readonly offset: number | undefined
  /** From when on its action can have been there: the moment, or when what brought it about came; ms. */
  readonly dueMs: number
}

interface Facts {
  readonly views4s: number
  readonly adds3s: number
  /** In hundredths. */
  readonly spent6s: number
  readonly viewsOfSession: number
  readonly any5s: boolean
  readonly views: number
}

const conditions: Readonly<Record<string, (facts: Facts) => boolean>> = {
  many_views: ({ views4s }) => views4s >= 4,
  views_gone: ({ views4s, views }) => views4s === 0 && views > 0,
  one_left: ({ views4s, adds3s, viewsOfSession }) => views4s + adds3s === 1 && viewsOfSession > 0,
  visit_over: ({ viewsOfSession, views }) => viewsOfSession === 0 && views > 0,
  spender: ({ spent6s }) => spent6s > 15_000,
  spent_no_more: ({ spent6s, views }) => spent6s < 5_000 && views > 0,
  silent_shopper: ({ any5s, views }) => !any5s && views > 2,
}
const absences = [
  { action: 'no_buy', after: (type: string) => type === 'add', absent: (type: string) => type === 'buy', forMs: 3_000 },
  { action: 'silence', after: () => true, absent: () => true, forMs: 5_000 },
]
const gapMs = 2_000
/** What is older than any window, and than any session that an event so late can still be of, is let go. */
const keptMs = 40_000
/** An absence that is due for so long before an event comes should have fired. */
const overdueMs = 1_000

class Customer {
  readonly #name: string
  readonly #ids = new Set<string>()
  /** By time. */
  #events: LoggedEvent[] = []
  #views = 0
  #streamMs = 0
  /** When the latest event came. */
  #loggedMs = 0
  /** Of each condition: whether it is met, when it turned or saw an event last, and how far it was looked at. */
  readonly #conditions = Object.entries(conditions).map(([action, condition]) => {
    return { action, condition, met: false, turnedMs: 0, seenMs: 0 }
  })
  readonly #absences = absences.map((absence) => ({ ...absence, afterMs: 0, absentMs: 0, firedMs: 0, loggedMs: 0 }))

  constructor(name: string) {
    this.#name = name
  }

  add(event: LoggedEvent, crossed: (crossing: ExpectedCrossing) => void, overdue: (what: string) => void): void {
    if (this.#ids.has(event.id)) return
    this.#ids.add(event.id)
    const { timeMs, type, loggedMs } = event
    this.#passTime(Math.max(this.#streamMs, timeMs) - 1, crossed)
    for (const absence of this.#absences) {
      const dueMs = Math.max(this.#dueMs(absence), absence.loggedMs)
      if (dueMs + overdueMs < loggedMs) overdue(`${absence.action} of ${this.#name}, due at ${dueMs}`)
      if (absence.after(type) && timeMs > absence.afterMs) {
        absence.afterMs = timeMs
        absence.loggedMs = loggedMs
      }
      if (absence.absent(type) && timeMs > absence.absentMs) absence.absentMs = timeMs
    }
    this.#streamMs = Math.max(this.#streamMs, timeMs)
    this.#loggedMs = loggedMs
    if (type === 'view') this.#views++
    this.#events.push(event)
    this.#events.sort((a, b) => a.timeMs - b.timeMs)
    if (this.#events.length % 50 === 0) {
      this.#events = this.#events.filter((one) => one.timeMs > this.#streamMs - keptMs)
    }
    for (const one of this.#conditions) {
      const asOfMs = Math.max(this.#streamMs, one.turnedMs)
      const now = one.condition(this.#facts(asOfMs))
      if (now && !one.met) crossed(this.#crossing('event', one.action, this.#streamMs, loggedMs, event.offset))
      one.met = now
      one.turnedMs = asOfMs
      one.seenMs = asOfMs
    }
  }

  /** The timers fire by a clock; an absence with what crosses at its moment as of that. */
  fire(clockMs: number, crossed: (crossing: ExpectedCrossing) => void): void {
    const moments = new Set<number>()
    this.#passTime(clockMs, (crossing) => {
      moments.add(crossing.timeMs)
      crossed(crossing)
    })
    for (const absence of this.#absences) {
      const dueMs = this.#dueMs(absence)
      if (dueMs > clockMs) continue
      absence.firedMs = absence.afterMs
      const asOfMs = Math.max(this.#streamMs, moments.has(dueMs) ? dueMs : clockMs)
      crossed(this.#crossing('absence', absence.action, asOfMs, Math.max(dueMs, absence.loggedMs)))
    }
  }

  #dueMs({ afterMs, absentMs, firedMs, forMs }: { afterMs: number; absentMs: number; firedMs: number; forMs: number }) {
    const runs = afterMs > 0 && firedMs !== afterMs && absentMs <= afterMs
    return runs ? afterMs + forMs : Number.POSITIVE_INFINITY
  }

  /** Looks at each condition at each moment, up to one, at which an event leaves a window. */
  #passTime(untilMs: number, crossed: (crossing: ExpectedCrossing) => void): void {
    const fromMs = Math.min(...this.#conditions.map(({ seenMs }) => seenMs))
    const moments = new Set<number>()
    for (const { timeMs } of this.#events) {
      const pane = (ms: number, panes: number) => (Math.floor(timeMs / ms) + panes) * ms
      for (const ms of [pane(1_000, 4), pane(2_000, 3), timeMs + 3_000, timeMs + 5_000, timeMs + gapMs + 1]) {
        if (ms > fromMs && ms <= untilMs) moments.add(ms)
      }
    }
    for (const ms of [...moments].sort((a, b) => a - b)) {
      const facts = this.#facts(ms)
      for (const one of this.#conditions) {
        if (ms <= one.seenMs) continue
        const now = one.condition(facts)
        if (now && !one.met) crossed(this.#crossing('expiry', one.action, ms, Math.max(ms, this.#loggedMs)))
        if (now !== one.met) one.turnedMs = ms
        one.met = now
      }
    }
    for (const one of this.#conditions) one.seenMs = Math.max(one.seenMs, untilMs)
  }

  #facts(asOfMs: number): Facts {
    const inPanes = (timeMs: number, paneMs: number, panes: number) =>
      Math.floor(timeMs / paneMs) > Math.floor(asOfMs / paneMs) - panes
    let [views4s, adds3s, spent6s, any5s] = [0, 0, 0, false]
    for (const { type, timeMs, price } of this.#events) {
      if (type === 'view' && inPanes(timeMs, 1_000, 4)) views4s++
      if (type === 'add' && timeMs > asOfMs - 3_000) adds3s++
      if (type === 'buy' && inPanes(timeMs, 2_000, 3)) spent6s += price
      if (timeMs > asOfMs - 5_000) any5s = true
    }
    return { views4s, adds3s, spent6s, any5s, viewsOfSession: this.#viewsOfSession(asOfMs), views: this.#views }
  }

  /** The session as of then: the events before it, none of them further than the gap from the next. */
  #viewsOfSession(asOfMs: number): number {
    let views = 0
    let laterMs = asOfMs
    for (let i = this.#events.length - 1; i >= 0 && laterMs - this.#events[i]!.timeMs <= gapMs; i--) {
      laterMs = this.#events[i]!.timeMs
      if (this.#events[i]!.type === 'view') views++
    }
    return views
  }

  #crossing(by: ExpectedCrossing['by'], action: string, timeMs: number, dueMs: number, offset?: number) {
    return { by, customer: this.#name, action, timeMs, dueMs, offset }
  }
}

/** @param endMs all that is due by then has fired */
export function expectedCrossings(events: readonly LoggedEvent[], slices: readonly Slice[], endMs: number): Reference {
  const crossings: ExpectedCrossing[] = []
  const overdue: string[] = []
  const note = (crossing: ExpectedCrossing) => crossings.push(crossing)
  const customers = new Map<string, Customer>()
  const of = (name: string) => {
    const customer = customers.get(name) ?? new Customer(name)
    customers.set(name, customer)
    return customer
  }
  let next = 0
  for (const { nextOffset, clockMs, fired } of slices) {
    for (; next < events.length && events[next]!.offset < nextOffset; next++) {
      of(events[next]!.customer).add(events[next]!, note, (what) => overdue.push(what))
    }
    for (const customer of fired) of(customer).fire(clockMs, note)
  }
  for (const customer of customers.values()) customer.fire(endMs, note)
  return { crossings, overdue }
}
