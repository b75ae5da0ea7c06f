import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import avro from 'avsc'

/**
 * `schemas/published/` holds every version of a schema that was ever released, as NAME.vN.avsc, never to be edited. What
 * was written with any of them must stay readable (BACKWARD_TRANSITIVE), and consumers that know only an older version
 * must be able to read what is written now (FORWARD).
 */
const folder = new URL('../../schemas/', import.meta.url)
const typeOf = (file: string) => {
  const schema = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as avro.Schema
  return avro.Type.forSchema(schema, { wrapUnions: 'always' })
}
const published = readdirSync(new URL('published/', folder))

for (const name of ['event', 'action', 'outcome', 'journal']) {
  const versions = published.filter((file) => file.startsWith(`${name}.v`))

  test(`the ${name} schema can be exchanged with all of its published versions`, () => {
    assert(versions.length > 0, 'a schema in use is published')
    const current = typeOf(`${name}.avsc`)
    for (const version of versions) {
      const old = typeOf(`published/${version}`)
      assert.doesNotThrow(() => current.createResolver(old), `${version} can no longer be read`)
      assert.doesNotThrow(() => old.createResolver(current), `readers of ${version} can not read what is written now`)
    }
  })
}

test('the journal is written with the newest of its published schemas', () => {
  const newest = published
    .filter((file) => file.startsWith('journal.v'))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const read = (file: string) => JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  assert.deepEqual(read('journal.avsc'), read(`published/${newest.at(-1)}`), 'publish it as a new version')
})

test('an incompatible change would be seen', () => {
  const current = typeOf('action.avsc')
  const { fields, ...record } = JSON.parse(readFileSync(new URL('action.avsc', folder), 'utf8')) as { fields: object[] }
  const changed = { ...record, fields: [...fields, { name: 'needed', type: 'string' }] } as unknown as avro.Schema
  assert.throws(() => avro.Type.forSchema(changed, { wrapUnions: 'always' }).createResolver(current))
})
