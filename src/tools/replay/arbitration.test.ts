import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { compileEngine } from '../../engine.ts'
import type { Output } from '../../slice-output.ts'
import { MemoryProfiles } from './memory-profiles.ts'
import { RowPipeline } from './row-pipeline.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-arbitration-'))
after(() => rmSync(folder, { recursive: true }))

/** What these rules make of `views` by each of the customers, in turns. */
function play(rules: string, customers: readonly string[], views = 1): Output & { readonly version: string } {
  const name = join(folder, 'beckon.yaml')
  writeFileSync(
    name,
    `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
${rules}`,
  )
  const engine = compileEngine(loadConfig(name, {}))
  const rows = Array.from({ length: views * customers.length }, (_, i) => {
    const view = { userId: customers[i % customers.length], event: 'view', timestamp: 1_767_225_600_000 + i }
    return { kind: 'json', line: i, bytes: Buffer.from(JSON.stringify({ messageId: `m${i}`, ...view })) } as const
  })
  const output = new RowPipeline(engine, { topic: 'events' }).fold(rows, 0, new MemoryProfiles(engine.policy.timers))
  return { ...output, version: engine.policy.version }
}

const many = Array.from({ length: 3_000 }, (_, i) => `customer ${i}`)
const offer = "actions: [{ name: offer, when: 'true', contact: { cooldown: 1d }, group: sales, tags: [spring] }]"

test('an action says its decision, its arm and its probability, and the decision has the same id', () => {
  const rules = `${offer}\nholdout: { share: 0.2, salt: s }\narbitration: { nothing: 0.5, explore: { epsilon: 50 % } }`
  const { actions, decisions, tally } = play(rules, many)
  assert.equal(decisions.length, many.length)
  assert.equal(new Set(decisions.map(({ id }) => id)).size, many.length)
  const held = decisions.filter(({ arm }) => arm === 'holdout')
  assert(Math.abs(held.length / many.length - 0.2) < 0.03)
  for (const { arm, actions, decision } of decisions) {
    assert.equal(arm === 'holdout', decision.nothing === 1)
    if (arm === 'holdout') assert.deepEqual([actions.length, decision.candidates[0]!.probability], [0, 0])
  }
  const silent = decisions.filter(({ decision }) => decision.outcome === 'nothing')
  // Half of what is explored is nothing.
  assert(Math.abs(silent.length / many.length - 0.25) < 0.03)
  const byId = new Map(decisions.map((decided) => [decided.id, decided]))
  for (const { decision_id, arm, probability, group, tags, kind } of actions) {
    const { decision } = byId.get(decision_id)!
    assert.deepEqual([arm, probability, group, tags, kind], ['treated', 0.75, 'sales', ['spring'], 'action'])
    assert.equal(decision.nothing, 0.25)
  }
  const { chosen, nothing, holdout } = tally.decisions
  assert.equal(chosen, actions.length)
  assert.equal(chosen + nothing + holdout, many.length)
  assert.deepEqual(play(rules, many).actions, actions, 'and again the same')
})

test('who is in the holdout stays in it whatever else changes', () => {
  const heldBy = (rules: string) =>
    new Set(play(rules, many).decisions.flatMap(({ arm, customer }) => (arm === 'holdout' ? [customer] : [])))
  const held = heldBy(`${offer}\nholdout: { share: 5 %, salt: s }`)
  const other =
    "actions: [{ name: news, when: 'true', value: 3 }, { name: more, when: 'true' }]\narbitration: { emit: all }"
  assert.deepEqual(heldBy(`${other}\nholdout: { share: 5 %, salt: s }`), held)
  const larger = heldBy(`${offer}\nholdout: { share: 10 %, salt: s }`)
  assert([...held].every((customer) => larger.has(customer)))
})

test('a customer of the holdout is decided for as often as any other', () => {
  const { tally } = play(`${offer}\nholdout: { share: 1, salt: s }`, ['ada'], 5)
  assert.deepEqual(tally.decisions, { chosen: 0, nothing: 0, holdout: 1, shadow: 0, suppressed: 4, none: 0 })
})

test('an action in the shadow reserves nothing, so each event decides it again, and publishes nothing', () => {
  const shadow = offer.replace('name: offer', 'name: offer, mode: shadow')
  const { actions, decisions, tally, records } = play(shadow, ['ada'], 5)
  assert.deepEqual([actions.length, records.length, decisions.length, tally.decisions.shadow], [0, 0, 5, 5])
  for (const { decision } of decisions) assert.equal(decision.candidates[0]!.reason, 'shadow')
})

test('held back decisions are stored of one customer in n, always of the same ones, and say so', () => {
  assert.equal(play(offer, many, 2).decisions.length, many.length, 'only the chosen ones')
  const { decisions, tally } = play(`${offer}\narbitration: { held_back: { one_in: 10 } }`, many, 4)
  const stored = decisions.filter(({ decision }) => decision.outcome === 'suppressed')
  assert.equal(tally.decisions.suppressed, 3 * many.length, 'all are counted')
  const customers = new Set(stored.map(({ customer }) => customer))
  assert.equal(stored.length, 3 * customers.size)
  assert(Math.abs(customers.size / many.length - 0.1) < 0.03)
  for (const { oneIn, actions, decision } of stored) {
    assert.deepEqual([oneIn, actions.length, decision.nothing, decision.candidates[0]!.reason], [10, 0, 1, 'cooldown'])
  }
  for (const { oneIn, decision } of decisions) if (decision.outcome === 'chosen') assert.equal(oneIn, 1)
})

test('rules that declare none of this have the version that they had', () => {
  const { version } = play(offer, ['ada'])
  assert.equal(version, play(`${offer}\narbitration: {}`, ['ada']).version)
  assert.notEqual(version, play(`${offer}\nholdout: { share: 5 %, salt: s }`, ['ada']).version)
})
