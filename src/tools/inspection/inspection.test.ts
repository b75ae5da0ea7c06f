import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { compileEngine, type Engine } from '../../engine.ts'
import { Rejected } from '../../ingest/rejected.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { recordDecoder } from './decode-record.ts'
import { findRecords } from './records.ts'
import { masked, seenRecord } from './seen-record.ts'

const atMs = Date.UTC(2026, 2, 1)

describe('looking at records', () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-inspection-'))
  after(() => rmSync(folder, { recursive: true }))
  let log: MemoryLog
  beforeEach(async () => {
    log = new MemoryLog()
    await log.createTopics([{ topic: 'clicks', partitions: 3 }])
  })

  function engineOf(topic: object): Engine {
    const file = join(folder, 'beckon.yaml')
    const topics = [{ name: 'clicks', ...topic }]
    const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
    writeFileSync(file, JSON.stringify({ ...servers, topics, registry: { url: 'http://localhost:8081' } }))
    return compileEngine(loadConfig(file, {}))
  }
  const send = (partition: number, value: Buffer | object | null, timestampMs: number, key = 'ann') => {
    const bytes = value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))
    return log.append([{ topic: 'clicks', partition, key, value: bytes, headers: {}, timestampMs }])
  }
  const newest = (limit: number, over: object = {}) =>
    findRecords(log, { topic: 'clicks', partition: undefined, fromOffset: undefined, limit, ...over })
  const places = async (limit: number, over: object = {}) =>
    (await newest(limit, over)).map(({ batch, i }) => `${batch.partition}@${batch.offset(i)}`)

  it('takes the newest of all partitions in the order of their timestamps, or the first from an offset on', async () => {
    assert.deepEqual(await places(3), [])
    for (let i = 0; i < 30; i++) await send(i % 2, {}, atMs + i)
    assert.deepEqual(await places(3), ['1@13', '0@14', '1@14'])
    assert.deepEqual(await places(2, { partition: 0 }), ['0@13', '0@14'])
    assert.deepEqual(await places(3, { partition: 0, fromOffset: 4 }), ['0@4', '0@5', '0@6'])
    assert.deepEqual(await places(3, { partition: 0, fromOffset: 15 }), [])
    assert.equal((await places(100)).length, 30)
  })

  it('finds as many where few offsets have a record', async () => {
    const writer = await log.openWriter('w')
    for (let i = 0; i < 12; i++) {
      const records = i < 6 ? [{ topic: 'clicks', partition: 0, key: null, value: Buffer.from('{}'), headers: {} }] : []
      await writer.commit({ records, groupId: 'g', topic: 'clicks', partition: 1, nextOffset: i, metadata: '' })
    }
    assert.equal((await places(6, { partition: 0 })).length, 6)
  })

  it('reads them as the service does, with what is derived of them, and shows values only where asked', async () => {
    const engine = engineOf({ format: 'json', tombstones: 'erase', key: 'customer' })
    const call = {
      type: 'page',
      userId: 'ann',
      messageId: 'm1',
      timestamp: new Date(atMs).toISOString(),
      properties: { price: 9.5, tags: ['a', 'b'], note: 'hush', gift: true, of: { sku: 'x1' }, none: null },
      context: { page: { url: 'https://shop.example/?utm_source=mail&utm_medium=email' }, ip: '192.0.2.7' },
    }
    await send(0, call, atMs)
    await send(0, { ...call, timestamp: 'whenever' }, atMs + 1)
    await send(0, null, atMs + 2)
    const decode = recordDecoder(engine, () => assert.fail('no schema is asked for'))
    const seen = (shows: boolean) =>
      newest(9).then((found) =>
        Promise.all(
          found.map(async (one) => seenRecord(one, await decode(one.batch, one.i, atMs), engine.enrich, shows)),
        ),
      )
    const [event, letter, erasure] = await seen(true)
    assert.deepEqual([event!.is, event!.type, event!.time, event!.offset], ['event', 'page', call.timestamp, 0])
    const { properties, url, ...rest } = event!.event!
    assert.deepEqual(rest, { customer: 'ann', id: 'm1', ip: '192.0.2.7' })
    assert.deepEqual(
      { ...(properties as object) },
      { ...call.properties, of: Object.assign(Object.create(null), { sku: 'x1' }) },
    )
    assert.equal(url, call.context.page.url)
    assert.deepEqual(event!.enrichment, {
      bot: false,
      referrer_class: 'direct',
      channel_group: 'email',
      campaign_source: 'mail',
      campaign_medium: 'email',
    })
    assert.deepEqual([letter!.is, letter!.reason], ['dead_letter', 'bad_time'])
    assert.match(letter!.detail!, /: time, from timestamp; original_time, from originalTimestamp$/)
    assert.deepEqual([erasure!.is, erasure!.event], ['erasure', { customer: 'ann' }])

    const [hidden, ...others] = await seen(false)
    assert.deepEqual(hidden!.event, {
      customer: 'text(3)',
      id: 'text(2)',
      url: 'text(54)',
      ip: 'text(9)',
      properties: {
        price: 'number',
        tags: 'list(2)',
        note: 'text(4)',
        gift: 'boolean',
        of: { sku: 'text(2)' },
        none: null,
      },
    })
    assert.deepEqual(
      [hidden!.enrichment!['channel_group'], hidden!.enrichment!['campaign_source']],
      ['email', 'text(4)'],
    )
    assert.doesNotMatch(JSON.stringify([hidden, others]), /"ann"|hush|192\.0|"x1"|utm/)
  })

  it('tells statements of traits and of consent from events', async () => {
    const decode = (topic: object) => recordDecoder(engineOf({ format: 'json', ...topic }), () => undefined)
    const see = async (topic: object, record: object, shows: boolean) => {
      await send(0, record, atMs)
      const [{ batch, i } = assert.fail('no record')] = await newest(1)
      return seenRecord({ batch, i }, await decode(topic)(batch, i, atMs), () => assert.fail('it is no event'), shows)
    }
    const row = { id: 'ann', at: atMs, tier: 'gold', phone: null }
    const traits = await see({ role: 'traits', mapping: { customer: 'id', time: 'at' } }, row, false)
    assert.deepEqual([traits.is, traits.time], ['traits', new Date(atMs).toISOString()])
    assert.deepEqual(traits.event!['traits'], { tier: 'text(4)', phone: null })
    const said = { customer: 'ann', purpose: 'news', channel: 'email', given: false, time: atMs }
    const consent = await see({ role: 'consent' }, said, true)
    assert.deepEqual([consent.is, consent.time], ['consent', new Date(atMs).toISOString()])
    const { time: _at, ...shown } = said
    assert.deepEqual(consent.event, shown)
  })

  it('asks the registry for the schema that a record names, and tells its answer', async () => {
    const engine = engineOf({ format: 'registry' })
    await send(0, Buffer.from([0, 0, 0, 0, 9, 2, 97]), atMs)
    const asked: number[] = []
    const decode = recordDecoder(engine, () => ({
      async schema(id) {
        asked.push(id)
        return new Rejected('unknown_schema', 'the registry has no such schema')
      },
    }))
    const [{ batch, i }] = (await newest(1)) as [{ batch: Parameters<typeof decode>[0]; i: number }]
    const decoded = await decode(batch, i, atMs)
    assert.ok(decoded instanceof Rejected && decoded.reason === 'unknown_schema')
    assert.deepEqual(asked, [9])
  })

  it('masks every kind of value', () => {
    assert.deepEqual(
      ['', 'abc', 1, true, null, [], [1], { a: ['x'] }].map((value) => masked(value)),
      ['text(0)', 'text(3)', 'number', 'boolean', null, 'list(0)', 'list(1)', { a: 'list(1)' }],
    )
  })
})
