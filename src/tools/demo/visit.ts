import type { Value } from '../../events/event.ts'
import { type Arrival, type Language, type Product, shopOrigin } from './goods.ts'
import type { Random } from './random.ts'

type Fields = Readonly<Record<string, Value>>

/** An event in the shape of Segment's calls, with all keys always there. Times are ms since 1970 UTC. */
export interface ShopEvent {
  messageId: string
  type: 'track' | 'page' | 'identify'
  /** The name of a `track` call, else null. */
  event: string | null
  userId: string | null
  anonymousId: string
  timestamp: number
  sentAt: number
  receivedAt: number
  context: {
    page: { url: string; title: string; referrer: string }
    userAgent: string
    ip: string
    locale: string
    timezone: string
    channel: string
  }
  properties: Fields
  traits: Fields
}

export interface Visitor {
  /** Null until the visitor signs up. */
  userId: string | null
  readonly devices: readonly { readonly anonymousId: string; readonly userAgent: string }[]
  readonly ip: string
  readonly language: Language
  readonly locale: string
  readonly timezone: string
  readonly plan: string
  /** Whether an `identify` call has stated the traits. */
  identified: boolean
}

/** A line of a cart, in the shape of a product with its quantity. */
export type CartLine = Product & { readonly quantity: number }

const noFields: Fields = {}
const networkMs = 40

/** One stay in the shop, by one visitor on one device: makes the events of whatever happens in it. */
export class Visit {
  readonly visitor: Visitor
  readonly random: Random
  readonly #device: Visitor['devices'][number]
  readonly #messageId: () => string
  /** The time of the next event. */
  timeMs = 0
  /** The mean time from an event to the next. */
  paceMs = 15_000
  #url = ''
  #title = ''
  #referrer = ''

  constructor(visitor: Visitor, random: Random, messageId: () => string) {
    this.visitor = visitor
    this.random = random
    this.#device = random.pick(visitor.devices)
    this.#messageId = messageId
  }

  land(arrival: Arrival, path: string, title: string): ShopEvent {
    this.#referrer = arrival.referrer
    this.#url = `${shopOrigin}${path}${arrival.query}`
    this.#title = title
    return this.#event('page', null, noFields, noFields)
  }

  page(path: string, title: string): ShopEvent {
    this.#referrer = this.#url
    this.#url = `${shopOrigin}${path}`
    this.#title = title
    return this.#event('page', null, noFields, noFields)
  }

  track(name: string, properties: Fields): ShopEvent {
    return this.#event('track', name, properties, noFields)
  }

  view(product: Product): ShopEvent {
    this.#referrer = this.#url
    this.#url = product.url
    this.#title = product.name
    return this.#event('track', 'Product Viewed', product, noFields)
  }

  identify(): ShopEvent {
    this.visitor.identified = true
    const { plan, language } = this.visitor
    return this.#event('identify', null, noFields, { plan, language })
  }

  #event(type: ShopEvent['type'], event: string | null, properties: Fields, traits: Fields): ShopEvent {
    const { userId, ip, locale, timezone } = this.visitor
    const { anonymousId, userAgent } = this.#device
    return {
      messageId: this.#messageId(),
      type,
      event,
      userId,
      anonymousId,
      timestamp: this.timeMs,
      sentAt: this.timeMs,
      receivedAt: this.timeMs + networkMs,
      context: {
        page: { url: this.#url, title: this.#title, referrer: this.#referrer },
        userAgent,
        ip,
        locale,
        timezone,
        channel: 'web',
      },
      properties,
      traits,
    }
  }
}
