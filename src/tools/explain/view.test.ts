import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { compileEngine } from '../../engine.ts'
import { noAgent, noCampaign, noGeo, noReferrer } from '../../enrich/enrichment.ts'
import { Event, Properties, type Value } from '../../events/event.ts'
import { deciderOf } from './deciders.ts'
import { OneProfile } from './one-profile.ts'
import { StoredBatch } from './stored-batch.ts'
import { type CandidateView, viewCandidates } from './view.ts'

const minuteMs = 60_000
const startMs = Date.UTC(2026, 0, 1, 10)
const enrichment = { agent: noAgent, campaign: noCampaign, referrer: noReferrer, channelGroup: '' as const, geo: noGeo }

interface Given {
  readonly type: string
  readonly atMin?: number
  readonly properties?: Readonly<Record<string, Value>>
  readonly traits?: Readonly<Record<string, Value>>
}

const toProperties = (of: Readonly<Record<string, Value>> = {}) => new Properties(Object.keys(of), Object.values(of))

/** Explains the candidates of the decision on the last of the events. */
function explained(rules: string, given: readonly Given[]): readonly CandidateView[] {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-explain-'))
  const file = join(folder, 'beckon.yaml')
  const servers = 'kafka: { brokers: ["localhost:9092"] }\nclickhouse: { url: "http://localhost:8123" }'
  writeFileSync(
    file,
    `${servers}\ntopics: [{ name: events, format: json }, { name: said, format: json, role: consent }]\n${rules}`,
  )
  const engine = compileEngine(loadConfig(file, {}))
  rmSync(folder, { recursive: true })
  let views: readonly CandidateView[] = []
  const decider = deciderOf(engine, {
    enrichmentOf: () => enrichment,
    onDecision: (open) => {
      views = viewCandidates(open, engine)
    },
  })
  const events = given.map(({ type, atMin = 0, properties, traits }, position) => {
    const event = Object.assign(new Event(), { id: `m${position}`, customer: 'ada', type })
    event.timeMs = startMs + atMin * minuteMs
    event.properties = toProperties(properties)
    event.traits = toProperties(traits)
    const place = { topic: 'events', partition: 0, offset: position, position }
    return { ...place, customer: 'ada', event, enrichment, sessionIndex: 1, sessionStartMs: 0, duplicate: false }
  })
  const one = new OneProfile('ada', 0, decider.rules, 0)
  for (const stored of events) decider.pipeline.fold(new StoredBatch(stored), 0, [stored.event], one, startMs)
  return views
}

const features = `
features:
  - { name: views_5m, count: {}, where: type == "view", window: { size: 5m, pane: 1m } }
  - { name: spent, sum: properties.price, window: lifetime }
  - { name: orders, count: {}, where: type == "buy", window: lifetime }
  - { name: kinds, count: {}, by: properties.kind, window: lifetime }
  - { name: per_order, value: spent / orders }
`
const action = (when: string, more = '') => `${features}actions:\n  - { name: it, when: '${when}'${more} }\n`
const view: Given = { type: 'view', properties: { price: 5, kind: 'lamp' }, traits: { plan: 'gold' } }

for (const [when, variable, from, to, size] of [
  ['views_5m >= 3', 'views_5m', 1, 3],
  ['views_5m > 3', 'views_5m', 1, 4],
  ['3 <= views_5m', 'views_5m', 1, 3],
  ['views_5m == 0', 'views_5m', 1, 0],
  ['!(views_5m < 4)', 'views_5m', 1, 4],
  ['views_5m * 2 > 9', 'views_5m', 1, 5],
  // Of several the least.
  ['views_5m >= 9 || spent >= 5.5', 'spent', 5, 5.5],
  ['spent > 5.0', 'spent', 5, 5.000000000000001, 5],
  ['spent < 5.0', 'spent', 5, 4.999999999999999, 5],
  ['per_order > 3.0', 'per_order', null, 3.0000000000000004, 3],
  ['orders > 0 && spent / orders > 3.0', 'orders', 0, 1],
  ['kinds.lamp >= 2', 'kinds.lamp', 1, 2],
  ['has(kinds.desk)', 'kinds.desk', null, 1],
  ['!has(kinds.lamp)', 'kinds.lamp', 1, null],
  ['type == "buy"', 'type', 'view', 'buy'],
  ['type in ["buy", "add"]', 'type', 'view', 'buy'],
  ['traits.plan != "gold"', 'traits.plan', 'gold', ''],
  ['traits.plan.startsWith("si")', 'traits.plan', 'gold', 'si'],
  ['traits.age >= 18', 'traits.age', null, 18],
  // What the event alone has is given by its kind; what the rules say is not.
  ['properties.price > 40', 'properties.price', 'number', 40.00000000000001, 40],
  ['properties.kind == "desk"', 'properties.kind', 'text(4)', 'desk'],
  ['spent > properties.limit + 1.0', 'properties.limit', null, null],
] as const) {
  test(`the smallest change: ${when}`, () => {
    const [it] = explained(action(when), [view])
    if (to === null && from === null) {
      assert.equal(it!.reason, 'error')
      return
    }
    assert.deepEqual(
      [it!.change?.variable, it!.change?.from, it!.change?.to, it!.change?.beyond, it!.change?.outcome],
      [variable, from, to, size, 'chosen'],
    )
  })
}

test('only one thing may change: else it says what would be next', () => {
  const [it] = explained(action('views_5m >= 3 && orders >= 1'), [view])
  assert.equal(it!.change, undefined)
  assert.deepEqual(
    it!.asked!.parts.map(({ text, is }) => [text, is]),
    [
      ['views_5m >= 3', false],
      ['orders >= 1', false],
    ],
  )
  assert.deepEqual(it!.asked!.reads, { views_5m: 1, orders: 0 })
})

