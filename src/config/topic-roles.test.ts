import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import avro from 'avsc'
import { compileEngine } from '../engine.ts'
import type { Statement } from '../ingest/ingest.ts'
import { Rejected } from '../ingest/rejected.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { compileStages } from '../stages.ts'
import { consentHints } from './consent-hints.ts'
import { ConfigError } from './fault.ts'
import { readConfig } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-roles-'))
after(() => rmSync(folder, { recursive: true }))
const nowMs = Date.UTC(2026, 2, 1)

function compiled(topic: object, rules: object = {}) {
  const file = join(folder, 'beckon.yaml')
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  writeFileSync(file, JSON.stringify({ ...servers, topics: [{ name: 't', format: 'json', ...topic }], ...rules }))
  return compileEngine(readConfig(file, {}))
}

function faultsOf(topic: object, rules: object = {}): string[] {
  try {
    compiled(topic, rules)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
}

/** What a record becomes: as a row of values, or why it is a dead letter. */
async function decoded(topic: object, value: object | Buffer) {
  const log = new MemoryLog(() => nowMs)
  await log.createTopics([{ topic: 't', partitions: 1 }])
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))
  await log.append([{ topic: 't', partition: 0, key: 'k', value: bytes, headers: {} }])
  for await (const batch of log.read('t', 0, 0, 1)) {
    const one = compileStages(compiled(topic), 'json').decode(batch, 0, nowMs)
    if (one instanceof Rejected) return `${one.reason}: ${one.detail}`
    const statement = one as Statement
    if (!('event' in statement)) return { ...statement }
    const { customer, timeMs, type, traits, properties } = statement.event
    assert.deepEqual([type, properties.names.length], ['', 0])
    return { customer, timeMs, traits: JSON.parse(JSON.stringify(traits.toObject())) }
  }
  return assert.fail('the log gave no batch')
}

describe('a topic of traits', () => {
  const rows = { role: 'traits', mapping: { customer: 'id', time: { field: 'at', unit: 's' } } }
  const atMs = 1_767_225_600_000

  it('has as traits what its mapping does not name, null included, or what it names', async () => {
    const row = { id: 7, at: atMs / 1_000, tier: 'gold', phone: null, address: { city: 'Brno' } }
    const traits = { tier: 'gold', phone: null, address: { city: 'Brno' } }
    assert.deepEqual(await decoded(rows, row), { customer: '7', timeMs: atMs, traits })
    const after = { customer: 'after.id', time: 'after.at', traits: 'after' }
    const change = { op: 'u', before: null, after: { id: 'x', at: atMs, tier: null } }
    assert.deepEqual(await decoded({ role: 'traits', mapping: after }, change), {
      customer: 'x',
      timeMs: atMs,
      traits: { id: 'x', at: atMs, tier: null },
    })
  })

  it('takes identify calls where it has no mapping', async () => {
    const call = { type: 'identify', userId: 'ada', timestamp: atMs, traits: { age: 3 }, context: { ip: '192.0.2.1' } }
    assert.deepEqual(await decoded({ role: 'traits' }, call), { customer: 'ada', timeMs: atMs, traits: { age: 3 } })
  })

  it('keeps the nulls of Avro, in columns and in a record', async () => {
    const optional = ['null', 'string']
    const inner = { type: 'record', name: 'Address', fields: [{ name: 'city', type: optional }] }
    const fields = [
      { name: 'id', type: 'string' },
      { name: 'at', type: 'long' },
      { name: 'tier', type: optional },
      { name: 'phone', type: optional },
      { name: 'more', type: inner },
    ]
    const schema = { type: 'record', name: 'Row', fields }
    const file = join(folder, 'row.avsc')
    writeFileSync(file, JSON.stringify(schema))
    const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never' })
    const value = type.toBuffer({ id: 'ada', at: atMs / 1_000, tier: null, phone: '1', more: { city: null } })
    const topic = { ...rows, format: 'avro', schema: file }
    const flat = (await decoded(topic, value)) as { traits: object }
    assert.deepEqual(flat.traits, { tier: null, phone: '1', more: { city: null } })
    const within = (await decoded({ ...topic, mapping: { ...rows.mapping, traits: 'more' } }, value)) as {
      traits: object
    }
    assert.deepEqual(within.traits, { city: null })
  })

  it('is refused a mapping without a customer or a time, or with what nothing looks at', () => {
    assert.match(String(faultsOf({ role: 'traits', mapping: { customer: 'id' } })), /mapping\.time: missing/)
    const faults = faultsOf({ role: 'traits', mapping: { ...rows.mapping, url: 'u', given: 'g' } })
    assert.match(String(faults), /mapping\.url: of no use in a topic with role: traits.*mapping\.given: of no use/)
  })
})

