import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadConfig } from './config/load.ts'
import { earlierEngine, Unlike } from './earlier.ts'
import { compileEngine, type Engine } from './engine.ts'
import { Event } from './events/event.ts'
import { readSchema } from './schema-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-earlier-'))
after(() => rmSync(folder, { recursive: true }))

function open({ where = 'true', rest = '', topic = 'format: json' } = {}): Engine {
  const file = join(folder, 'beckon.yaml')
  writeFileSync(
    file,
    `kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123", username: u, password: hush }
topics: [{ name: clicks, ${topic} }]
features: [{ name: seen, count: {}, where: '${where}', window: lifetime }]
${rest}`,
  )
  return compileEngine(loadConfig(file, {}))
}

const under = (now: Engine, then: Engine) =>
  earlierEngine(now, { policyText: then.policyText, settingsText: then.settings.text })
const engineOf = (found: Engine | Unlike): Engine => (found instanceof Unlike ? assert.fail(found.detail) : found)

describe('the engine under earlier settings', () => {
  it('folds as it did then, and is the present one in all else', () => {
    const then = open({
      rest: `dedupe: { window: 5m, max_ids: 7 }
limits: { future: 1m, max_event_kb: 9 }
enrich: { user_agent: false, internal_domains: [shop.test], session: { idle: 10m, max: 20m } }
output: { format: wire, schema_id: 3 }`,
    })
    const now = open({ rest: 'output: { actions: other }\nslice: { max_events: 5 }' })
    const { config, settings } = engineOf(under(now, then))
    assert.equal(settings.hash, then.settings.hash)
    for (const section of ['dedupe', 'limits', 'enrich'] as const)
      assert.deepEqual(config[section], then.config[section])
    assert.equal(config.output.format, 'wire')
    assert.equal(config.output.actions, 'other')
    assert.equal(config.slice.max_events, 5)
  })

  it('has the very same rules if these did not change', () => {
    const now = open()
    const { features, policy } = engineOf(under(now, open({ rest: 'dedupe: { window: 5m }' })))
    assert.equal(features, now.features)
    assert.equal(policy, now.policy)
    assert.equal(under(now, now), now)
  })

  it('reads with the earlier schema, even if its file is gone', () => {
    const schema = join(folder, 'clicks.avsc')
    writeFileSync(schema, readSchema('event'))
    const then = open({ topic: `format: avro, schema: ${schema}` })
    rmSync(schema)
    const { decoders } = engineOf(under(open(), then))
    assert(decoders.get('clicks'))
  })

  it('needs the same geo database only if the rules read the customer’s location', () => {
    const withGeo = (engine: Engine, bytes: string, place: string): Engine => {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const geo = { read: () => ({ country: { iso_code: place } }), type: 'test', builtAtMs: 0, sha256 }
      const settings = engine.settings.text.replace('"geo":""', `"geo":"${sha256}"`)
      return { ...engine, geo, settings: { ...engine.settings, text: settings } }
    }
    const placeOf = ({ enrich }: Engine) => enrich(Object.assign(new Event(), { ip: '8.8.8.8' })).geo.country
    const [plain, local] = [open(), open({ where: 'country == "CZ"' })]
    const found = under(withGeo(local, 'new', 'DE'), withGeo(local, 'old', 'CZ'))
    assert(found instanceof Unlike && found.reason === 'settings')
    assert.match(found.detail, /the geo database had the SHA-256 [0-9a-f]{64}, now it is .* the rules read country/)
    assert.equal(placeOf(engineOf(under(withGeo(plain, 'new', 'DE'), withGeo(plain, 'old', 'CZ')))), 'DE')
    const other = open({ where: 'country == "CZ"', rest: 'dedupe: { window: 5m }' })
    assert.equal(placeOf(engineOf(under(withGeo(local, 'old', 'CZ'), withGeo(other, 'old', 'CZ')))), 'CZ')
    assert.equal(placeOf(engineOf(under(withGeo(local, 'new', 'DE'), local))), '', 'there was none')
  })

  it('can’t be had for another fold version, nor for texts that are gone or not ours', () => {
    const now = open()
    const { policyText: policy } = now
    const unlike = (settings: string | undefined, text: string | undefined = policy) => {
      const found = earlierEngine(now, { policyText: text, settingsText: settings })
      return found instanceof Unlike ? `${found.reason}: ${found.detail}` : assert.fail('it is there')
    }
    const later = now.settings.text.replace(/"fold":\d+/, '"fold":99').replace(/"beckon":"[^"]+"/, '"beckon":"9.9.9"')
    assert.match(unlike(later), /^settings: beckon 9\.9\.9 folds as of 99, and this one as of \d+: run beckon 9\.9\.9/)
    assert.match(unlike(undefined), /^settings: the table settings does not have them/)
    assert.match(unlike('{'), /^settings: .* none of beckon/)
    assert.match(unlike('', '{}'), /^policy: this version/)
    assert.match(
      earlierEngine(now, { policyText: undefined, settingsText: '' }) instanceof Unlike ? 'policy' : '',
      /policy/,
    )
  })

  it('has the defaults for settings that the version of that time did not have', () => {
    const now = open()
    const { enrich, ...rest } = JSON.parse(now.settings.text)
    const { campaign: _, ...older } = enrich
    const found = engineOf(
      earlierEngine(now, { policyText: now.policyText, settingsText: JSON.stringify({ ...rest, enrich: older }) }),
    )
    assert.deepEqual(found.config.enrich, now.config.enrich)
  })
})

describe('the text of the settings', () => {
  it('has a hash that changes only with what decides how events are folded', () => {
    const { hash } = open().settings
    assert.equal(open({ rest: 'slice: { max_events: 5 }\nops: { port: 1234 }' }).settings.hash, hash)
    const others = ['dedupe: { window: 5m }', 'limits: { future: 1m }', 'enrich: { session: { max: 1h } }']
    for (const rest of others) assert.notEqual(open({ rest }).settings.hash, hash, rest)
    assert.notEqual(open({ topic: 'format: json, tombstones: dead_letter' }).settings.hash, hash)
    assert.equal(open({ rest: 'enrich: { session: { idle: 10m } }' }).settings.hash, hash, 'a rule')
  })

  it('holds no address and no secret', () => {
    const { text } = open().settings
    assert.doesNotMatch(text, /hush|localhost|8123|9092/)
  })
})
