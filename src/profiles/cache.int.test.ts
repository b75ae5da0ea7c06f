import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { Event } from '../events/event.ts'
import { compileFeatures, updateFeatures } from '../features/features.ts'
import { createProfileStore } from '../store/clickhouse/profiles.ts'
import { createTestDatabase, skip, type TestDatabase } from '../store/clickhouse/test-database.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import { type Crossing, crossByEvent } from '../timers/crossing.ts'
import { eventlessMoment } from '../timers/eventless-moment.ts'
import { ProfileCache } from './cache.ts'
import { eraseProfile } from './erase.ts'

const customers = 3_000
const checkpoint = Buffer.from('{}')

describe('profiles beyond the memory', { skip }, () => {
  let database: TestDatabase
  let store: ProfileStore
  const features = compileFeatures(
    [
      { name: 'n', kind: { name: 'count' }, window: { kind: 'lifetime' } },
      { name: 'recent', kind: { name: 'count' }, window: { kind: 'sliding', sizeMs: 1_000, maxEvents: 100 } },
      { name: 'ids', kind: { name: 'distinct', of: 'type', max: 100 }, window: { kind: 'lifetime' } },
    ],
    1_800_000,
    (_feature, _key, fault) => assert.fail(fault as Error),
  )

  before(async () => {
    database = await createTestDatabase()
    store = createProfileStore(database.client)
  })
  after(() => database.drop())

  function eventOf(customer: string, round: number): Event {
    const event = new Event()
    event.customer = customer
    event.type = `type-${round}`
    event.timeMs = 1_700_000_000_000 + round
    return event
  }

  function fold(cache: ProfileCache, event: Event, offset: number): void {
    const profile = cache.of(event.customer)
    assert(cache.take(profile, offset))
    profile.streamTimeMs = event.timeMs
    const enrichment = {
      agent: noAgent,
      campaign: noCampaign,
      referrer: noReferrer,
      channelGroup: '' as const,
      geo: noGeo,
    }
    const { session, traits, groups, notReady } = profile
    const moment = { event, enrichment, session, traits, groups, notReady, asOfMs: event.timeMs }
    updateFeatures(features, profile.groups, moment, event.timeMs, new Map())
  }

  it('row 48: a customer who comes back after eviction continues where they were, and only those are read', async () => {
    const cache = new ProfileCache(store, 0, { features, timers: [], policy: 'p' }, async () => undefined, true)
    const boundBytes = 500_000
    let offset = 0
    let reads = 0
    for (let round = 1; round <= 3; round++) {
      for (let start = 0; start < customers; start += 500) {
        const events = Array.from({ length: 500 }, (_, i) => eventOf(`c${start + i}`, round))
        const missing = cache.missing(events)
        if (round === 1) assert.equal(missing.length < 50, true, 'who is new is not looked up, but for false alarms')
        reads += missing.length
        if (missing.length > 0) await cache.load(missing)
        for (const event of events) fold(cache, event, offset++)
        await store.insert(cache.snapshot(offset, checkpoint))
        cache.stored(offset)
        cache.evict(boundBytes)
      }
    }
    assert(cache.size < customers / 3, `${cache.size} of ${customers} are in memory`)
    assert(reads > customers, 'most had to be read again in the later rounds')

    const rows = await database.select<{ customer: string; numbers: unknown }>(
      'SELECT customer, numbers FROM customers WHERE partition = 0 ORDER BY customer',
    )
    assert.equal(rows.length, customers)
    for (const row of rows) assert.deepEqual(row.numbers, { n: 3, recent: 3, ids: 3 }, row.customer)
  })

  it('gives the share of the busiest customer, if there are enough events', () => {
    const cache = new ProfileCache(store, 1, { features, timers: [], policy: 'p' }, async () => undefined, true)
    for (let i = 0; i < 2_000; i++) fold(cache, eventOf(i % 4 === 0 ? `c${i}` : 'busy', 1), i)
    cache.snapshot(2_000, checkpoint)
    assert.equal(cache.busiestShare, 0.75)
    for (let i = 2_000; i < 2_100; i++) fold(cache, eventOf('busy', 2), i)
    cache.snapshot(2_100, checkpoint)
    assert.equal(cache.busiestShare, 0)
  })

  it('a condition that becomes true with time is due at that moment, not whenever something leaves a window', async () => {
    const recent = features.features.find(({ name }) => name === 'recent')!
    const crossing: Crossing = {
      kind: 'crossing',
      name: 'few',
      signature: 'few',
      when: (moment) => (recent.read(moment) as number) < 2,
      names: new Set(['recent']),
      changes: [recent.nextChangeMs!],
    }
    const cache = new ProfileCache(store, 2, { features, timers: [crossing], policy: 'p' }, async () => undefined, true)
    const [first, last] = [eventOf('c', 1), eventOf('c', 5)]
    for (let round = 1; round <= 5; round++) {
      fold(cache, eventOf('c', round), round)
      crossByEvent(crossing, cache.of('c'), 0, eventlessMoment(cache.of('c'), first.timeMs - 1 + round), false)
    }
    cache.schedule(cache.of('c'))
    // Of five, there are fewer than two once the fourth leaves.
    const turnMs = last.timeMs - 1 + 1_000
    assert.deepEqual(cache.timers.take(first.timeMs + 999, 10), [])
    assert.deepEqual(cache.timers.take(first.timeMs + 1_000, 10), ['c'])
    assert.equal(cache.timers.isDue(cache.of('c'), first.timeMs + 1_000), false)
    assert.deepEqual(cache.timers.take(turnMs - 1, 10), [])
    assert.deepEqual(cache.timers.take(turnMs, 10), ['c'])
    assert.equal(cache.timers.isDue(cache.of('c'), turnMs), true)

    await store.insert(cache.snapshot(6, checkpoint))
    const [row] = await database.select<{ due: string }>(
      "SELECT toUnixTimestamp64Milli(next_due) AS due FROM profiles FINAL WHERE partition = 2 AND customer = 'c'",
    )
    assert.equal(Number(row!.due), turnMs)
  })

  it('an erased customer has an empty row that says so, until they come back as a new customer', async () => {
    const newCache = (isNew: boolean) =>
      new ProfileCache(store, 9, { features, timers: [], policy: 'p' }, async () => undefined, isNew)
    const cache = newCache(true)
    for (let i = 0; i < 4; i++) fold(cache, eventOf(i < 2 ? 'gone' : 'stays', i + 1), i)
    await store.insert(cache.snapshot(4, checkpoint))
    cache.take(cache.of('gone'), 4)
    eraseProfile(cache.of('gone'), 5)
    const more = compileFeatures(
      [{ name: 'n', kind: { name: 'count' }, where: 'type != ""', window: { kind: 'lifetime' } }],
      1_800_000,
      (_feature, _key, fault) => assert.fail(fault as Error),
    )
    cache.useRules({ features: more, timers: [], policy: 'q' })
    assert.equal(cache.of('gone').notReady, undefined, 'as it will be read from the store')
    cache.useRules({ features, timers: [], policy: 'p' })
    await store.insert(cache.snapshot(5, checkpoint))
    const rows = () =>
      database.select("SELECT customer, numbers['n'] AS n FROM customers WHERE partition = 9 ORDER BY customer")
    assert.deepEqual(await rows(), [{ customer: 'stays', n: 2 }])
    const [row] = await database.select<Record<string, unknown>>(
      "SELECT * FROM profiles FINAL WHERE partition = 9 AND customer = 'gone'",
    )
    assert.deepEqual([row!['deleted'], row!['erased_before'], row!['state'], row!['numbers']], [true, '5', '', {}])

    const next = newCache(false)
    await next.load(['gone'])
    assert.equal(next.of('gone').erasedBefore, 5)
    assert.equal(next.take(next.of('gone'), 4), false, 'a replay does not erase again who is erased')
    fold(next, eventOf('gone', 9), 5)
    await store.insert(next.snapshot(6, checkpoint))
    assert.deepEqual(await rows(), [
      { customer: 'gone', n: 1 },
      { customer: 'stays', n: 2 },
    ])
    const again = newCache(false)
    await again.load(['gone'])
    assert.equal(again.of('gone').erasedBefore, 5, 'what is still in the events is not theirs')
  })

  it('profiles that changed since the last stored checkpoint are not evicted', async () => {
    const cache = new ProfileCache(store, 3, { features, timers: [], policy: 'p' }, async () => undefined, true)
    for (let i = 0; i < 100; i++) fold(cache, eventOf(`c${i}`, 1), i)
    cache.evict(0)
    assert.equal(cache.size, 100)
    const chunk = cache.snapshot(100, checkpoint)
    cache.evict(0)
    assert.equal(cache.size, 100, 'a snapshot is not stored yet')
    await store.insert(chunk)
    cache.stored(100)
    fold(cache, eventOf('c7', 2), 100)
    cache.evict(0)
    assert.equal(cache.size, 1)
  })
})
