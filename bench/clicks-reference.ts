import type { Click } from './clicks.ts'

/** The actions in the order in which those of one click are listed. */
const actionNames = ['remind_cart', 'high_intent', 'vip'] as const

/** `index` is the position in the input of the click that caused it, `timeMs` the customer's stream time there. */
export interface ReferenceAction {
  readonly customer: string
  readonly action: (typeof actionNames)[number]
  readonly index: number
  readonly timeMs: number
}

const minuteMs = 60_000
const coolDownMs = 30 * minuteMs

/** Whether a time is in the window of `panes` panes of `paneMs` that end with t's own. */
function within(timeMs: number, t: number, panes: number, paneMs: number): boolean {
  const pane = Math.floor(timeMs / paneMs)
  return Math.floor(t / paneMs) - panes < pane && pane <= Math.floor(t / paneMs)
}

/**
 * What beckon must answer to `generateClicks`, written straight from the rules and shared with nothing of the
 * engine: it keeps the clicks and counts them anew for each decision, as of the customer's stream time. The
 * actions come in the order of the clicks that cause them.
 */
export function referenceActions(clicks: Iterable<Omit<Click, 'loggedMs' | 'value'>>): ReferenceAction[] {
  const customers = new Map<
    string,
    { t: number; views: number[]; carts: number[]; bought: number[][]; last: number[] }
  >()
  const actions: ReferenceAction[] = []
  let index = 0
  for (const { customer, type, price, timeMs } of clicks) {
    const kept = customers.get(customer) ?? { t: 0, views: [], carts: [], bought: [], last: [0, 0, 0] }
    customers.set(customer, kept)
    const t = Math.max(kept.t, timeMs)
    kept.t = t
    if (type === 'view') kept.views.push(timeMs)
    if (type === 'add_to_cart') kept.carts.push(timeMs)
    // Prices in ten-thousandths, so that sums are exact.
    if (type === 'purchase') kept.bought.push([timeMs, Math.round(price * 10_000)])
    const views5m = kept.views.filter((at) => within(at, t, 5, minuteMs)).length
    const carts1h = kept.carts.filter((at) => within(at, t, 12, 5 * minuteMs)).length
    const purchases1h = kept.bought.filter(([at = 0]) => within(at, t, 12, 5 * minuteMs)).length
    const bought24h = kept.bought.filter(([at = 0]) => within(at, t, 24, 60 * minuteMs))
    const spend24h = bought24h.reduce((sum, [, paid = 0]) => sum + paid, 0)
    const eligible = [carts1h > 0 && purchases1h === 0 && views5m >= 3, views5m >= 8, spend24h > 500 * 10_000]
    for (const [i, action] of actionNames.entries()) {
      if (!eligible[i] || t - (kept.last[i] ?? 0) < coolDownMs) continue
      kept.last[i] = t
      actions.push({ customer, action, index, timeMs: t })
    }
    index++
  }
  return actions
}
