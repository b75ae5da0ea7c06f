import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from './load.ts'
import { propertyHints } from './property-hints.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-property-hints-'))
after(() => rmSync(folder, { recursive: true }))

const text = { type: 'string' }
const record = (name: string, ...fields: readonly string[]) => ({
  type: 'record',
  name,
  fields: fields.map((field) => ({ name: field, type: 'string' })),
})
const schemaWith = (...fields: readonly { name: string; type: unknown }[]) =>
  JSON.stringify({ type: 'record', name: 'R', fields: [...record('H', 'uid', 'what', 'at').fields, ...fields] })
const mapping = { customer: 'uid', type: 'what', time: 'at' }

function hintsOf(topics: readonly { schema: string; mapping?: object; format?: string }[], rules: object): string[] {
  const file = join(folder, 'beckon.yaml')
  const written = topics.map(({ schema, mapping: over, format = 'avro' }, i) => {
    writeFileSync(join(folder, `${i}.avsc`), schema)
    return { name: `t${i}`, format, schema: `${i}.avsc`, mapping: { ...mapping, ...over } }
  })
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  writeFileSync(file, JSON.stringify({ ...servers, topics: written, ...rules }))
  const { config } = loadConfig(file, {})
  return propertyHints(config, ({ name }) => topics[Number(name.slice(1))]!.schema).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )
}

const price = schemaWith({ name: 'price', type: 'double' }, { name: 'ctx', type: record('Ctx', 'url', 'lang') })
const rules = {
  features: [
    {
      name: 'a',
      sum: 'properties.prise',
      where: 'properties["ctx"].url != "" && has(properties.colour)',
      window: 'lifetime',
    },
    { name: 'b', last: 'properties.uid', window: 'lifetime' },
  ],
  actions: [
    { name: 'c', when: 'a > 1.0', payload: { p: { cel: 'properties.price' }, q: { cel: 'properties.prices' } } },
  ],
}

test('a property that no topic gives is reported if schema files list all properties', () => {
  assert.deepEqual(hintsOf([{ schema: price }], rules), [
    'features.0.where: no topic gives the property colour',
    'features.0.sum: no topic gives the property prise; did you mean price?',
    // It is the customer.
    'features.1.last: no topic gives the property uid',
    'actions.0.payload.q.cel: no topic gives the property prices; did you mean price?',
  ])
  // Another topic gives it; of a record of which a field is mapped, the others have their path for a name.
  const other = schemaWith({ name: 'attrs', type: record('Attrs', 'colour', 'prise') }, { name: 'prices', type: text })
  assert.deepEqual(
    hintsOf(
      [
        { schema: price, mapping: { url: 'ctx.url' } },
        { schema: other, mapping: { properties: 'attrs' } },
      ],
      rules,
    ),
    ['features.0.where: no topic gives the property ctx', 'features.1.last: no topic gives the property uid'],
  )
})

test('nothing is reported if properties may have any name', () => {
  const map = schemaWith({ name: 'attrs', type: { type: 'map', values: 'string' } })
  for (const properties of ['attrs', 'uid'])
    assert.deepEqual(hintsOf([{ schema: map, mapping: { properties } }], rules), [])
  assert.deepEqual(hintsOf([{ schema: map, mapping: { url: 'attrs.url' } }], rules), [])
  assert.deepEqual(hintsOf([{ schema: price }, { schema: price, format: 'json' }], rules), [])
})
