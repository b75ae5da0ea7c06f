import { type Behaviour, browse, compare, crawl, shopWith } from './behaviour.ts'
import { type BadRecord, spoil } from './faults.ts'
import { botUserAgents, homes, userAgents } from './goods.ts'
import { Random } from './random.ts'
import { Schedule } from './schedule.ts'
import { type ShopEvent, Visit, type Visitor } from './visit.ts'

export interface ShopOptions {
  /** The same options give the same records. Message ids carry it, so another run takes another seed. */
  readonly seed: number
  readonly customers: number
  /** The event time at which the shop opens. */
  readonly startMs: number
  /**
   * Events per second of event time, in the long run; it rises to that within some minutes of event time. How fast
   * the records are taken is the caller's choice: a small rate taken fast shows hours of a shop in seconds.
   */
  readonly rate?: number
  /** The share of the carts that are abandoned in the visit in which they are filled. */
  readonly abandonShare?: number
  /** Bad records beside the good ones, as a share of these; the good ones are the same with any share. */
  readonly badShare?: number
}

export type ShopRecord = GoodRecord | BadRecord

interface GoodRecord {
  readonly fault: null
  /** The customer as the topic's key: the user id, else the anonymous id. */
  readonly key: string
  readonly timeMs: number
  readonly event: ShopEvent
}

export interface Shop {
  /** The next record, in the order of event time; there is always one. */
  next(): ShopRecord
}

/** Events that one arrival leads to on average, its follow-up visits included: measured, see the test. */
const eventsPerArrival = 9.35

interface Running {
  readonly visit: Visit
  readonly steps: ReturnType<Behaviour>
}

/** A simulated shop whose visitors browse, compare, abandon carts, buy, complain and return things. */
export function createShop(options: ShopOptions): Shop {
  const { seed, customers, startMs, rate = 10, abandonShare = 0.7, badShare = 0 } = options
  const random = new Random(seed)
  const badRandom = new Random(~seed)
  const shop = shopWith(abandonShare)
  const visitors = new Map<number, Visitor>()
  const running = new Schedule<Running>()
  const meanArrivalMs = (1000 * eventsPerArrival) / rate
  const idPrefix = `m${(seed >>> 0).toString(36)}-`
  let nextArrivalMs = startMs
  let messages = 0
  let bots = 0
  let pendingBad: BadRecord | null = null

  const messageId = (): string => idPrefix + (++messages).toString(36)

  function start(visitor: Visitor, behaviour: Behaviour, atMs: number): void {
    const visit = new Visit(visitor, random, messageId)
    visit.timeMs = Math.floor(atMs)
    running.add(visit.timeMs, { visit, steps: behaviour(visit) })
  }

  function arrive(): void {
    const kind = random.unit()
    if (kind < 0.03) {
      bots++
      start(newBot(random, `bot-${bots}`), crawl, nextArrivalMs)
    } else {
      start(someVisitor(), kind < 0.5 ? browse : kind < 0.68 ? compare : shop, nextArrivalMs)
    }
    nextArrivalMs += random.exponential(meanArrivalMs)
  }

  /** Some visitors come more often than others. */
  function someVisitor(): Visitor {
    const index = Math.floor(random.unit() ** 1.5 * customers)
    let visitor = visitors.get(index)
    if (visitor === undefined) {
      visitor = newVisitor(random, index)
      visitors.set(index, visitor)
    }
    return visitor
  }

  function nextGood(): GoodRecord {
    for (;;) {
      while (nextArrivalMs <= running.nextTime) arrive()
      const current = running.take()
      const { visit, steps } = current
      const step = steps.next()
      if (step.done !== true) {
        visit.timeMs += Math.ceil(random.exponential(visit.paceMs))
        running.add(visit.timeMs, current)
        const event = step.value
        return { fault: null, key: event.userId ?? event.anonymousId, timeMs: event.timestamp, event }
      }
      if (step.value !== null) start(visit.visitor, step.value.behaviour, visit.timeMs + step.value.afterMs)
    }
  }

  return {
    next() {
      if (pendingBad !== null) {
        const bad = pendingBad
        pendingBad = null
        return bad
      }
      const good = nextGood()
      if (badShare > 0 && badRandom.chance(badShare)) pendingBad = spoil(good.event, good.key, badRandom)
      return good
    },
  }
}

function newVisitor(random: Random, index: number): Visitor {
  const language = random.chance(0.25) ? 'zh' : 'en'
  const anonymousId = `a${String(index).padStart(6, '0')}`
  const devices = [{ anonymousId, userAgent: random.pick(userAgents) }]
  if (random.chance(0.3)) devices.push({ anonymousId: `${anonymousId}b`, userAgent: random.pick(userAgents) })
  return {
    userId: random.chance(0.6) ? `u${String(index).padStart(6, '0')}` : null,
    devices,
    ip: `203.0.113.${random.below(256)}`,
    language,
    ...random.pick(homes[language]),
    plan: random.pick(['free', 'free', 'plus', 'premium']),
    identified: false,
  }
}

function newBot(random: Random, anonymousId: string): Visitor {
  const devices = [{ anonymousId, userAgent: random.pick(botUserAgents) }]
  const home = { locale: '', timezone: '' }
  return {
    userId: null,
    devices,
    ip: `198.51.100.${random.below(256)}`,
    language: 'en',
    ...home,
    plan: '',
    identified: false,
  }
}
