import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../config/load.ts'
import { compileEngine, type Engine } from '../../engine.ts'
import type { Profile } from '../../profiles/profile.ts'
import { ProfileRows } from '../../profiles/profile-rows.ts'
import { createShop } from '../demo/shop.ts'
import { readMappingFile } from './mapping-file.ts'
import { MemoryProfiles } from './memory-profiles.ts'
import { Replay } from './replay.ts'
import { readRuleFile } from './rules/rule-file.ts'
import { runCase } from './rules/run-case.ts'

const folder = fileURLToPath(new URL('../../../../examples/', import.meta.url))
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
const called = (name: string) => files.filter((path) => path.endsWith(name)).map((path) => join(folder, path))
/** Each is a configuration of its own with what happens under it. */
const scenarios = join(folder, 'scenarios/')

/** As if the service were started again before each event. */
class StoredProfiles extends MemoryProfiles {
  readonly #rows: ProfileRows

  constructor({ features, policy: { timers } }: Engine) {
    super(timers)
    this.#rows = new ProfileRows(0, { features, timers, policy: '' })
  }

  override of(customer: string): Profile {
    const profile = this.#rows.read(customer, this.#rows.stateOf(super.of(customer)))
    this.profiles.set(customer, profile)
    return profile
  }
}

describe('the examples', () => {
  it('are configurations and mappings without a fault', () => {
    const names = called('beckon.yaml').map((file) => {
      const { features } = compileEngine(loadConfig(file, {}))
      return `${file.slice(folder.length)}: ${features.features.length} features`
    })
    assert.ok(names.length >= 4, names.join())
    for (const file of called('mapping.yaml')) assert.ok(readMappingFile(file).customer)
  })

  it('pass their rule tests, which try every action', () => {
    const tried = new Map<string, Set<string>>()
    for (const name of called('.test.yaml').filter((name) => !name.startsWith(scenarios))) {
      const file = readRuleFile(name)
      const names = file.engine.policy.names.join()
      const seen = tried.get(names) ?? new Set()
      tried.set(names, seen)
      for (const one of file.cases) {
        assert.deepEqual(runCase(file, one), [], `${name}: ${one.name}`)
        for (const step of one.steps) for (const action of step.expected?.actions ?? []) seen.add(action)
      }
    }
    assert.equal(tried.size, 3, 'the shop, the abandoned cart and the win-back')
    for (const [names, seen] of tried) assert.equal([...seen].sort().join(), names)
  })

  it('tell stories that come out as they say', () => {
    for (const name of called('.test.yaml').filter((name) => name.startsWith(scenarios))) {
      const file = readRuleFile(name)
      for (const one of file.cases) assert.deepEqual(runCase(file, one), [], `${name}: ${one.name}`)
    }
  })

  it('come out the same where each profile is stored and read again whenever it is asked for', () => {
    for (const name of called('.test.yaml')) {
      const file = readRuleFile(name)
      for (const one of file.cases) {
        assert.deepEqual(runCase(file, one, new StoredProfiles(file.engine)), [], `${name}: ${one.name}`)
      }
    }
  })

  it('find something to do for the visitors of the demo shop, and leave most of them alone', async () => {
    const shop = createShop({ seed: 5, customers: 500, startMs: Date.UTC(2026, 0, 1) })
    const lines = Array.from({ length: 10_000 }, (_, i) => {
      const record = shop.next()
      assert.ok(record.fault === null)
      return { kind: 'json', line: i + 1, bytes: Buffer.from(JSON.stringify(record.event)) } as const
    })
    async function* rows() {
      yield lines
    }
    const run = new Replay(
      compileEngine(loadConfig(join(folder, 'shop/beckon.yaml'), {})),
      'shop.events',
      Date.UTC(2100, 0, 1),
    )
    for await (const actions of run.actions({ name: 'shop', rows: rows(), mapping: undefined })) assert.ok(actions)
    const { actions, events } = run.summary()
    assert.equal(events, 10_000)
    for (const name of ['remind_cart', 'compare_help', 'vip_thank_you']) {
      assert.ok(actions[name]! > 0, `${name}: ${JSON.stringify(actions)}`)
    }
    assert.ok(Object.values(actions).reduce((sum, count) => sum + count) < events / 10)
  })

  it('have the schema of the foreign topic that is benchmarked', () => {
    const schema = (path: string) => JSON.parse(readFileSync(join(folder, path), 'utf8'))
    assert.deepEqual(schema('foreign-avro/clicks.avsc'), schema('../bench/clicks.avsc'))
  })
})
