import type { Click } from '../../bench/clicks.ts'

/**
 * What must come of the clicks of one partition number, of all topics, written straight from the rules of bench/clicks.yaml and of the timer in
 * config.ts, and shared with nothing of the engine: each customer's events are kept as long as a window is, and counted anew
 * for each decision. What the input does not tell, the clock at which
 * timers fired and how the topics took turns, comes from the journal.
 */
export interface Reference {
  /** In the order in which they must be published. */
  readonly actions: readonly ReferenceAction[]
  readonly profiles: ReadonlyMap<string, ReferenceProfile>
  /** The events that came before. */
  readonly duplicates: ReadonlySet<ReferenceEvent>
  /** Timers that fired. */
  readonly timers: number
  /** Customers who were known, and erased. */
  readonly erasures: number
  /** What is wrong with those that fired, or did not. */
  readonly timerFaults: readonly string[]
}

/** What the journal says of a slice. */
export interface ReferenceSlice {
  readonly topic: string
  readonly nextOffset: number
  /** Timers due by then fire. */
  readonly clockMs: number
  /** The brokers' clock behind the slice. */
  readonly appendedMs: number
  /** Whose timers fired, behind the slice's events. */
  readonly fired: readonly string[]
  /** In it an id counts for so long after it came, in the customer's stream time, by whatever settings it came. */
  readonly dedupeMs: number
}

/** A record without a value: all that is known of the customer is forgotten. */
export interface ReferenceErasure {
  readonly erases: string
  readonly topic: string
  readonly offset: number
}

export interface ReferenceEvent extends Pick<Click, 'customer' | 'type' | 'price' | 'timeMs'> {
  readonly id: string
  readonly topic: string
  readonly offset: number
}

interface ReferenceAction {
  readonly topic: string
  /** Of a timer, that behind its slice. */
  readonly offset: number
  readonly action: string
  readonly customer: string
  /** The customer's stream time: the largest event time so far; of a timer, the clock, where that is later. */
  readonly timeMs: number
}

interface ReferenceProfile {
  readonly timeMs: number
  readonly features: Readonly<Record<string, number>>
}

const minuteMs = 60_000
/** How long an event can count; past that it is not kept. A window's panes are its size, the last one included. */
const longestWindowMs: Partial<Record<Click['type'], number>> = {
  view: 5 * minuteMs,
  add_to_cart: 60 * minuteMs,
  purchase: 24 * 60 * minuteMs,
}
const coolDownMs = 30 * minuteMs
/** The timer: no purchase in so long after add_to_cart; and its action's own cool-down. */
const timerMs = 4_000
const timerCoolDownMs = 20_000
/** A worker's clock and a broker's may differ by so much. */
const clockToleranceMs = 5_000

class Customer {
  timeMs = 0
  /** When each id came, in stream time. */
  readonly ids = new Map<string, number>()
  kept: ReferenceEvent[] = []
  readonly contacts = new Map<string, number>()
  /** The latest of these events, and the one for which the timer has fired. */
  cartMs = 0
  purchaseMs = 0
  firedMs = 0

  /** When the timer is due; infinite where it does not run. */
  get dueMs(): number {
    const runs = this.cartMs > 0 && this.purchaseMs <= this.cartMs && this.firedMs !== this.cartMs
    return runs ? this.cartMs + timerMs : Number.POSITIVE_INFINITY
  }

  isDuplicate(id: string, timeMs: number, dedupeMs: number): boolean {
    const nowMs = Math.max(this.timeMs, timeMs)
    const cameMs = this.ids.get(id)
    if (cameMs !== undefined && cameMs >= nowMs - dedupeMs) return true
    this.ids.set(id, nowMs)
    return false
  }

  add(event: ReferenceEvent): void {
    this.timeMs = Math.max(this.timeMs, event.timeMs)
    if (event.type === 'add_to_cart') this.cartMs = Math.max(this.cartMs, event.timeMs)
    if (event.type === 'purchase') this.purchaseMs = Math.max(this.purchaseMs, event.timeMs)
    this.kept.push(event)
    this.kept = this.kept.filter(({ type, timeMs }) => timeMs > this.timeMs - (longestWindowMs[type] ?? 0))
  }

  features(asOfMs = this.timeMs) {
    const inWindow = (type: Click['type'], paneMs: number, panes: number) =>
      this.kept.filter((event) => {
        const age = Math.floor(asOfMs / paneMs) - Math.floor(event.timeMs / paneMs)
        return event.type === type && age < panes
      })
    // In ten-thousandths, so that the sum is exact.
    const spent = inWindow('purchase', 60 * minuteMs, 24).reduce((sum, { price }) => sum + Math.round(price * 1e4), 0)
    return {
      carts_1h: inWindow('add_to_cart', 5 * minuteMs, 12).length,
      purchases_1h: inWindow('purchase', 5 * minuteMs, 12).length,
      spend_24h: spent / 1e4,
      views_5m: inWindow('view', minuteMs, 5).length,
    }
  }

