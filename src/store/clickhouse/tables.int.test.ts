import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { newCase } from '../../cases/case.ts'
import { withOutcome } from '../../cases/outcome.ts'
import { noConsent } from '../../consent/consent.ts'
import type { Decision } from '../../decide/decision.ts'
import type { Action, Treatment } from '../../decide/policy.ts'
import { noGeo } from '../../enrich/enrichment.ts'
import { Event, Properties } from '../../events/event.ts'
import { actionsTable, writeActionRow } from '../action-row.ts'
import { casesTable, writeCaseRow } from '../case-row.ts'
import { consentTable } from '../consent-row.ts'
import { decisionsTable, writeDecisionRow } from '../decision-row.ts'
import { eventsTable, writeEventRow } from '../event-row.ts'
import { policiesTable, writePolicyRow } from '../policy-row.ts'
import { profilesTable, writeCheckpointRow, writeProfileRow } from '../profile-row.ts'
import { RowBuffer } from '../row-binary.ts'
import { settingsTable } from '../settings-row.ts'
import type { Table } from '../table.ts'
import { insertRows } from './insert.ts'
import { readRunningPolicy } from './policies.ts'
import { createTestDatabase, skip, type TestDatabase } from './test-database.ts'

const odd = ['', '\0', `'"\\\t\r\n;--`, '水😀é', '__proto__', 'x'.repeat(200_000), '{"a.b":1}', 'null', '\ufeff']

