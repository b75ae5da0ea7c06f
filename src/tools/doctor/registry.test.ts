import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { compileDecoder } from '../../ingest/decode.ts'
import { checkRegistry, checkSchemas } from './registry.ts'
import type { World } from './world.ts'

describe('the checks of the registry', () => {
  let answers: Readonly<Record<string, unknown>> = {}
  const server = createServer((request, response) => {
    const body = answers[request.url ?? '']
    response.writeHead(body === undefined ? 404 : 200).end(JSON.stringify(body ?? { error_code: 40401 }))
  })
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => server.close())

  function world(schemaText = ''): World {
    const decoder = compileDecoder({ format: 'confluent' })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return {
      config: { registry: { url }, topics: [{ name: 'clicks', format: 'registry' }] },
      registry: () => ({ schema: async () => ({ text: schemaText, references: [] }) }),
      engine: () => ({ decoders: new Map([['clicks', decoder]]) }),
    } as never as World
  }

  it('read the compatibility level under either of its names', async () => {
    answers = { '/config': { compatibilityLevel: 'BACKWARD' } }
    assert.match((await checkRegistry(world())).detail, /level BACKWARD$/)
    answers = { '/config': { compatibility: 'NONE' } }
    assert.equal((await checkRegistry(world())).status, 'warn')
    answers = {}
    assert.match((await checkRegistry(world())).detail, /answers 404/)
  })

  it('say that nothing answers', async () => {
    const away = { config: { registry: { url: 'http://127.0.0.1:1' } } } as never as World
    const { status, detail } = await checkRegistry(away)
    assert.equal(status, 'fail')
    assert.match(detail, /^http:\/\/127\.0\.0\.1:1 does not answer as a registry: /)
  })

  it('tell a schema that the mapping can use from one that it can not, and from none', async () => {
    const record = (...names: string[]) =>
      JSON.stringify({ type: 'record', name: 'Click', fields: names.map((name) => ({ name, type: 'string' })) })
    answers = { '/subjects/clicks-value/versions/latest': { id: 7, version: 3 } }
    const usable = await checkSchemas(world(record('userId', 'event', 'timestamp')))
    assert.deepEqual([usable.status, usable.detail], ['ok', 'clicks-value version 3'])
    const useless = await checkSchemas(world(record('colour')))
    assert.equal(useless.status, 'fail')
    assert.match(useless.detail, /^clicks-value version 3: the schema has no field for/)
    answers = {}
    assert.deepEqual((await checkSchemas(world())).status, 'warn')
  })
})
