import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it, mock } from 'node:test'
import { readConfig } from './config/load.ts'
import { compileEngine, type Engine } from './engine.ts'
import { ownVersion } from './fold-settings.ts'
import { LiveRules } from './live-rules.ts'
import { LogError } from './log/log.ts'
import { MemoryLog } from './log/memory/memory-log.ts'
import { createMetrics } from './ops/metrics.ts'
import { Outages } from './ops/outages.ts'
import { encodeRules } from './rules/deployed.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-live-'))
after(() => rmSync(folder, { recursive: true }))

function engineOf(events: number): Engine {
  const file = join(folder, `${events}.yaml`)
  writeFileSync(
    file,
    `kafka: { brokers: ["localhost:9092"], group: group }
clickhouse: { url: "http://localhost:8123" }
topics: [{ name: events, format: json }]
features: [{ name: seen, count: {}, window: lifetime }]
actions: [{ name: tell, when: "seen >= ${events}" }]`,
  )
  return compileEngine(readConfig(file, {}))
}

const [file, second, third] = [engineOf(1), engineOf(2), engineOf(3)]

describe('the rules of a service', () => {
  let log: MemoryLog
  let metrics: ReturnType<typeof createMetrics>
  let isThere: boolean | undefined
  const told: string[] = []
  const say = (event: string) => void told.push(event)
  const logger = () =>
    new Outages(
      { debug: () => undefined, info: say, warn: say, error: say },
      { clickhouse: '', kafka: '', registry: '' },
      () => undefined,
    )

  beforeEach(async () => {
    log = new MemoryLog()
    await log.createTopics([{ topic: 'beckon.rules', partitions: 1 }])
    metrics = createMetrics([], [], [], false)
    isThere = true
    told.length = 0
  })

  const open = () => LiveRules.open(file, { log, logger: logger(), metrics, isThere: () => isThere })
  const deploy = ({ policy, policyText: text }: Engine, madeBy = ownVersion()) =>
    log.append([encodeRules('beckon.rules', 'group', { policy: policy.version, text, madeBy })])
  const seriesOf = async (name: 'rulesCurrent' | 'policyInfo') =>
    (await metrics[name].get()).values.map(({ value }) => value)

  it("are the file's where there is no topic, and those deployed where there are any", async () => {
    isThere = false
    assert.equal((await open()).engine, file)
    isThere = true
    await deploy(second)
    const live = await open()
    assert.equal(live.engine.policy.version, second.policy.version)
    assert.deepEqual(told, ['rules.deployed'])
    assert.deepEqual(live.detail, { rules: { policy: second.policy.version, source: 'deployed' } })
  })

  it('are not known where no broker says whether the topic is there', async () => {
    isThere = undefined
    await assert.rejects(open(), { code: 'unavailable' })
  })

  it('are not known where the topic is there and does not answer', async () => {
    mock.method(log, 'offsets', () => Promise.reject(new LogError('unavailable', 'away')), { times: 1 })
    await assert.rejects(open(), { code: 'unavailable' })
  })

  it("are the file's where the topic may not be read, which is told", async () => {
    mock.method(log, 'offsets', () => Promise.reject(new LogError('refused', 'no right')), { times: 1 })
    const live = await open()
    assert.equal(live.engine, file)
    assert.deepEqual(told, ['rules.unread'])
    assert.deepEqual(live.detail, { rules: { policy: file.policy.version, source: 'file', not_current: 'no right' } })
    assert.deepEqual(await seriesOf('rulesCurrent'), [0])
  })

  describe('while it runs', () => {
    /** Lets the service look once, and waits until it has done what comes of that. */
    async function look(live: LiveRules, prepare = async (engine: Engine) => engine): Promise<Engine[]> {
      mock.timers.enable({ apis: ['setTimeout'] })
      const adopted: Engine[] = []
      const end = live.follow({
        prepare,
        adopt: async (engine, prepared) => {
          assert.equal(engine, prepared)
          adopted.push(engine)
        },
      })
      mock.timers.tick(2_000)
      for (let i = 0; i < 200; i++) await Promise.resolve()
      end()
      mock.timers.reset()
      return adopted
    }

    it('are taken when they are deployed, the newest only', async () => {
      const live = await open()
      await deploy(second)
      await deploy(third)
      const adopted = await look(live)
      assert.deepEqual(
        adopted.map(({ policy }) => policy.version),
        [third.policy.version],
      )
      assert.equal(live.engine, adopted[0])
      assert.deepEqual(told, ['rules.adopted'])
      assert.deepEqual(await seriesOf('rulesCurrent'), [1])
      assert.equal((await seriesOf('policyInfo')).length, 1, 'those before are not told any more')
    })

    it('are passed over where others come while the store is waited for', async () => {
      const live = await open()
      await deploy(second)
      let isFirst = true
      const adopted = await look(live, async (engine) => {
        if (isFirst) await deploy(third)
        isFirst = false
        return engine
      })
      assert.deepEqual(
        adopted.map(({ policy }) => policy.version),
        [third.policy.version],
      )
    })

    it('stay where what is deployed is refused, and that is told once', async () => {
      await deploy(second)
      const live = await open()
      told.length = 0
      await deploy(third, '99.0.0')
      assert.deepEqual(await look(live), [])
      assert.deepEqual(await look(live), [])
      assert.equal(live.engine.policy.version, second.policy.version)
      assert.deepEqual(told, ['rules.refused'])
      assert.deepEqual(await seriesOf('rulesCurrent'), [0])
      await deploy(third)
      assert.equal((await look(live)).length, 1)
      assert.deepEqual(await seriesOf('rulesCurrent'), [1])
    })

    it('stay where the topic is gone, and where it can not be read for a while', async () => {
      await deploy(second)
      const live = await open()
      told.length = 0
      isThere = false
      assert.deepEqual(await look(live), [])
      assert.match(JSON.stringify(live.detail), /not there any more/)
      isThere = true
      mock.method(log, 'offsets', () => Promise.reject(new LogError('unavailable', 'away')), { times: 1 })
      assert.deepEqual(await look(live), [])
      assert.deepEqual(await look(live), [])
      assert.deepEqual(live.detail, { rules: { policy: second.policy.version, source: 'deployed' } })
    })
  })
})