  /** Whether the timer that fires brings its action about. */
  decideTimer(asOfMs: number): boolean {
    const lastMs = this.contacts.get('come_back')
    const chosen = this.features(asOfMs).carts_1h > 0 && (lastMs === undefined || asOfMs - lastMs >= timerCoolDownMs)
    if (chosen) this.contacts.set('come_back', asOfMs)
    return chosen
  }

  /** Those that the last event brings about, by name; all have one priority and a cool-down. */
  decide(): string[] {
    const { carts_1h, purchases_1h, spend_24h, views_5m } = this.features()
    const eligible = {
      high_intent: views_5m >= 8,
      remind_cart: carts_1h > 0 && purchases_1h === 0 && views_5m >= 3,
      vip: spend_24h > 500,
    }
    const chosen = Object.entries(eligible).flatMap(([action, holds]) => {
      const lastMs = this.contacts.get(action)
      return holds && (lastMs === undefined || this.timeMs - lastMs >= coolDownMs) ? [action] : []
    })
    for (const action of chosen) this.contacts.set(action, this.timeMs)
    return chosen
  }
}

/**
 * @param events by topic, in the order of their offsets
 * @param whole all events must have been taken; else those that the slices took are
 */
export function computeReference(
  events: ReadonlyMap<string, readonly (ReferenceEvent | ReferenceErasure)[]>,
  slices: readonly ReferenceSlice[],
  whole: boolean,
): Reference {
  const customers = new Map<string, Customer>()
  const actions: ReferenceAction[] = []
  const duplicates = new Set<ReferenceEvent>()
  const timerFaults: string[] = []
  let timers = 0
  let erasures = 0
  const next = new Map<string, number>()
  let lastMs = 0
  const take = (event: ReferenceEvent | ReferenceErasure, dedupeMs: number) => {
    if ('erases' in event) {
      if (customers.delete(event.erases)) erasures++
      return
    }
    const of = customers.get(event.customer) ?? new Customer()
    customers.set(event.customer, of)
    if (of.isDuplicate(event.id, event.timeMs, dedupeMs)) {
      duplicates.add(event)
      return
    }
    of.add(event)
    for (const action of of.decide()) {
      actions.push({ topic: event.topic, offset: event.offset, action, customer: event.customer, timeMs: of.timeMs })
    }
  }
  const takeUntil = (topic: string, offset: number, dedupeMs: number) => {
    const all = events.get(topic)!
    let i = next.get(topic) ?? 0
    while (i < all.length && all[i]!.offset < offset) take(all[i++]!, dedupeMs)
    next.set(topic, i)
  }
  for (const { topic, nextOffset, clockMs, appendedMs, fired, dedupeMs } of slices) {
    takeUntil(topic, nextOffset, dedupeMs)
    if (clockMs > appendedMs + clockToleranceMs) {
      timerFaults.push(`the clock was ${clockMs - appendedMs} ms ahead of the brokers before ${nextOffset}`)
    }
    if (clockMs < lastMs) timerFaults.push(`the clock went back to ${clockMs} before ${nextOffset}`)
    lastMs = clockMs
    for (const name of fired) {
      const of = customers.get(name)
      if (of === undefined || of.dueMs > clockMs) {
        timerFaults.push(`the timer of ${name} fired before ${nextOffset}, and was not due`)
        continue
      }
      timers++
      of.firedMs = of.cartMs
      const timeMs = Math.max(of.timeMs, clockMs)
      if (of.decideTimer(timeMs))
        actions.push({ topic, offset: nextOffset, action: 'come_back', customer: name, timeMs })
    }
  }
  for (const [topic, all] of events) {
    const taken = next.get(topic) ?? 0
    if (whole && taken < all.length) timerFaults.push(`no slice has taken ${all.length - taken} records of ${topic}`)
  }
  for (const [name, { dueMs }] of customers) {
    if (whole && dueMs <= lastMs) timerFaults.push(`the timer of ${name} was due at ${dueMs}, and did not fire`)
  }
  const profiles = new Map(
    [...customers].map(([name, of]) => [name, { timeMs: of.timeMs, features: of.features() }] as const),
  )
  return { actions, profiles, duplicates, timers, erasures, timerFaults }
}
