import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isbot } from 'isbot'
import { createShop, type ShopOptions, type ShopRecord } from './shop.ts'
import type { ShopEvent } from './visit.ts'

const hourMs = 3_600_000
const options: ShopOptions = { seed: 11, customers: 3000, startMs: Date.UTC(2026, 0, 1), rate: 10 }

function take(count: number, changes: Partial<ShopOptions> = {}): ShopRecord[] {
  const shop = createShop({ ...options, ...changes })
  return Array.from({ length: count }, () => shop.next())
}

function eventsOf(records: readonly ShopRecord[]): ShopEvent[] {
  return records.flatMap((record) => (record.fault === null ? [record.event] : []))
}

const records = take(100_000)
const events = eventsOf(records)

function named(name: string): ShopEvent[] {
  return events.filter(({ event, type }) => (event ?? type) === name)
}

function assertNear(actual: number, expected: number, within: number): void {
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not within ${within} of ${expected}`)
}

/** The events of each visitor and device, in order. */
function byDevice(of: readonly ShopEvent[]): ShopEvent[][] {
  const devices = new Map<string, ShopEvent[]>()
  for (const event of of) {
    const device = devices.get(event.anonymousId)
    if (device === undefined) devices.set(event.anonymousId, [event])
    else device.push(event)
  }
  return [...devices.values()]
}

describe('the simulated shop', () => {
  it('does the same again with the same seed, and something else with another', () => {
    assert.deepEqual(take(5000, { badShare: 0.1 }), take(5000, { badShare: 0.1 }))
    assert.notDeepEqual(take(10), take(10, { seed: 12 }))
  })

  it('tells its events in the order of time, each with an id of its own and the key of its customer', () => {
    const ids = new Set<string>()
    let beforeMs = options.startMs
    for (const record of records) {
      assert.ok(record.timeMs >= beforeMs)
      beforeMs = record.timeMs
      assert.ok(record.fault === null)
      assert.equal(record.timeMs, record.event.timestamp)
      assert.equal(record.key, record.event.userId ?? record.event.anonymousId)
      ids.add(record.event.messageId)
    }
    assert.equal(ids.size, records.length)
  })

  it('has the rate that is asked for in the long run', () => {
    const [from, to] = [records[20_000], records.at(-1)]
    assert.ok(from !== undefined && to !== undefined)
    assertNear(80_000 / ((to.timeMs - from.timeMs) / 1000), 10, 1)
  })

  it('has visitors who do all that visitors do', () => {
    const atLeast: Readonly<Record<string, number>> = {
      page: 20_000,
      identify: 1000,
      'Products Searched': 2000,
      'Product List Viewed': 4000,
      'Product Viewed': 30_000,
      'Product Added': 4000,
      'Product Removed': 100,
      'Product Added to Wishlist': 500,
      'Cart Viewed': 2000,
      'Checkout Started': 1000,
      'Order Completed': 800,
      'Signed Up': 50,
      'Support Contacted': 50,
      'Product Returned': 20,
    }
    for (const [name, least] of Object.entries(atLeast)) {
      assert.ok(named(name).length >= least, `${name}: ${named(name).length}`)
    }
  })

  for (const abandonShare of [0.5, 0.7, 0.95]) {
    it(`has ${100 * abandonShare} % of the carts abandoned in the visit in which they are filled`, () => {
      const several = eventsOf(take(100_000, { abandonShare, customers: 1e6 }))
      // Among so many customers nobody comes twice by chance, so a gap of 35 min parts a visit from a follow-up.
      const carts = byDevice(several)
        .map((all) => all.filter(({ timestamp }) => timestamp < (all[0]?.timestamp ?? 0) + 35 * 60_000))
        .filter((visit) => visit.some(({ event }) => event === 'Product Added'))
      const bought = carts.filter((visit) => visit.some(({ event }) => event === 'Order Completed'))
      assert.ok(carts.length > 1000)
      assertNear(1 - bought.length / carts.length, abandonShare, 0.04)
    })
  }

  it('has visitors who come back to an abandoned cart by mail, and some of them buy', () => {
    const returned = byDevice(eventsOf(take(100_000, { customers: 1e6 }))).flatMap((all) => {
      const from = all.findIndex(({ context }) => context.page.url.includes('/cart?utm_source=newsletter'))
      return from < 0 ? [] : [all.slice(from)]
    })
    assert.ok(returned.length > 200)
    const bought = returned.filter((visit) => visit.some(({ event }) => event === 'Order Completed'))
    assertNear(bought.length / returned.length, 0.6, 0.1)
  })

  it('has orders that add up to the cent', () => {
    for (const { properties } of named('Order Completed')) {
      const { products, revenue, shipping, total } = properties
      assert.ok(Array.isArray(products))
      const cents = products.reduce((sum, line) => sum + Math.round(line.price * 100) * line.quantity, 0)
      assert.equal(Math.round(Number(revenue) * 100), cents)
      assert.equal(Math.round(Number(total) * 100), cents + Math.round(Number(shipping) * 100))
    }
  })

  it('has complaints in English and Chinese, each after an order of the same customer', () => {
    const messages = named('Support Contacted').map(({ properties }) => String(properties['message']))
    const chinese = messages.filter((message) => /\p{Script=Han}/u.test(message))
    assert.ok(chinese.length > 10 && messages.length - chinese.length > 10)
    const orderedAt = new Map(named('Order Completed').map((event) => [event.properties['order_id'], event]))
    for (const complaint of named('Support Contacted')) {
      const order = orderedAt.get(String(complaint.properties['order_id']))
      // The second device of a visitor has the anonymous id of the first with a b behind it.
      assert.equal(order?.anonymousId.replace('b', ''), complaint.anonymousId.replace('b', ''))
      const waitedMs = complaint.timestamp - (order?.timestamp ?? 0)
      assert.ok(waitedMs > 0.5 * hourMs && waitedMs < 2 * hourMs)
    }
  })

  it('has several devices, bots, campaigns, search engines and assistants among its visitors', () => {
    const agents = new Set(events.map(({ context }) => context.userAgent))
    assert.ok(agents.size > 10)
    const bots = events.filter(({ context }) => isbot(context.userAgent)).length
    assertNear(bots / events.length, 0.12, 0.06)
    const landings = events.map(({ context }) => `${context.page.referrer} ${context.page.url}`)
    for (const part of ['google.com', 'baidu.com', 'chatgpt.com', 'utm_medium=email', 'gclid=']) {
      assert.ok(
        landings.some((landing) => landing.includes(part)),
        part,
      )
    }
    for (const { traits } of named('identify')) assert.deepEqual(Object.keys(traits), ['plan', 'language'])
  })

  it('has bad records of every kind in the share that is asked for, beside the same good ones', () => {
    const mixed = take(50_000, { badShare: 0.02 })
    const bad = mixed.filter(({ fault }) => fault !== null)
    assertNear(bad.length / mixed.length, 0.02, 0.003)
    assert.deepEqual(new Set(bad.map(({ fault }) => fault)).size, 5)
    assert.deepEqual(eventsOf(mixed), events.slice(0, mixed.length - bad.length))
  })

  it('has bad records that are what their fault says', () => {
    for (const record of take(20_000, { badShare: 0.2 })) {
      switch (record.fault) {
        case null:
          break
        case 'no_user':
          assert.equal(record.event.userId, null)
          assert.ok(['', 'undefined'].includes(record.event.anonymousId.trim()))
          break
        case 'future':
          assert.ok(record.event.timestamp > record.timeMs + 300 * 24 * hourMs)
          break
        case 'bad_time':
          assert.ok(record.event.timestamp < record.timeMs / 999)
          break
        case 'bad_magic':
          assert.ok(record.bytes.length >= 5 && record.bytes[0] !== 0)
          break
        case 'too_short':
          assert.ok(record.bytes.length < 5)
          break
      }
    }
  })
})
