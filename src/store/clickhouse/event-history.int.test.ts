import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { compileEnricher } from '../../enrich/enrich.ts'
import { type Enrichment, noAgent, noGeo } from '../../enrich/enrichment.ts'
import { Event, Properties } from '../../events/event.ts'
import { eventVariables, type Moment } from '../../features/moment.ts'
import { type CustomerEvent, type EventHistory, gatheredKey } from '../event-history.ts'
import { eventsTable, writeEventRow } from '../event-row.ts'
import { blankProfile, profilesTable, writeProfileRow } from '../profile-row.ts'
import { RowBuffer } from '../row-binary.ts'
import { createEventHistory, readGathered, readProgress } from './event-history.ts'
import { insertRows } from './insert.ts'
import { createTestDatabase, skip, type TestDatabase } from './test-database.ts'

const topic = 't'
const partition = 3
/** How far positions are ahead of offsets, so that one is not mistaken for the other. */
const ahead = 1_000
const startMs = Date.UTC(2026, 0, 31, 23)

describe('the history of customers', { skip }, () => {
  let database: TestDatabase
  let history: EventHistory
  before(async () => {
    database = await createTestDatabase()
    history = createEventHistory(database.client)
  })
  after(() => database?.drop())

  interface Row {
    readonly customer: string
    readonly offset: number
    readonly event?: Partial<Event>
    readonly enrichment?: Enrichment
    readonly isDuplicate?: boolean
    readonly partition?: number
  }
  const plain: Enrichment = compileEnricher({
    userAgent: false,
    bot: false,
    campaign: false,
    referrer: null,
    geo: null,
  })(new Event())
  const eventOf = ({ customer, offset, event = {} }: Row) =>
    Object.assign(new Event(), {
      customer,
      id: `e${offset}`,
      type: 'view',
      timeMs: startMs + offset * 60_000,
      ...event,
    })

  async function insert(rows: readonly Row[]): Promise<void> {
    const out = new RowBuffer()
    for (const row of rows) {
      const { offset, enrichment = plain, isDuplicate = false, partition: of = partition } = row
      const folded = { offset, position: offset + ahead, event: eventOf(row), enrichment, late: false }
      const session = { sessionIndex: 7, sessionStartMs: startMs }
      writeEventRow(out, topic, of, { ...folded, ...session, duplicate: isDuplicate })
    }
    await insertRows(database.client, eventsTable, [out.take()])
  }

  async function read(customers: readonly string[], over: { sinceMs?: number; beforePosition?: number } = {}) {
    const found: CustomerEvent[] = []
    const wanted = { customers, sinceMs: 0, beforePosition: 1e9, ...over }
    for await (const page of history.events(partition, wanted)) found.push(...page)
    return found
  }

  it('has everything about an event that a feature’s expression can name', async () => {
    const full: Row = {
      customer: 'full',
      offset: 5,
      event: {
        type: 'Product Viewed',
        timeMs: startMs + 123,
        url: 'https://shop.example/a?utm_source=news&utm_campaign=spring&gclid=x',
        title: 'Shoes',
        referrer: 'https://www.google.com/search',
        locale: 'fr-FR',
        timezone: 'Europe/Paris',
        channel: 'web',
        currency: 'EUR',
        value: -12.5,
        properties: new Properties(
          ['price', 'sku', 'sale', 'tags', 'of', 'none', 'sku', '__proto__', 'tiny', 'é'],
          [19.99, 'a', true, ['x', 1, null], { a: { b: 2 } }, null, 'b', 'own', 5e-324, '😀'],
        ),
        traits: new Properties(['plan', 'age', 'vip', 'gone'], ['gold', 42, false, null]),
      },
      enrichment: {
        ...compileEnricher({
          userAgent: false,
          bot: false,
          campaign: true,
          referrer: { internalDomains: [] },
          geo: null,
        })(
          Object.assign(new Event(), {
            url: 'https://shop.example/a?utm_source=news&utm_campaign=spring&gclid=x',
            referrer: 'https://www.google.com/search',
          }),
        ),
        agent: { ...noAgent, device: 'mobile', browser: 'Safari', os: 'iOS', bot: true },
        geo: { ...noGeo, country: 'FR', city: 'Lyon' },
      },
    }
    const bare: Row = { customer: 'bare', offset: 6 }
    const enrich = compileEnricher({
      userAgent: false,
      bot: false,
      campaign: true,
      referrer: { internalDomains: [] },
      geo: null,
    })
    const landing = (customer: string, offset: number, event: Partial<Event>): Row => ({
      customer,
      offset,
      event,
      enrichment: enrich(Object.assign(new Event(), event)),
    })
    const rows = [
      full,
      bare,
      landing('direct', 7, { url: 'https://shop.example/' }),
      landing('mailed', 8, { url: 'https://shop.example/?utm_medium=email' }),
      landing('tagged', 9, { url: 'https://shop.example/?utm_term=shoes' }),
      landing('next page', 10, { url: 'https://shop.example/a', referrer: 'https://shop.example/' }),
    ]
    await insert(rows)
    for (const row of rows) {
      const [found, ...more] = await read([row.customer])
      assert.equal(more.length, 0)
      assert.deepEqual([found!.sessionIndex, found!.sessionStartMs], [7, startMs])
      const stored = await database.select(
        `SELECT channel_group FROM events WHERE customer = '${row.customer}' AND partition = ${partition}`,
      )
      assert.deepEqual(stored, [{ channel_group: found!.enrichment.channelGroup }])
      const moment = (event: Event, enrichment: Enrichment) => ({ event, enrichment }) as Moment
      const told = moment(found!.event, found!.enrichment)
      const wanted = moment(eventOf(row), row.enrichment ?? plain)
      for (const { name, read: of } of eventVariables) {
        // The session’s fields come from all rows together.
        if (['session_index', 'session_events', 'entry_page'].includes(name)) continue
        assert.deepEqual(byName(of(told)), byName(of(wanted)), name)
      }
      assert.deepEqual(
        [found!.event.id, found!.event.timezone, found!.event.traits.get('timezone')],
        [`e${row.offset}`, row.event?.timezone ?? '', undefined],
      )
    }
  })

  /** For names that come twice, the last one counts; the order does not matter. */
  function byName(value: unknown): unknown {
    return value instanceof Properties ? new Map(value.names.map((name) => [name, value.get(name)])) : value
  }

  it('gives the partition’s events in pages, by position, each once', async () => {
    const many = 12_000
    const rows = Array.from({ length: many }, (_, i) => ({
      customer: i % 3 === 0 ? 'p1' : 'p2',
      offset: 100 + i,
      // In reverse order of time.
      event: { timeMs: startMs - i },
      isDuplicate: i === 7,
    }))
    await insert(rows)
    await insert(rows.slice(0, 5_000))
    await insert([{ customer: 'p1', offset: 50, partition: 4 }])
    const wanted = ['p1', 'p2'].flatMap((customer) =>
      rows.filter((row) => row.customer === customer && !row.isDuplicate).map(({ offset }) => [customer, offset]),
    )
    const told = (events: readonly CustomerEvent[]) =>
      events.map(({ customer, position }) => [customer, position - ahead])
    assert.deepEqual(told(await read(['p2', 'p1'])), wanted)
    const some = await read(['p1'], { beforePosition: ahead + 200, sinceMs: startMs - 50 })
    assert.deepEqual(
      told(some),
      told(some).filter(([, offset]) => Number(offset) <= 150),
    )
    assert.equal(some.length, 17)
    assert.deepEqual(await read(['nobody']), [])
  })

  it('includes all partitions for events from before the customers moved', async () => {
    const at = (offset: number, of: number): Row => ({ customer: 'moved', offset, partition: of })
    await insert([at(1, 4), at(2, 1), at(10, 4), at(11, partition), at(12, partition)])
    const told = async () => (await read(['moved'])).map(({ position }) => position - ahead)
    assert.deepEqual(await told(), [11, 12])
    const out = new RowBuffer()
    const state = Buffer.from(JSON.stringify({ moved: { position: ahead + 10 } }))
    writeProfileRow(out, { ...blankProfile, partition, version: 1, state })
    await insertRows(database.client, profilesTable, [out.take()])
    assert.deepEqual(await told(), [1, 2, 11, 12])
  })

  it('finds customers whose latest profile has other rules than the complete ones, or is not ready', async () => {
    const out = new RowBuffer()
    const put = (customer: string, position: number, policy: string, notReady: readonly string[], deleted = false) =>
      writeProfileRow(out, {
        ...blankProfile,
        partition,
        customer,
        version: position,
        streamTimeMs: startMs,
        policy,
        notReady,
        deleted,
      })
    put('', 9, '', [])
    put('a', 1, 'old', [])
    put('b', 1, 'old', [])
    put('b', 2, 'new', ['f', 'g'])
    put('c', 1, 'old', [])
    put('c', 3, 'new', [])
    put('d', 1, 'other', [])
    put('e', 1, 'old', [], true)
    put('f', 1, 'other', ['f'])
    await insertRows(database.client, profilesTable, [out.take()])
    const kinds = (await history.gathered(partition)).map(gatheredKey).sort()
    assert.deepEqual(kinds, ['new', 'new f g', 'old', 'other', 'other f'])
    assert.deepEqual((await readGathered(database.client)).map(gatheredKey).sort(), kinds)
    const complete = ['new', 'other']
    assert.equal(await history.countNotReady(partition, complete), 3)
    assert.deepEqual(await history.notReady(partition, complete, '', 10), ['a', 'b', 'f'])
    assert.deepEqual(await history.notReady(partition, complete, 'a', 1), ['b'])
    assert.deepEqual(await history.notReady(partition, [...complete, 'old', 'new f g', 'other f'], '', 10), [])
    assert.deepEqual(await readProgress(database.client, complete), [{ partition, customers: 5, pending: 3 }])
    const rows = await database.select("SELECT * FROM customer_features WHERE customer = 'b' ORDER BY feature")
    const none = { kind: 'not_ready', number: null, text: '', list: [] }
    assert.deepEqual(
      (rows as Record<string, unknown>[]).map(({ feature, kind, number, text, list }) => ({
        feature,
        kind,
        number,
        text,
        list,
      })),
      [
        { feature: 'f', ...none },
        { feature: 'g', ...none },
      ],
    )
  })
})