describe('the tables', { skip }, () => {
  let database: TestDatabase
  const row = new RowBuffer()

  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database.drop())

  /** Stores the rows written so far and reads the table back, in the order of `order`. */
  async function roundTrip(table: Table, order: string): Promise<Record<string, unknown>[]> {
    await insertRows(database.client, table, [row.take()])
    return database.select(`SELECT ${Object.keys(table.columns).join(', ')} FROM ${table.name} FINAL ORDER BY ${order}`)
  }

  const written = [
    eventsTable,
    profilesTable,
    decisionsTable,
    actionsTable,
    consentTable,
    casesTable,
    policiesTable,
    settingsTable,
  ]
  for (const table of written) {
    test(`${table.name} has the columns of a row, with types that hold every value, and defaults for the others`, async () => {
      const columns = await database.select<{ name: string; type: string }>(
        `SELECT name, type FROM system.columns
         WHERE database = currentDatabase() AND table = '${table.name}' AND default_kind IN ('', 'DEFAULT')
           AND name NOT IN ('inserted_at', 'updated_at') ORDER BY position`,
      )
      // LowCardinality and the like do not change values; any other difference would be a silent cast.
      const plain = (type: string) =>
        type
          .replaceAll(/LowCardinality\((\w+)\)/g, '$1')
          .replaceAll(", 'UTC')", ')')
          .replace(/^SimpleAggregateFunction\(\w+, (.*)\)$/, '$1')
      assert.deepEqual(
        columns.map(({ name, type }) => [name, plain(type)]),
        Object.entries(table.columns),
      )
    })
  }

  test('each table and view has a comment, and so does each of its columns', async () => {
    const silent = await database.select(
      `SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''
       UNION ALL SELECT concat(table, '.', name) FROM system.columns WHERE database = currentDatabase() AND comment = ''`,
    )
    assert.deepEqual(silent, [])
  })

  const enrichment = {
    agent: {
      device: 'mobile',
      deviceVendor: 'Apple',
      deviceModel: 'iPhone',
      browser: 'Safari',
      browserVersion: '17.1',
      os: 'iOS',
      osVersion: '17',
      bot: true,
    },
    campaign: { source: 's', medium: 'm', name: 'n', term: 't', content: 'c', clickId: 'i', network: 'Google' },
    referrer: { class: 'search', source: 'Google', host: 'google.com', term: 'shoes' },
    channelGroup: 'paid_search',
    geo: {
      country: 'GB',
      region: 'England',
      city: 'London',
      latitude: 51.5,
      longitude: -0.1,
      timezone: 'Europe/London',
      asn: 4_000_000_000,
      organization: 'Example Ltd',
    },
  } as const

  test('an event is read back as it was written', async () => {
    const event = new Event()
    Object.assign(event, {
      id: 'e1',
      customer: 'c1',
      anonymousId: 'a1',
      type: 'purchase',
      timeMs: 1_700_000_000_123,
      receivedAtMs: 1_700_000_001_456,
      sessionId: 's1',
      url: 'https://shop.example/?q=1',
      title: 'Shop',
      referrer: 'https://google.com/',
      userAgent: 'agent',
      ip: '198.51.100.77',
      locale: 'en-GB',
      timezone: 'Europe/London',
      channel: 'web',
      value: 0.1,
      currency: 'GBP',
      properties: new Properties(
        ['n', 's', 'yes', 'no', 'list', 'map', 'nothing', '__proto__', 'n', ''],
        [1, 'text', true, false, [1, null, { a: 'b' }], { 'a.b': 1, a: { b: 2 } }, null, 'own', 1e308, -0.5],
      ),
      traits: new Properties(['plan', 'age', 'gone', 'tags'], ['gold', 42, null, ['a']]),
    })
    writeEventRow(row, 'shop', 65_535, {
      offset: 2 ** 53 - 1,
      position: 2 ** 53 - 2,
      event,
      enrichment,
      sessionIndex: 3,
      sessionStartMs: 1_699_999_999_000,
      late: true,
      duplicate: true,
    })
    const [read] = await roundTrip(eventsTable, 'offset')
    assert.deepEqual(
      { ...read, context: undefined },
      {
        topic: 'shop',
        partition: 65_535,
        offset: read?.['offset'],
        position: read?.['position'],
        id: 'e1',
        customer: 'c1',
        type: 'purchase',
        time: '2023-11-14 22:13:20.123',
        session_id: 's1',
        url: 'https://shop.example/?q=1',
        value: 0.1,
        numbers: { n: 1e308, '': -0.5 },
        strings: JSON.parse('{"s":"text","__proto__":"own"}'),
        booleans: { yes: true, no: false },
        nested: { list: '[1,null,{"a":"b"}]', map: '{"a.b":1,"a":{"b":2}}', nothing: 'null' },
        traits: { plan: 'gold', age: '42', tags: '["a"]' },
        device: 'mobile',
        browser: 'Safari',
        browser_version: '17.1',
        os: 'iOS',
        os_version: '17',
        bot: true,
        referrer_class: 'search',
        country: 'GB',
        context: undefined,
        session_index: 3,
        session_start: '2023-11-14 22:13:19.000',
        late: true,
        duplicate: true,
      },
    )
    const [context] = await database.select(
      `SELECT context['typed_traits'] AS typed_traits, anonymous_id, received_at, title, referrer, ip, locale, timezone, channel, currency, device_vendor, device_model, campaign_source, campaign_medium, campaign_name, campaign_term, campaign_content, campaign_click_id, campaign_network, referrer_source, referrer_host, referrer_term, channel_group, region, city, latitude, longitude, geo_timezone, asn, organization FROM events FINAL WHERE id = 'e1'`,
    )
    assert.deepEqual(context, {
      typed_traits: '{"age":42,"gone":null,"tags":["a"]}',
      anonymous_id: 'a1',
      received_at: '2023-11-14 22:13:21.456',
      title: 'Shop',
      referrer: 'https://google.com/',
      ip: '198.51.100.0',
      locale: 'en-GB',
      timezone: 'Europe/London',
      channel: 'web',
      currency: 'GBP',
      device_vendor: 'Apple',
      device_model: 'iPhone',
      campaign_source: 's',
      campaign_medium: 'm',
      campaign_name: 'n',
      campaign_term: 't',
      campaign_content: 'c',
      campaign_click_id: 'i',
      campaign_network: 'Google',
      referrer_source: 'Google',
      referrer_host: 'google.com',
      referrer_term: 'shoes',
      channel_group: 'paid_search',
      region: 'England',
      city: 'London',
      latitude: 51.5,
      longitude: -0.1,
      geo_timezone: 'Europe/London',
      asn: 4_000_000_000,
      organization: 'Example Ltd',
    })
    assert.equal(BigInt(read?.['offset'] as string), 2n ** 53n - 1n)
  })

  test('an event without a value or a location reads as NULL, and odd strings survive in every kind of column', async () => {
    for (const [i, text] of [...odd, 'a\ud800b'].entries()) {
      const event = new Event()
      event.customer = 'odd'
      event.timeMs = 1_700_000_000_000
      event.id = text
      event.type = text
      event.properties = new Properties([text], [text])
      const session = { sessionIndex: 1, sessionStartMs: 0, late: false, duplicate: false }
      writeEventRow(row, 'shop', 0, {
        offset: i,
        position: i,
        event,
        enrichment: { ...enrichment, geo: noGeo },
        ...session,
      })
    }
    await insertRows(database.client, eventsTable, [row.take()])
    const read = await database.select(
      `SELECT id, type, strings, value, latitude, longitude, numbers FROM events FINAL WHERE customer = 'odd' ORDER BY offset`,
    )
    assert.deepEqual(
      read,
      [...odd, 'a\ufffdb'].map((text) => ({
        id: text,
        type: text,
        strings: Object.fromEntries([[text, text]]),
        value: null,
        latitude: null,
        longitude: null,
        numbers: {},
      })),
    )
  })

  test('a profile is read back as it was written, and its features as rows', async () => {
    writeProfileRow(row, {
      partition: 3,
      customer: 'c1',
      version: 2 ** 53 - 1,
      streamTimeMs: 1_700_000_000_001,
      session: { index: 2, startMs: 1_700_000_000_000, lastMs: 1_700_000_000_001, events: 5, entryPage: '/' },
      numberNames: ['views', 'average', 'spend'],
      numbers: new Float64Array([3, Number.NaN, 0.1]),
      stringNames: ['last'],
      strings: ['水'],
      listNames: ['recent', 'none'],
      lists: [['a', ''], []],
      mapNames: ['by_category', 'nothing'],
      maps: [
        [
          ['', 1],
          ['水', 2.5],
        ],
        [],
      ],
      traits: new Map<string, string | number | null>([
        ['plan', 'gold'],
        ['age', 42],
        ['gone', null],
      ]),
      nextDueMs: 1_700_000_009_000,
      policy: 'abc',
      notReady: ['sessions', 'spree'],
      state: Buffer.from([1, 2, 3]),
      erasedBefore: 2 ** 40,
      deleted: false,
    })
    writeCheckpointRow(row, 3, 7, 1_700_000_000_000, Buffer.from('{}'))
    const [checkpoint, read] = await roundTrip(profilesTable, 'customer')
    assert.equal(checkpoint?.['customer'], '')
    assert.deepEqual(read, {
      partition: 3,
      customer: 'c1',
      version: read?.['version'],
      stream_time: '2023-11-14 22:13:20.001',
      session_index: 2,
      session_start: '2023-11-14 22:13:20.000',
      session_last: '2023-11-14 22:13:20.001',
      session_events: 5,
      session_entry_page: '/',
      numbers: { views: 3, spend: 0.1 },
      strings: { last: '水' },
      lists: { recent: ['a', ''], none: [] },
      maps: { by_category: { '': 1, 水: 2.5 }, nothing: {} },
      traits: { plan: 'gold', age: '42' },
      next_due: '2023-11-14 22:13:29.000',
      policy: 'abc',
      not_ready: ['sessions', 'spree'],
      state: '\u0001\u0002\u0003',
      erased_before: String(2 ** 40),
      deleted: false,
    })
    assert.equal(Number(read?.['version']), 2 ** 53 - 1)
    const features = await database.select(
      'SELECT customer, feature, kind, number, text, list FROM customer_features ORDER BY feature, text',
    )
    assert.deepEqual(features, [
      { customer: 'c1', feature: 'by_category', kind: 'map', number: 1, text: '', list: [] },
      { customer: 'c1', feature: 'by_category', kind: 'map', number: 2.5, text: '水', list: [] },
      { customer: 'c1', feature: 'last', kind: 'string', number: null, text: '水', list: [] },
      { customer: 'c1', feature: 'none', kind: 'list', number: null, text: '', list: [] },
      { customer: 'c1', feature: 'recent', kind: 'list', number: null, text: '', list: ['a', ''] },
      { customer: 'c1', feature: 'sessions', kind: 'not_ready', number: null, text: '', list: [] },
      { customer: 'c1', feature: 'spend', kind: 'number', number: 0.1, text: '', list: [] },
      { customer: 'c1', feature: 'spree', kind: 'not_ready', number: null, text: '', list: [] },
      { customer: 'c1', feature: 'views', kind: 'number', number: 3, text: '', list: [] },
    ])
  })

  test('a decision is read back as it was written', async () => {
    const candidate = (name: string, reason: 'chosen' | 'not_eligible', score: number) => ({
      action: { name } as Action,
      treatment: reason === 'chosen' ? ({ name: 'evening' } as Treatment) : undefined,
      reason,
      gate: reason === 'chosen' ? '' : 'open_complaint',
      score,
      probability: reason === 'chosen' ? 0.95 : 0,
      slot: reason === 'chosen' ? 'hero' : '',
    })
    const best = candidate('call_back', 'chosen', 4)
    const decision: Decision = {
      outcome: 'chosen',
      candidates: [best, candidate('remind', 'not_eligible', Number.NaN)],
      chosen: [best],
      after: { contacts: new Map(), consent: noConsent, pastContacts: [], reactions: [], holds: [] },
      nothing: 0.05,
      nothingScore: 2,
    }
    const cause = { topic: 'shop', partition: 1, offset: 9, position: 12, timer: '', dueMs: 0 }
    const quiet = { ...cause, timer: 'quiet' }
    const about = { id: 'd1', arm: 'treated', oneIn: 10 }
    const made = {
      ...about,
      customer: 'c1',
      asOfMs: 1_700_000_000_000,
      nowMs: 1_700_000_005_000,
      policy: 'abc',
      actions: [],
    }
    writeDecisionRow(row, { ...made, cause, decision })
    writeDecisionRow(row, {
      ...made,
      cause: quiet,
      decision: {
        outcome: 'none',
        candidates: [],
        chosen: [],
        after: { contacts: new Map(), consent: noConsent, pastContacts: [], reactions: [], holds: [] },
        nothing: 1,
        nothingScore: Number.NaN,
      },
    })
    const [read, ofTimer] = await roundTrip(decisionsTable, 'trigger')
    assert.deepEqual(read, {
      topic: 'shop',
      partition: 1,
      offset: '9',
      position: '12',
      customer: 'c1',
      trigger: '',
      time: '2023-11-14 22:13:20.000',
      now: '2023-11-14 22:13:25.000',
      policy: 'abc',
      candidates: ['call_back', 'remind'],
      treatments: ['evening', ''],
      reasons: ['chosen', 'not_eligible'],
      gates: ['', 'open_complaint'],
      scores: [4, null],
      probabilities: [0.95, 0],
      slots: ['hero', ''],
      chosen: ['call_back'],
      id: 'd1',
      arm: 'treated',
      nothing: 0.05,
      nothing_score: 2,
      one_in: 10,
    })
    assert.deepEqual([ofTimer?.['trigger'], ofTimer?.['nothing'], ofTimer?.['nothing_score']], ['quiet', 1, null])
  })

  test('a case is read back as it was written, and its latest revision holds', async () => {
    const sent = {
      id: 'i1',
      action: 'call_back',
      treatment: 'evening',
      channel: 'phone',
      group: 'care',
      tags: ['a', 'b'],
      purpose: 'service',
      arm: 'treated',
      policy: 'abc',
      timeMs: 1_700_000_000_000,
      endMs: 1_700_000_060_000,
      probability: 0.25,
      score: 4,
      hasGoal: true,
    }
    const begun = newCase(sent)
    const clicked = withOutcome(begun, 'click', 1_700_000_001_000, Number.NaN)
    const reached = withOutcome(clicked, 'goal', 1_700_000_002_000, 9.5)
    for (const [i, now] of [reached, begun, clicked].entries()) {
      writeCaseRow(row, { partition: 1, position: 10 + i, customer: 'c1', now })
    }
    writeCaseRow(row, { partition: 1, position: 20, customer: 'c2', now: withOutcome(begun, 'expired', 1, 0) })
    const [read, expired] = await roundTrip(casesTable, 'customer')
    assert.deepEqual(read, {
      action_id: 'i1',
      partition: 1,
      position: '10',
      customer: 'c1',
      action: 'call_back',
      treatment: 'evening',
      channel: 'phone',
      group: 'care',
      tags: ['a', 'b'],
      purpose: 'service',
      arm: 'treated',
      policy: 'abc',
      time: '2023-11-14 22:13:20.000',
      ends: '2023-11-14 22:14:20.000',
      probability: 0.25,
      score: 4,
      verdict: 'positive',
      delivered: null,
      impression: '2023-11-14 22:13:21.000',
      click: '2023-11-14 22:13:21.000',
      goal: '2023-11-14 22:13:22.000',
      conversion: null,
      rejection: null,
      failed: null,
      failure: '',
      value: 9.5,
      revision: 3,
    })
    const { verdict, failure, failed, value } = expired!
    assert.deepEqual(
      { verdict, failure, failed, value },
      { verdict: 'not_delivered', failure: 'expired', failed: '1970-01-01 00:00:00.001', value: null },
    )
  })

  test('an action is read back as it was written', async () => {
    const action = {
      id: 'i1',
      action: 'call_back',
      customer: 'c1',
      time: 1_700_000_000_000,
      rank: 1,
      value: Number.NaN,
      channel: 'phone',
      expires_at: null,
      payload: { item: 'x', price: 9.5, gift: false, none: null, tags: ['a', { b: 1 }] },
      event_id: 'e1',
      event_type: 'purchase',
      topic: 'shop',
      partition: 1,
      offset: 9,
      policy: 'abc',
      trigger: 'quiet',
      kind: 'action',
      decision_id: 'd1',
      treatment: 'evening',
      slot: 'hero',
      purpose: 'service',
      group: 'calls',
      tags: ['sales', 'phone'],
      arm: 'treated',
      probability: 0.95,
    } as const
    writeActionRow(row, action, 12, 1_700_000_005_000)
    writeActionRow(row, { ...action, id: 'i2', value: 4, expires_at: 1_700_000_009_000 }, 13, 1_700_000_005_000)
    const [read, expiring] = await roundTrip(actionsTable, 'id')
    assert.deepEqual(read, {
      ...action,
      offset: '9',
      position: '12',
      time: '2023-11-14 22:13:20.000',
      value: null,
      expires_at: null,
      payload: { item: 'x', price: '9.5', gift: 'false', tags: '["a",{"b":1}]' },
      emitted_at: '2023-11-14 22:13:25.000',
    })
    assert.equal(expiring?.['value'], 4)
    assert.equal(expiring?.['expires_at'], '2023-11-14 22:13:29.000')
  })

  test('if rules go back and forth, those of the latest start are running, with its settings, merged or not', async () => {
    assert.equal(await readRunningPolicy(database.client), undefined)
    const start = async (hash: string, settings: string, seenAtMs: number) => {
      writePolicyRow(row, hash, `the text of ${hash}`, settings, seenAtMs)
      await insertRows(database.client, policiesTable, [row.take()])
    }
    await start('a', '{"x":1}', 1_700_000_000_000)
    await start('b', '{"x":2}', 1_700_000_001_000)
    assert.equal((await readRunningPolicy(database.client))?.hash, 'b')
    await start('a', '{"x":3}', 1_700_000_002_000)
    const running = {
      hash: 'a',
      text: 'the text of a',
      settings: '{"x":3}',
      started: '2023-11-14 22:13:22.000',
    }
    assert.deepEqual(await readRunningPolicy(database.client), running)
    await database.client.command({ query: 'OPTIMIZE TABLE policies FINAL' })
    assert.deepEqual(await readRunningPolicy(database.client), running)
    assert.deepEqual(
      await database.select('SELECT hash, first_seen, last_seen, settings FROM policies ORDER BY hash'),
      [
        { hash: 'a', first_seen: '2023-11-14 22:13:20.000', last_seen: '2023-11-14 22:13:22.000', settings: '{"x":3}' },
        { hash: 'b', first_seen: '2023-11-14 22:13:21.000', last_seen: '2023-11-14 22:13:21.000', settings: '{"x":2}' },
      ],
    )
  })

  test('every query of docs/clickhouse.md runs', async () => {
    const text = await readFile(new URL('../../../../docs/clickhouse.md', import.meta.url), 'utf8')
    const queries = [...text.matchAll(/^```sql\n(.*?)^```/gms)].map(([, query]) => query!)
    assert.ok(queries.length > 0)
    for (const query of queries) await database.select(query)
  })
})
