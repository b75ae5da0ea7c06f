import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import avro from 'avsc'
import { connectRegistry } from '../src/ingest/registry/registry.ts'
import { startTestProxy, type TestProxy } from '../src/store/clickhouse/test-proxy.ts'
import { skip as noServers, type SeenRecord, type Service, until, World } from './harness.ts'

const registryUrl = process.env['BECKON_TEST_REGISTRY']
const noRegistry = registryUrl === undefined && process.env['CI'] === undefined && 'BECKON_TEST_REGISTRY is not set'

interface Schema {
  readonly name: string
  readonly fields: readonly { name: string; type: unknown; default?: unknown }[]
}

const readSchema = (name: string): Schema =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.avsc`, import.meta.url), 'utf8'))
const optional = (name: string) => ({ name, type: ['null', 'string'], default: null })
const first = readSchema('event')
const second = { ...first, fields: [...first.fields, optional('loyalty_tier')] }
const third = { ...second, fields: [...second.fields, optional('mood')] }
const startMs = Date.UTC(2026, 0, 1)

function framed(id: number, value: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, value])
}

const text = (value: string) => ({ string: value })

let events = 0
/** An event under one of the schemas; what is not given has its default. */
function encode(schema: Schema, id: number, customer: string, more: Readonly<Record<string, unknown>> = {}): Buffer {
  const type = avro.Type.forSchema(schema as unknown as avro.Schema, { wrapUnions: 'always' })
  const timestamp = startMs + ++events * 1000
  const call = {
    type: 'track',
    timestamp,
    messageId: `m${events}`,
    event: text('view'),
    userId: text(customer),
    ...more,
  }
  return framed(id, type.toBuffer(call))
}

/** Schema ids that an event can't have, by the rows of the catalogue (see bad-input.int.test.ts). */
const bad = [
  { row: 4, title: 'an id that the registry does not have', reason: 'unknown_schema', id: 2_000_000_000 },
  { row: 5, title: 'the id 0', reason: 'unknown_schema', id: 0 },
  { row: 5, title: 'a negative id', reason: 'unknown_schema', id: -1 },
  { row: 5, title: 'the largest id', reason: 'unknown_schema', id: 2 ** 31 - 1 },
  { row: 6, title: 'a schema of another topic', reason: 'schema_not_allowed', id: 'payments' },
  { row: 8, title: 'an id for which it answers 5 MB', reason: 'bad_schema', id: 900_000_002 },
  { row: 9, title: 'a schema without a customer', reason: 'unresolvable', id: 'poor' },
  { row: 10, title: 'a schema of 3,000 fields', reason: 'bad_schema', id: 'bomb' },
] as const

const json = { 'content-type': 'application/json' }
/** What the registry answers to some ids. */
const oddAnswers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/ids/900000002': (response) =>
    response.writeHead(200, json).end(JSON.stringify({ schema: 'x'.repeat(5 * 1024 * 1024) })),
}

/** Before the registry; passes on what it does not answer itself. */
async function startOddRegistry(target: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url!.split('?', 1)[0]!
    const odd = Object.entries(oddAnswers).find(([end]) => path.endsWith(end))
    if (odd !== undefined) return odd[1](response)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const method = request.method!
      const body = method === 'POST' ? { body: Buffer.concat(chunks) } : {}
      const type = request.headers['content-type'] ?? json['content-type']
      try {
        const answer = await fetch(target + request.url, { method, headers: { 'content-type': type }, ...body })
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        response.end(Buffer.from(await answer.arrayBuffer()))
      } catch {
        // The registry is away.
        response.destroy()
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

describe('a schema registry', { skip: noServers || noRegistry }, () => {
  let world: World
  let proxy: TestProxy
  let odd: Server
  let service: Service
  let deadLetters: SeenRecord[]
  const ids = { first: 0, second: 0, payments: 0, poor: 0, bomb: 0 }
  /** The bad values, in their order. */
  const sent: Buffer[] = []
  /** Sound events by customer. */
  const sound = { anna: 0, ben: 0 }

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: 2, actions: 2, dead_letters: 1 })
    const registry = connectRegistry({ url: registryUrl! })
    const subject = `${world.topic('events')}-value`
    ids.first = await registry.register(subject, JSON.stringify(first))
    ids.second = await registry.register(subject, JSON.stringify(second))
    assert.notEqual(ids.first, ids.second)

    const payment = {
      type: 'record',
      name: `Payment_${world.prefix.replace('-', '_')}`,
      fields: [{ name: 'amount', type: 'double' }],
    }
    ids.payments = await registry.register(`${world.topic('payments')}-value`, JSON.stringify(payment))
    ids.poor = await registry.register(subject, JSON.stringify({ ...payment, name: `${payment.name}_poor` }))
    const many = Array.from({ length: 3000 }, (_, i) => ({ name: `f${i}`, type: 'int' }))
    ids.bomb = await registry.register(subject, JSON.stringify({ ...first, fields: [...first.fields, ...many] }))

    proxy = await startTestProxy(new URL(registryUrl!))
    odd = await startOddRegistry(proxy.url)
    const { port } = odd.address() as AddressInfo
    service = await world.start(
      world.writeConfig({
        registry: { url: `http://127.0.0.1:${port}${new URL(registryUrl!).pathname}` },
        topics: [{ name: world.topic('events'), format: 'registry' }],
        output: {
          actions: world.topic('actions'),
          dead_letters: world.topic('dead_letters'),
          journal: world.topic('journal'),
          format: 'registry',
        },
        features: [
          { name: 'seen', count: {}, window: 'lifetime' },
          { name: 'tiers', distinct: 'properties.loyalty_tier', window: 'lifetime' },
        ],
        actions: [{ name: 'third', when: 'seen == 3' }],
      }),
    )
    const bytes = encode(first, ids.first, 'nobody').subarray(5)
    for (const { id } of bad) {
      sent.push(framed(typeof id === 'number' ? id : ids[id], bytes))
      await produceSound('anna', 0, first, ids.first)
      await world.produce('events', [{ value: sent.at(-1)!, partition: 0 }])
      await produceSound('ben', 1, second, ids.second)
      await produceSound('anna', 0, second, ids.second, { loyalty_tier: text(`tier-${sound.anna % 3}`) })
    }
    await world.consumed(service, 'events')
    deadLetters = await world.read('dead_letters')
  })
  after(async () => {
    await world?.close()
    odd?.close()
    await proxy?.close()
  })

  async function produceSound(userId: keyof typeof sound, partition: number, ...of: [Schema, number, object?]) {
    const [schema, id, more] = of
    sound[userId]++
    await world.produce('events', [{ partition, value: encode(schema, id, userId, { ...more }) }])
  }

  for (const [i, { row, title, reason, id }] of bad.entries()) {
    it(`row ${row}: ${title}: a dead letter, ${reason}`, () => {
      const { value, headers } = deadLetters[i]!
      assert.deepEqual(value, sent[i])
      assert.equal(String(headers['beckon.errors.reason']), reason)
      // One that is negative is none.
      if (id !== -1) assert.equal(String(headers['beckon.errors.schema_id']), String(sent[i]!.readInt32BE(1)))
    })
  }

  it('row 7: while it is away, a partition with a new schema waits, and the other goes on; nothing is lost', async () => {
    const id = await connectRegistry({ url: registryUrl! }).register(
      `${world.topic('events')}-value`,
      JSON.stringify(third),
    )
    await proxy.away()
    await produceSound('anna', 0, third, id, { mood: text('good') })
    await produceSound('anna', 0, first, ids.first)
    const before = await service.metric('beckon_events_consumed_total')
    await service.logged('registry.away')
    await produceSound('ben', 1, first, ids.first)
    await until(
      'the other partition has gone on',
      async () => (await service.metric('beckon_events_consumed_total')) > before,
    )
    assert.equal(await service.metric('beckon_events_consumed_total'), before + 1)
    await proxy.back()
    await world.consumed(service, 'events')
    assert.equal(await service.metric('beckon_dead_letters_total'), bad.length)
  })

  it('reads the events of all versions, and writes actions under a schema of its own', async () => {
    assert.deepEqual(await service.stop(), { code: 0, signal: null })
    const profiles = await world.select<{ customer: string; seen: number; tiers: number }>(
      `SELECT customer, numbers['seen'] AS seen, numbers['tiers'] AS tiers FROM customers ORDER BY customer`,
    )
    assert.deepEqual(profiles, [
      { customer: 'anna', seen: sound.anna, tiers: 3 },
      { customer: 'ben', seen: sound.ben, tiers: 0 },
    ])
    const actions = await world.read('actions')
    assert.equal(actions.length, 2)
    const found = new Set<string>()
    for (const { value } of actions) {
      const id = value!.readInt32BE(1)
      const answer = await fetch(`${registryUrl}/schemas/ids/${id}`)
      const { schema } = (await answer.json()) as { schema: string }
      assert.deepEqual((JSON.parse(schema) as Schema).name, 'Action')
      const { action, customer } = avro.Type.forSchema(JSON.parse(schema)).fromBuffer(value!.subarray(5))
      found.add(`${action} ${customer}`)
    }
    assert.deepEqual(found, new Set(['third anna', 'third ben']))
    const subjects = (await (await fetch(`${registryUrl}/subjects`)).json()) as string[]
    assert.ok(subjects.includes(`${world.topic('actions')}-value`))
  })
})
