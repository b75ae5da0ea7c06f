import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compileDecoder, UnknownSchema } from '../decode.ts'
import { Rejected } from '../rejected.ts'
import { connectRegistry } from './registry.ts'

const url = process.env['BECKON_TEST_REGISTRY']
const missing = 'BECKON_TEST_REGISTRY is not set: no schema registry to test with'
assert.ok(url !== undefined || process.env['CI'] === undefined, missing)

const eventSchema = readFileSync(new URL('../../../../schemas/event.avsc', import.meta.url), 'utf8')

test('a real registry takes our schema, gives it back by its id, and keeps topics apart', {
  skip: url === undefined && missing,
}, async () => {
  const registry = connectRegistry({ url: url! })
  const topic = `ingest-${randomUUID()}`
  const id = await registry.register(`${topic}-value`, eventSchema)
  assert.equal(await registry.register(`${topic}-value`, eventSchema), id)
  assert.equal(await registry.isCompatible(`${topic}-value`, eventSchema), true)

  const fetched = await registry.schema(id, topic)
  assert.ok(!(fetched instanceof Rejected), 'the schema is the topic’s')
  const decoder = compileDecoder({ format: 'confluent' })
  assert.ok(!(decoder instanceof Rejected))
  const frame = Buffer.alloc(5)
  frame.writeInt32BE(id, 1)
  assert.ok(decoder.decode(frame, 0) instanceof UnknownSchema)
  decoder.addSchema(id, fetched, 0)
  const cut = decoder.decode(frame, 0)
  assert.ok(cut instanceof Rejected && cut.reason === 'truncated')

  const other = await registry.schema(id, `${topic}-other`)
  assert.ok(other instanceof Rejected && other.reason === 'schema_not_allowed')
  await registry.register(`${topic}-later-value`, eventSchema)
  assert.ok(!((await registry.schema(id, `${topic}-later`)) instanceof Rejected), 'registered since')
  const unknown = await registry.schema(2_000_000_000, topic)
  assert.ok(unknown instanceof Rejected && unknown.reason === 'unknown_schema')
})

test('what a real registry answers at a wrong path says nothing of a schema', {
  skip: url === undefined && missing,
}, async () => {
  for (const path of ['/nowhere', '/../nowhere']) {
    await assert.rejects(connectRegistry({ url: url! + path }).schema(1, 'clicks'), { code: 'not_a_registry' })
  }
})
