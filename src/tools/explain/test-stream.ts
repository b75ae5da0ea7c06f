import { parse } from 'yaml'

/** Rules that use all that decides, changed twice, and a stream of events, traits and consent for them. */

const hourMs = 3_600_000
/** What the stream's customers are: `c0`, `c1` … */
const customers = 24

const features = `
  - { name: views_5m, count: {}, where: type == "view", window: { size: 5m, pane: 1m } }
  - { name: last_views, count: {}, where: type == "view", window: { events: 5 } }
  - { name: adds, count: {}, where: type == "add", window: session }
  - { name: spent, sum: properties.price, where: type == "buy", window: { sliding: 1h } }
  - { name: orders, count: {}, where: type == "buy", window: lifetime }
  - { name: seen_kinds, count: {}, by: properties.kind, window: { size: 1h, pane: 5m } }
  - { name: per_order, value: spent / orders }`
const actions = `
  - { name: advice, when: views_5m >= 3, value: 5, contact: { cooldown: 10m }, group: help }
  - { name: offer, when: 'spent > 60.5 && !bot', value: spent / 10.0, contact: { caps: [{ max: 2, per: 1h }] }, tags: [sales] }
  - { name: gift, when: 'properties.price >= 40 && type == "buy"', value: properties.price, payload: { of: { cel: per_order } } }
  - { name: quiet, when: adds > 0, value: 1, goal: { when: type == "buy", within: 20m } }
  - { name: remind, on: { absent: buy, after: add, for: 20m }, when: adds > 0 || last_views > 2, value: 3 }
  - { name: cooled, on: becomes_true, when: views_5m == 1 && orders >= 1, value: 4 }`
const gates = `
  - { name: no_sales_in_trouble, kind: suitable, of: { tags: [sales] }, allow: '!has(seen_kinds.complaint)' }
  - { name: known, kind: eligible, of: { actions: [gift, quiet] }, allow: 'traits.plan == "gold"' }`
const limits = '{ emit: best, contact: { cooldown: 1m } }'

const timeOfDay = (ms: number) => new Date(ms).toISOString().slice(11, 16)

/** Sections of a configuration. @param aroundMs the stream is within some hours of that time */
export function rulesOf(aroundMs: number): Readonly<Record<string, unknown>>[] {
  const night = { from: timeOfDay(aroundMs - hourMs), to: timeOfDay(aroundMs + 3 * hourMs), timezone: 'UTC' }
  const rules = [
    { features, actions, gates, arbitration: limits },
    {
      features: `${features}
  - { name: kinds, distinct: properties.kind, window: lifetime }
  - { name: views_15m, count: {}, where: type == "view", window: { size: 15m, pane: 1m } }`,
      actions: `${actions.replace('views_5m >= 3', 'views_15m >= 4')}
  - { name: curious, when: kinds >= 3, value: 2, contact: { cooldown: 30m } }`,
      gates,
      arbitration: '{ emit: { top: 2 }, contact: { cooldown: 2m } }',
    },
    {
      features,
      actions: `${actions
        .replace('spent > 60.5', 'spent > 30.0')
        .replace(
          'tags: [sales] }',
          'tags: [sales], purpose: sales, treatments: [{ name: mail, channel: email, factor: 0.9 }, { name: push, when: views_5m > 0 }] }',
        )}
  - { name: tried, when: orders > 1, value: 6, mode: shadow }`,
      arbitration:
        '{ emit: best, contact: { cooldown: 1m }, explore: { epsilon: 0.3 }, nothing: 0.8, held_back: { one_in: 2 } }',
      contact_policy: JSON.stringify({
        limits: [{ name: 'little_help', of: { groups: ['help'] }, max: 2, per: '1h' }],
        quiet_hours: [{ name: 'rest', of: { actions: ['quiet'] }, ...night }],
      }),
      holdout: '{ share: 15 %, salt: some }',
    },
  ]
  return rules.map((one) => Object.fromEntries(Object.entries(one).map(([section, text]) => [section, parse(text)])))
}

/** The reasons that the stream brings about under these rules. */
export const reasonsOfStream = [
  ...['chosen', 'outranked', 'not_eligible', 'not_ready', 'error', 'eligible', 'suitable'],
  ...['consent', 'cooldown', 'contact_policy', 'held', 'nothing', 'holdout', 'shadow'],
]

export interface TestRecord {
  readonly key: string
  readonly value: string
}

/** The same each time. */
export class TestStream {
  #random = 1
  #fed = 0
  readonly #timeOf: (n: number) => number

  /** @param timeOf when the n-th event happens; ms */
  constructor(timeOf: (n: number) => number) {
    this.#timeOf = timeOf
  }

  #draw(below: number): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647
    return this.#random % below
  }

  event(): TestRecord {
    const n = this.#fed++
    const userId = this.#customer()
    const type = ['view', 'view', 'view', 'add', 'buy', 'seen'][this.#draw(6)]!
    const late = this.#draw(20) === 0 ? this.#draw(600_000) : 0
    const kind = ['lamp', 'desk', 'chair', 'complaint'][this.#draw(this.#draw(8) === 0 ? 4 : 3)]!
    const price = this.#draw(5) > 0 ? { price: this.#draw(6_000) / 100 } : {}
    const plan = ['gold', 'free'][this.#draw(2)]
    const context = this.#draw(15) === 0 ? { context: { traits: { plan, age: this.#draw(90) } } } : {}
    // Now and then an id comes again.
    const messageId = this.#draw(25) === 0 ? `m${Math.max(0, n - this.#draw(200))}` : `m${n}`
    const properties = { kind, ...price, nothing: null }
    const timestamp = this.#timeOf(n) - late
    const event = { messageId, type: 'track', event: type, userId, timestamp, properties, ...context }
    return { key: userId, value: JSON.stringify(event) }
  }

  traits(): TestRecord {
    const userId = this.#customer()
    const timestamp = this.#timeOf(this.#fed)
    const messageId = `s${this.#fed} ${userId}`
    const traits = { plan: ['gold', 'free'][this.#draw(2)] }
    return { key: userId, value: JSON.stringify({ messageId, type: 'identify', userId, timestamp, traits }) }
  }

  consent(): TestRecord {
    const customer = this.#customer()
    const time = this.#timeOf(this.#fed)
    return { key: customer, value: JSON.stringify({ customer, purpose: 'sales', given: this.#draw(4) > 0, time }) }
  }

  #customer(): string {
    return `c${this.#draw(customers)}`
  }
}
