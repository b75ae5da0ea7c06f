import type { Click } from '../../bench/clicks.ts'

/**
 * What must come of the clicks of one partition, written straight from the rules of bench/clicks.yaml and shared with
 * nothing of the engine: each customer's events are kept as long as a window is, and counted anew for each decision.
 */
export interface Reference {
  /** In the order in which they must be published. */
  readonly actions: readonly ReferenceAction[]
  readonly profiles: ReadonlyMap<string, ReferenceProfile>
  /** Offsets of the events that came before. */
  readonly duplicates: ReadonlySet<number>
}

export interface ReferenceEvent extends Pick<Click, 'customer' | 'type' | 'price' | 'timeMs'> {
  readonly id: string
  readonly offset: number
}

interface ReferenceAction {
  readonly offset: number
  readonly action: string
  readonly customer: string
  /** The customer's stream time: the largest event time so far. */
  readonly timeMs: number
}

export interface ReferenceProfile {
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
/** An id counts for so long after it came, in the customer's stream time. */
const dedupeMs = 60 * minuteMs

class Customer {
  timeMs = 0
  /** When each id came, by the stream time of then. */
  readonly ids = new Map<string, number>()
  kept: ReferenceEvent[] = []
  readonly contacts = new Map<string, number>()

  isDuplicate(id: string, timeMs: number): boolean {
    const nowMs = Math.max(this.timeMs, timeMs)
    const cameMs = this.ids.get(id)
    if (cameMs !== undefined && cameMs >= nowMs - dedupeMs) return true
    this.ids.set(id, nowMs)
    return false
  }

  add(event: ReferenceEvent): void {
    this.timeMs = Math.max(this.timeMs, event.timeMs)
    this.kept.push(event)
    this.kept = this.kept.filter(({ type, timeMs }) => timeMs > this.timeMs - (longestWindowMs[type] ?? 0))
  }

  features() {
    const inWindow = (type: Click['type'], paneMs: number, panes: number) =>
      this.kept.filter((event) => {
        const age = Math.floor(this.timeMs / paneMs) - Math.floor(event.timeMs / paneMs)
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

  /** Those that the last event brings about; all have one priority and a cool-down. */
  decide(): string[] {
    const { carts_1h, purchases_1h, spend_24h, views_5m } = this.features()
    const eligible = {
      remind_cart: carts_1h > 0 && purchases_1h === 0 && views_5m >= 3,
      high_intent: views_5m >= 8,
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

export function computeReference(events: Iterable<ReferenceEvent>): Reference {
  const customers = new Map<string, Customer>()
  const actions: ReferenceAction[] = []
  const duplicates = new Set<number>()
  for (const event of events) {
    const of = customers.get(event.customer) ?? new Customer()
    customers.set(event.customer, of)
    if (of.isDuplicate(event.id, event.timeMs)) {
      duplicates.add(event.offset)
      continue
    }
    of.add(event)
    for (const action of of.decide()) {
      actions.push({ offset: event.offset, action, customer: event.customer, timeMs: of.timeMs })
    }
  }
  const profiles = new Map(
    [...customers].map(([name, of]) => [name, { timeMs: of.timeMs, features: of.features() }] as const),
  )
  return { actions, profiles, duplicates }
}