describe('a topic of consent', () => {
  const atMs = 1_767_225_600_000
  const said = { customer: 'ada', purpose: 'news', channel: 'email', given: true, timeMs: atMs }

  it('reads our own records, in JSON and Avro', async () => {
    const record = { customer: 'ada', purpose: 'news', channel: 'email', given: true, time: atMs }
    assert.deepEqual(await decoded({ role: 'consent' }, record), said)
    const { channel: _all, ...ofAll } = record
    assert.deepEqual(await decoded({ role: 'consent' }, { ...ofAll, time: new Date(atMs) }), { ...said, channel: '' })
    const schema = JSON.stringify({
      type: 'record',
      name: 'Consent',
      fields: [
        ...['customer', 'purpose', 'channel'].map((name) => ({ name, type: 'string' })),
        { name: 'given', type: 'boolean' },
        { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
      ],
    })
    const value = avro.Type.forSchema(JSON.parse(schema)).toBuffer(record)
    assert.deepEqual(await decoded({ role: 'consent', format: 'avro' }, value), said)
  })

  it('reads foreign ones: by path, expression or constant', async () => {
    const mapping = {
      customer: 'who.id',
      purpose: { cel: 'record.category == "C0004" ? "news" : record.category' },
      channel: { constant: 'email' },
      given: { cel: 'record.status == "ACTIVE"' },
      time: { field: 'updated', unit: 's' },
    }
    const record = { who: { id: 'ada' }, category: 'C0004', status: 'ACTIVE', updated: atMs / 1_000 }
    assert.deepEqual(await decoded({ role: 'consent', mapping }, record), said)
    assert.deepEqual(await decoded({ role: 'consent', mapping }, { ...record, status: 'x' }), { ...said, given: false })
    const byPath = { ...mapping, given: ['opt.in', 'optin'] }
    assert.deepEqual(await decoded({ role: 'consent', mapping: byPath }, { ...record, opt: { in: 'granted' } }), said)
    assert.deepEqual(await decoded({ role: 'consent', mapping: byPath }, { ...record, optin: 1 }), said)
    assert.match(String(await decoded({ role: 'consent', mapping: byPath }, record)), /^range: .* neither gives nor/)
    const noPurpose = { ...mapping, purpose: 'p' }
    assert.match(String(await decoded({ role: 'consent', mapping: noPurpose }, record)), /purpose, from p$/)
  })

  it('is refused a mapping that lacks a part, and one of events what is of consent alone', () => {
    const all = { customer: 'c', purpose: 'p', given: 'g', time: 't' }
    assert.deepEqual(faultsOf({ role: 'consent', mapping: all }), [])
    for (const key of Object.keys(all)) {
      const faults = faultsOf({ role: 'consent', mapping: { ...all, [key]: undefined } })
      assert.match(String(faults), new RegExp(`mapping\\.${key}: missing`))
    }
    const ofEvents = { customer: 'c', type: 'x', time: 't', purpose: 'p' }
    assert.match(String(faultsOf({ mapping: ofEvents })), /mapping\.purpose: only a topic with role: consent/)
  })

  it('is needed by an action with a purpose; one without is hinted at', () => {
    const actions = [
      { name: 'sell', when: 'true', purpose: 'news' },
      { name: 'serve', when: 'true' },
    ]
    assert.match(
      String(faultsOf({}, { actions })),
      /^actions\.0\.purpose: no topic says who has given consent.*role: consent/,
    )
    const { config } = compiled({ role: 'consent' }, { actions })
    assert.deepEqual(
      consentHints(config).map(({ path, message }) => [path.join('.'), message]),
      [['actions.1', 'serve has no purpose, so it needs no consent']],
    )
  })
})