test('a rest ends with the clock alone, and what would stop it past its condition is told', () => {
  const rested = ', contact: { cooldown: 10m }'
  const [held] = explained(action('type == "view"', rested), [view, { ...view, atMin: 4 }])
  assert.equal(held!.reason, 'cooldown')
  assert.deepEqual(held!.change, {
    variable: 'time',
    from: startMs + 4 * minuteMs,
    to: startMs + 10 * minuteMs,
    outcome: 'chosen',
  })
  const [unmet] = explained(action('type == "view"', rested), [view, { type: 'seen', atMin: 4 }])
  assert.equal(unmet!.change, undefined)
  assert.deepEqual(unmet!.next, { reason: 'cooldown' })
})

test('who was outranked learns by whom, by how much, and what it would have taken', () => {
  const rules = `${features}actions:
  - { name: best, when: 'true', value: 5 }
  - { name: by_worth, when: 'true', value: spent / 2.0 }
  - { name: a_constant, when: 'true', value: 2 }
  - { name: z_even, when: 'true', value: 5 }
`
  const views = explained(rules, [view])
  const of = (name: string) => views.find((one) => one.action === name)!
  assert.deepEqual(of('by_worth').outranked_by, { action: 'best', factor: 'value', score: 5, margin: 2.5 })
  const { variable, from, to, outcome } = of('by_worth').change!
  assert.deepEqual([variable, from, outcome], ['spent', 5, 'chosen'])
  assert(Number(to) > 10 && Number(to) < 10.02)
  assert.deepEqual(of('a_constant').change, { variable: 'value', from: 2, to: 5, outcome: 'chosen' })
  assert.deepEqual(of('z_even').outranked_by, { action: 'best', factor: 'name', score: 5, margin: 0 })
  assert.equal(of('z_even').change!.beyond, 5)
})

test('a declared gate is asked as a condition is', () => {
  const rules = `${features}gates:
  - { name: calm, kind: suitable, allow: '!has(kinds.complaint)' }
actions:
  - { name: it, when: 'true' }
`
  const [it] = explained(rules, [view, { type: 'call', properties: { kind: 'complaint' } }])
  assert.deepEqual([it!.reason, it!.gate], ['suitable', 'calm'])
  assert.deepEqual(it!.asked, {
    of: 'allow',
    source: '!has(kinds.complaint)',
    parts: [{ text: 'has(kinds.complaint)', is: true }],
    reads: { 'kinds.complaint': 1 },
  })
  assert.deepEqual(it!.change, { variable: 'kinds.complaint', from: 1, to: null, outcome: 'chosen' })
})

test('what can not be told, in a condition and in a worth', () => {
  const [when] = explained(action('properties.none > 5'), [view])
  assert.equal(when!.reason, 'error')
  assert.deepEqual(when!.asked!.parts, [{ text: 'properties.none > 5', is: null }])
  const [worth] = explained(action('true', ', value: properties.none'), [view])
  assert.deepEqual(
    [worth!.reason, worth!.asked!.of, worth!.asked!.reads],
    ['error', 'value', { 'properties.none': null }],
  )
})

test('of several factors it names the one in which the rival is ahead, and the nearest change of any', () => {
  const rules = `${features}actions:
  - { name: best, when: 'true', propensity: 0.5, value: 10 }
  - { name: rare, when: 'true', propensity: 0.1, value: 12 }
  - { name: must, when: views_5m > 9, mandatory: true }
`
  const views = explained(rules, [view])
  const rare = views.find((one) => one.action === 'rare')!
  assert.deepEqual(rare.factors, { propensity: 0.1, value: 12 })
  assert.deepEqual([rare.outranked_by!.action, rare.outranked_by!.factor], ['best', 'propensity'])
  assert.equal(rare.change!.variable, 'propensity')
  assert(Math.abs(Number(rare.change!.to) - 5 / 12) < 1e-9)
})

test('each form of an action is a candidate: its own condition is asked, and it loses to the other form', () => {
  const rules = `${features}actions:
  - name: it
    when: 'true'
    treatments:
      - { name: mail, channel: email, factor: 2 }
      - { name: push, channel: push }
      - { name: gift, channel: post, when: orders >= 3 }
`
  const views = explained(rules, [view])
  const of = (name: string) => views.find(({ treatment }) => treatment === name)!
  assert.equal(of('mail').reason, 'chosen')
  assert.deepEqual(of('push').outranked_by, {
    action: 'it',
    treatment: 'mail',
    factor: 'treatment',
    score: 2,
    margin: 1,
  })
  assert.deepEqual(of('gift').asked!.source, 'orders >= 3')
  assert.deepEqual([of('gift').change!.variable, of('gift').change!.to], ['orders', 3])
})

test('silence wins over what is worth less', () => {
  const rules = `${features}actions:\n  - { name: it, when: 'true', value: spent }\narbitration: { nothing: 7.5 }\n`
  const [it] = explained(rules, [view])
  assert.deepEqual(
    [it!.reason, it!.outranked_by],
    ['nothing', { action: 'nothing', factor: 'value', score: 7.5, margin: 2.5 }],
  )
  assert.deepEqual([it!.change!.variable, it!.change!.to, it!.change!.outcome], ['spent', 7.5, 'chosen'])
})

test('where a yes of the customer is missing, it would have been enough; or else what comes after it', () => {
  const rules = `${features}actions:\n  - { name: it, when: 'true', purpose: news, channel: email }\n`
  const [it] = explained(rules, [view])
  assert.deepEqual(
    [it!.reason, it!.change],
    ['consent', { variable: 'consent.news.email', from: null, to: true, outcome: 'chosen' }],
  )
})
