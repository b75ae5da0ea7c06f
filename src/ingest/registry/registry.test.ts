import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAvroSchema } from '../avro-schema.ts'
import { Rejected } from '../rejected.ts'
import { connectRegistry, type RegistryOptions } from './registry.ts'

const schema = JSON.stringify({
  type: 'record',
  name: 'Click',
  namespace: 'web',
  fields: [{ name: 'id', type: 'string' }],
})

type Handler = (response: ServerResponse, request: IncomingMessage, body: string) => void
const json =
  (body: unknown, status = 200): Handler =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
  }

const absent = json({ error_code: 40403, message: 'Schema not found' }, 404)

/** A registry that answers as each test tells it; what it was asked is in `asked`. */
let routes: Record<string, Handler> = {}
let asked: string[] = []
let server: Server
let options: RegistryOptions

before(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      asked.push(`${request.method} ${request.url}`)
      const answer = routes[request.url ?? ''] ?? absent
      answer(response, request, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  options = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/` }
})
beforeEach(() => {
  routes = {}
  asked = []
})
after(() => server.close())

const ask = (id: number, topic = 'clicks') => connectRegistry(options).schema(id, topic)
const reasonOf = async (id: number, topic?: string) => {
  const answer = await ask(id, topic)
  return answer instanceof Rejected ? answer.reason : 'schema'
}

test('a schema is fetched once, whoever asks at the same time or later', async () => {
  routes = {
    '/api/schemas/ids/7': json({ schema }),
    '/api/schemas/ids/7/versions': json([{ subject: 'clicks-value', version: 1 }]),
  }
  const registry = connectRegistry(options)
  const answers = await Promise.all([
    registry.schema(7, 'clicks'),
    registry.schema(7, 'clicks'),
    registry.schema(7, 'other'),
  ])
  assert.deepEqual(answers.slice(0, 2), Array(2).fill({ text: schema, references: [] }))
  assert.ok(answers[2] instanceof Rejected && answers[2].reason === 'schema_not_allowed')
  await registry.schema(7, 'clicks')
  assert.deepEqual(asked, ['GET /api/schemas/ids/7', 'GET /api/schemas/ids/7/versions'])
})

test('an impossible id is not asked for, and an unknown one is asked for once', async () => {
  const registry = connectRegistry(options)
  for (const id of [0, -1, 2 ** 31, 1.5, Number.NaN]) {
    const answer = await registry.schema(id, 'clicks')
    assert.ok(answer instanceof Rejected && answer.reason === 'unknown_schema')
  }
  assert.deepEqual(asked, [])
  for (let i = 0; i < 3; i++) {
    const answer = await registry.schema(2 ** 31 - 1, 'clicks')
    assert.ok(answer instanceof Rejected && answer.reason === 'unknown_schema')
  }
  assert.equal(asked.length, 1)
})

test('a schema has to be Avro and belong to the topic', async () => {
  const subjects = '/api/schemas/ids/1/versions'
  const of = (subject: string) => json([{ subject, version: 3 }])
  routes = { '/api/schemas/ids/1': json({ schema, schemaType: 'AVRO' }), [subjects]: of('clicks-web.Click') }
  assert.equal(await reasonOf(1), 'schema')
  routes[subjects] = of('clicks-key')
  assert.equal(await reasonOf(1), 'schema_not_allowed')
  routes[subjects] = json({ error_code: 404, message: 'HTTP 404 Not Found' }, 404) // A registry that can't tell.
  assert.equal(await reasonOf(1), 'schema')
  routes['/api/schemas/ids/1'] = json({ schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' })
  assert.equal(await reasonOf(1), 'schema_not_allowed')
})

test('a schema’s subjects are asked for again before a topic is refused, and no more often than that', async (t) => {
  const subjects = [{ subject: 'clicks-value', version: 1 }]
  const versions = 'GET /api/schemas/ids/7/versions'
  routes = {
    '/api/schemas/ids/7': json({ schema }),
    '/api/schemas/ids/7/versions': (response, request, body) => json(subjects)(response, request, body),
  }
  const start = performance.now()
  let passedMs = 0
  t.mock.method(performance, 'now', () => start + passedMs)
  const registry = connectRegistry(options)
  const isRefused = async (topic: string) => (await registry.schema(7, topic)) instanceof Rejected
  assert.equal(await isRefused('clicks'), false)
  subjects.push({ subject: 'orders-value', version: 1 })
  assert.equal(await isRefused('orders'), false, 'registered since')
  asked = []
  for (let i = 0; i < 100; i++) assert.equal(await isRefused('views'), true)
  assert.deepEqual(asked, [versions])
  subjects.push({ subject: 'views-value', version: 1 })
  passedMs = 60_000
  await sleep(10) // The cache reads the clock once a millisecond.
  assert.equal(await isRefused('views'), false)
  assert.equal(await isRefused('clicks'), false)
  assert.deepEqual(asked, [versions, versions])

  routes['/api/schemas/ids/7/versions'] = (response) => response.destroy()
  await assert.rejects(registry.schema(7, 'returns'), { code: 'unavailable' })
  assert.equal(await isRefused('clicks'), false, 'what is known goes on without the registry')
})

test('a registry that can not answer now, or something else in its place, makes it throw, and is asked again', async () => {
  const html =
    (status: number): Handler =>
    (response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>')
  const cut: Handler = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ schema }).slice(0, -20))
  }
  const away: Record<string, Handler> = {
    'an error of its own': json({ error_code: 50001 }, 500),
    'a full gateway': json({}, 429),
    'a closed connection': (response) => response.destroy(),
    'a connection closed within the answer': (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 }).write('{"schema":')
      response.destroy()
    },
  }
  const foreign: Record<string, Handler> = {
    'a page with status 200': html(200),
    'a page with status 404': html(404),
    'a gateway without a route': json({ message: 'no Route matched with those values' }, 404),
    'a wrong path of a registry': json({ error_code: 404, message: 'HTTP 404 Not Found' }, 404),
    'a redirect': (response) => response.writeHead(302, { location: '/api/elsewhere' }).end(),
    'JSON cut short': cut,
    'an error with status 200': json({ error_code: 40403, message: 'Schema not found', schema }),
    'no content': (response) => response.writeHead(204).end(),
    'another type': json({ schema: { type: 'record' } }),
    'a list': json([schema]),
    'an error of another question': json({ error_code: 42201 }, 422),
  }
  const registry = connectRegistry(options)
  routes['/api/elsewhere'] = json({ schema })
  for (const [name, answer] of Object.entries({ ...away, ...foreign })) {
    routes['/api/schemas/ids/1'] = answer
    const code = name in away ? 'unavailable' : 'not_a_registry'
    await assert.rejects(registry.schema(1, 'clicks'), { name: 'RegistryError', code }, name)
  }
  assert.ok(!asked.includes('GET /api/elsewhere'))
  for (const status of [401, 403]) {
    routes['/api/schemas/ids/1'] = json({ error_code: status }, status)
    await assert.rejects(registry.schema(1, 'clicks'), { name: 'RegistryError', code: 'refused' })
  }
  routes['/api/schemas/ids/1'] = json({ schema })
  routes['/api/schemas/ids/1/versions'] = html(200)
  await assert.rejects(registry.schema(1, 'clicks'), { code: 'not_a_registry' }, 'of its subjects')
  routes['/api/schemas/ids/1/versions'] = json([{ subject: 'clicks-value', version: 1 }])
  assert.deepEqual(await registry.schema(1, 'clicks'), { text: schema, references: [] })
})

test('a schema longer than an answer may be is a bad one', async () => {
  routes['/api/schemas/ids/1'] = json({ schema: 'x'.repeat(5 * 1024 * 1024) })
  assert.equal(await reasonOf(1), 'bad_schema')
})

test('references come in the order in which they can be parsed', async () => {
  const named = (name: string, fields: readonly unknown[]) => JSON.stringify({ type: 'record', name, fields })
  const of = (...subjects: string[]) => subjects.map((subject) => ({ name: subject, subject, version: 1 }))
  const [a, b, c] = [
    named('A', []),
    named('B', [{ name: 'a', type: 'A' }]),
    named('C', [
      { name: 'a', type: 'A' },
      { name: 'b', type: 'B' },
    ]),
  ]
  routes = {
    '/api/schemas/ids/1': json({ schema: c, references: of('b/b', 'a') }),
    '/api/subjects/b%2Fb/versions/1': json({ schema: b, references: of('a') }),
    '/api/subjects/a/versions/1': json({ schema: a }),
  }
  const answer = await ask(1)
  assert.ok(!(answer instanceof Rejected))
  assert.deepEqual(answer.references, [a, b])
  assert.ok(!(parseAvroSchema(answer.text, answer.references) instanceof Rejected))

  const many = Array.from({ length: 17 }, (_, i) => `s${i}`)
  for (const subject of many) routes[`/api/subjects/${subject}/versions/1`] = json({ schema: a })
  const bad = [of(...many), of('nowhere'), [{ subject: 'a', version: '1/../../x' }], 'a']
  for (const references of bad) {
    routes['/api/schemas/ids/2'] = json({ schema: c, references })
    assert.equal(await reasonOf(2), 'bad_schema')
  }
})

test('registers a schema, and tells whether a subject would accept it', async () => {
  const bodies: string[] = []
  const noting =
    (answer: Handler): Handler =>
    (response, request, body) => {
      bodies.push(body)
      answer(response, request, body)
    }
  routes = {
    '/api/subjects/actions-value/versions': noting(json({ id: 12 })),
    '/api/subjects/taken/versions': json({ error_code: 409 }, 409),
    '/api/subjects/odd/versions': json({ ok: true }),
    '/api/compatibility/subjects/actions-value/versions/latest': json({ is_compatible: false }),
  }
  const registry = connectRegistry(options)
  assert.equal(await registry.register('actions-value', schema), 12)
  assert.deepEqual(JSON.parse(bodies[0]!), { schema })
  await assert.rejects(registry.register('taken', schema), { code: 'incompatible' })
  await assert.rejects(registry.register('odd', schema), { code: 'invalid' })
  assert.equal(await registry.isCompatible('actions-value', schema), false)
  assert.equal(await registry.isCompatible('new-value', schema), true)
})

test('credentials go into a header, never into the URL', async () => {
  let authorization: string | undefined
  routes['/api/schemas/ids/1'] = (response, request, body) => {
    authorization = request.headers.authorization
    json({ schema })(response, request, body)
  }
  await connectRegistry({ ...options, username: 'beckon', password: 's:ecret' }).schema(1, 'clicks')
  assert.equal(authorization, `Basic ${Buffer.from('beckon:s:ecret').toString('base64')}`)
  await connectRegistry({ ...options, token: 'abc' }).schema(1, 'clicks')
  assert.equal(authorization, 'Bearer abc')
  assert.throws(() => connectRegistry({ url: 'http://user:secret@127.0.0.1' }))
})
