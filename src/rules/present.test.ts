import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readConfig } from '../config/load.ts'
import { compileEngine, type Engine } from '../engine.ts'
import { ownVersion } from '../fold-settings.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { type Deployed, encodeRules, Refused, type RulesRecord, withdrawn } from './deployed.ts'
import { PresentRules } from './present.ts'
import { takeRules } from './take.ts'
import { RulesTopic } from './topic.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-rules-'))
after(() => rmSync(folder, { recursive: true }))

/** An engine whose action is due after so many events. */
function engineOf(events: number, settings = ''): Engine {
  const file = join(folder, `${events}.yaml`)
  writeFileSync(
    file,
    `kafka: { brokers: ["localhost:9092"], group: group }
clickhouse: { url: "http://localhost:8123" }
topics: [{ name: events, format: json }]
features: [{ name: seen, count: {}, window: lifetime }]
actions: [{ name: tell, when: "seen >= ${events}" }]
${settings}`,
  )
  return compileEngine(readConfig(file, {}))
}

const deployedOf = ({ policy, policyText }: Engine): Deployed => ({
  policy: policy.version,
  text: policyText,
  madeBy: ownVersion(),
})

const file = engineOf(1)
const [second, third] = [engineOf(2), engineOf(3)]

describe('deployed rules', () => {
  it("take the place of the file's, while its settings stay", () => {
    const taken = takeRules(file, deployedOf(engineOf(2, 'dedupe: { window: 5m }\nenrich: { session: { idle: 1h } }')))
    assert(!(taken instanceof Refused))
    assert.equal(taken.rules.actions[0]?.when, 'seen >= 2')
    assert.equal(taken.config.dedupe.window, file.config.dedupe.window)
    assert.equal(taken.config.enrich.session.idle, 3_600_000, 'what is a session is a rule')
    assert.equal(taken.settings.hash, file.settings.hash)
  })

  it('that are what the file says are the same engine', () => {
    assert.equal(takeRules(file, deployedOf(file)), file)
  })

  const cases: readonly (readonly [string, Deployed, Refused['reason']])[] = [
    ['are not what their hash says', { ...deployedOf(second), text: third.policyText }, 'damaged'],
    ['are of a later version of beckon', { ...deployedOf(second), madeBy: '99.0.0' }, 'version'],
    ['are none', hashed('{"rules":[]}'), 'version'],
    ['are no JSON', hashed('rules'), 'version'],
    ['do not compile', hashed(second.policyText.replace('seen >= 2', 'sen >= 2')), 'version'],
    ['have a key that this version does not know', hashed(second.policyText.replace('{', '{"models":[],')), 'version'],
  ]
  for (const [name, deployed, reason] of cases) {
    it(`are refused where they ${name}`, () => {
      const taken = takeRules(file, deployed)
      assert(taken instanceof Refused)
      assert.equal(taken.reason, reason)
    })
  }
})

function hashed(text: string): Deployed {
  const policy = createHash('sha256').update(text).digest('hex').slice(0, 32)
  return { ...deployedOf(second), policy, text }
}

describe('which rules count', () => {
  const foreign = new Refused('foreign', 'it is not of beckon')
  const [b, c] = [deployedOf(second), deployedOf(third)]
  const unfit = { ...c, madeBy: '99.0.0' }
  const cases: readonly {
    readonly name: string
    /** In the order in which they are read; each the newest first. */
    readonly reads: readonly (readonly RulesRecord[])[]
    readonly counts: Engine
    readonly isDeployed: boolean
    readonly refused?: Refused['reason']
  }[] = [
    { name: "the file's where nothing is deployed", reads: [[]], counts: file, isDeployed: false },
    { name: 'those deployed last', reads: [[c, b]], counts: third, isDeployed: true },
    {
      name: 'the earlier ones again once they are deployed again',
      reads: [[b], [c], [b]],
      counts: second,
      isDeployed: true,
    },
    { name: 'the last ones where nothing new has come', reads: [[b], [], []], counts: second, isDeployed: true },
    {
      name: 'the ones before where the newest are refused',
      reads: [[unfit, b]],
      counts: second,
      isDeployed: true,
      refused: 'version',
    },
    {
      name: 'those that run where what comes is refused',
      reads: [[b], [foreign]],
      counts: second,
      isDeployed: true,
      refused: 'foreign',
    },
    {
      name: "the file's where all are refused",
      reads: [[unfit, foreign]],
      counts: file,
      isDeployed: false,
      refused: 'version',
    },
    { name: 'fit ones that come after refused ones', reads: [[foreign], [c]], counts: third, isDeployed: true },
    { name: "the file's after a tombstone", reads: [[b], [withdrawn]], counts: file, isDeployed: false },
    { name: 'those that are as the file has them', reads: [[deployedOf(file)]], counts: file, isDeployed: true },
  ]
  for (const { name, reads, counts, isDeployed, refused } of cases) {
    it(`is ${name}`, () => {
      const rules = new PresentRules(file)
      for (const read of reads) rules.take(read)
      assert.equal(rules.engine.policy.version, counts.policy.version)
      assert.equal(rules.isDeployed, isDeployed)
      assert.equal(rules.refused?.reason, refused)
    })
  }
})

describe('the rules topic', () => {
  async function topicOf() {
    const log = new MemoryLog()
    await log.createTopics([{ topic: 'rules', partitions: 1 }])
    const deploy = (deployed: Deployed, group = 'group') => log.append([encodeRules('rules', group, deployed)])
    return { log, deploy, topic: new RulesTopic(log, 'rules', 'group') }
  }

  it('tells what has come since the last time, the newest first', async () => {
    const { deploy, topic } = await topicOf()
    assert.deepEqual(await topic.read(), [])
    await deploy(deployedOf(second))
    await deploy(deployedOf(third))
    assert.deepEqual(await topic.read(), [deployedOf(third), deployedOf(second)])
    assert.deepEqual(await topic.read(), [])
    await deploy(deployedOf(file))
    assert.deepEqual(await topic.read(), [deployedOf(file)])
  })

  it("has nothing of other groups, and what is no rules under the group's name is refused", async () => {
    const { log, deploy, topic } = await topicOf()
    await deploy(deployedOf(second), 'another')
    await log.append([{ topic: 'rules', key: null, value: Buffer.from('an event'), headers: {} }])
    assert.deepEqual(await topic.read(), [])
    await log.append([{ topic: 'rules', key: 'group', value: Buffer.from('an event'), headers: {} }])
    await log.append([{ topic: 'rules', key: 'group', value: null, headers: {} }])
    const [last, first] = await topic.read()
    assert.equal(last, withdrawn)
    assert(first instanceof Refused)
    assert.equal(first.reason, 'foreign')
  })

  it('keeps no more than the newest of very many', async () => {
    const { deploy, topic } = await topicOf()
    for (let i = 0; i < 50; i++) await deploy({ ...deployedOf(second), madeBy: String(i) })
    const found = await topic.read()
    assert.equal(found.length, 20)
    assert.equal((found[0] as Deployed).madeBy, '49')
  })

  it('that has more records than a topic of rules can have is refused', async () => {
    const { log, topic } = await topicOf()
    const many = Object.assign(Object.create(log) as MemoryLog, { offsets: async () => ({ low: 0, high: 2_000_000 }) })
    await assert.rejects(new RulesTopic(many, 'rules', 'group').read(), { code: 'refused' })
    assert.deepEqual(await topic.read(), [])
  })
})
