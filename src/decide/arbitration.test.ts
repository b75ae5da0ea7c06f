import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, Properties } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'
import { Profile } from '../profiles/profile.ts'
import { compilePolicy } from './compile-policy.ts'
import { type Circumstances, decide, prospect } from './decide.ts'
import type { ActionDeclaration, Arbitration, ContactRules } from './policy.ts'

const free: ContactRules = { cooldownMs: 0, caps: [] }
const once: ContactRules = { cooldownMs: 0, caps: [{ max: 1, perMs: 1_000 }] }
const best: Arbitration = { emit: 'best', contact: free }
const all: Arbitration = { emit: 'all', contact: free }
const usual: Circumstances = { draw: 1, arm: '', fits: () => true }

function action(name: string, over: Partial<ActionDeclaration> = {}): ActionDeclaration {
  return { name, when: 'true', value: 1, contact: free, channel: '', expiresMs: 0, payload: {}, ...over }
}

const fail = (_of: unknown, path: unknown, fault: unknown) => assert.fail(`${path}: ${fault}`)

/** What is decided on an event with these properties, for a customer without a past. */
function deciding(
  actions: readonly ActionDeclaration[],
  arbitration = best,
  properties: Record<string, number | string> = {},
  circumstances: Partial<Circumstances> = {},
) {
  const policy = compilePolicy(actions, arbitration, [], 'v', fail, [], fail, undefined, (path, fault) =>
    assert.fail(`${path}: ${fault}`),
  )
  const customer = new Profile('c')
  const { session, traits, groups, notReady } = customer
  const event = new Event()
  event.properties = new Properties(Object.keys(properties), Object.values(properties))
  const moment: Moment = { event, enrichment: undefined as never, session, traits, groups, notReady, asOfMs: 5_000 }
  const decision = decide(policy, policy.onEvent, customer, moment, { ...usual, ...circumstances })
  const outlook = prospect(policy, policy.onEvent, customer, moment)
  if (outlook !== 'open') assert.equal(decision.outcome, outlook)
  const nameOf = ({ action: { name }, treatment }: (typeof decision.candidates)[number]) =>
    treatment === undefined || treatment.name === '' ? name : `${name}/${treatment.name}`
  return {
    outcome: decision.outcome,
    chosen: decision.chosen.map((one) => (one.slot === '' ? nameOf(one) : `${nameOf(one)} in ${one.slot}`)),
    reasons: Object.fromEntries(decision.candidates.map((one) => [nameOf(one), one.reason])),
    scores: Object.fromEntries(decision.candidates.map((one) => [nameOf(one), one.score])),
    probabilities: Object.fromEntries(decision.candidates.map((one) => [nameOf(one), one.probability])),
    nothing: decision.nothing,
    contacts: [...decision.after.contacts.keys()],
  }
}

test('the priority is the product of the declared factors that count', () => {
  const actions = [
    action('a', { propensity: 0.5, context: 'properties.mobile == 1 ? 3.0 : 1.0', value: 4, lever: 1.5 }),
    action('b', { value: 8 }),
    action('c', { propensity: 'properties.none', value: 100 }),
  ]
  const { scores, reasons } = deciding(actions, best, { mobile: 1 })
  assert.deepEqual(scores, { a: 9, b: 8, c: Number.NaN })
  assert.deepEqual(reasons, { a: 'chosen', b: 'outranked', c: 'error' })
  const without = deciding(actions, { ...best, factors: ['value', 'propensity'] }, { mobile: 1 })
  assert.deepEqual(without.scores, { b: 8, a: 2, c: Number.NaN })
  const { chosen } = deciding(actions, { ...best, factors: ['value'] }, { mobile: 1 })
  assert.deepEqual(chosen, ['c'], 'what does not count may be in error')
})

test('of equal priority what expires sooner goes first, what never does last, then the name decides', () => {
  const actions = [
    action('a'),
    action('b', { expiresMs: 2_000 }),
    action('d', { expiresMs: 1_000 }),
    action('c', { expiresMs: 1_000 }),
    action('e', { value: 2 }),
  ]
  assert.deepEqual(deciding(actions, all).chosen, ['e', 'c', 'd', 'b', 'a'])
})

test('an action takes the best of the forms that it can take, and goes out once', () => {
  const treatments = [
    { name: 'mail', channel: 'email' },
    { name: 'push', when: 'properties.token == 1', factor: 'properties.mobile == 1 ? 2.0 : 0.5' },
    { name: 'post', when: 'properties.none == 1' },
  ]
  const actions = [action('a', { value: 3, treatments }), action('b', { value: 2 })]
  const { chosen, reasons, scores } = deciding(actions, all, { token: 1, mobile: 1 })
  assert.deepEqual(chosen, ['a/push', 'b'])
  assert.deepEqual(scores, { 'a/push': 6, 'a/mail': 3, b: 2, 'a/post': Number.NaN })
  assert.deepEqual(reasons, { 'a/push': 'chosen', 'a/mail': 'outranked', b: 'chosen', 'a/post': 'error' })
  assert.deepEqual(deciding(actions, all, { token: 1, mobile: 0 }).chosen, ['a/mail', 'b'])
  assert.deepEqual(deciding(actions, all, { token: 0, mobile: 1 }).reasons['a/push'], 'not_eligible')
  const [onlyPush] = [action('a', { treatments: treatments.slice(1) })]
  const none = deciding([onlyPush!], all, { token: 0 })
  assert.deepEqual([none.outcome, none.chosen], ['none', []])
})

test('a treatment has the channel and the payload of its action, but for what it says itself', () => {
  const policy = compilePolicy(
    [
      action('a', {
        channel: 'email',
        payload: { subject: 'long', product: 'shoe' },
        treatments: [{ name: 'mail' }, { name: 'push', channel: 'push', payload: { subject: 'short', badge: 1 } }],
      }),
    ],
    best,
    [],
    'v',
    fail,
  )
  const [mail, push] = policy.onEvent[0]!.treatments
  const payload = (of: typeof mail) =>
    Object.fromEntries(of!.payload.map(([name, value]) => [name, value({} as Moment)]))
  assert.deepEqual([mail!.channel, payload(mail)], ['email', { subject: 'long', product: 'shoe' }])
  assert.deepEqual([push!.channel, payload(push)], ['push', { subject: 'short', product: 'shoe', badge: 1 }])
})

test('each action goes to the first place that it fits and that is free', () => {
  const arbitration: Arbitration = { ...best, slots: { hero: 1, row: 2 } }
  const actions = [
    action('a', { value: 9, slots: ['hero'] }),
    action('b', { value: 8, slots: ['hero'] }),
    action('c', { value: 7 }),
    action('d', {
      value: 6,
      treatments: [
        { name: 'big', slots: ['hero'], factor: 2 },
        { name: 'small', slots: ['row'] },
      ],
    }),
    action('e', { value: 5, slots: ['row', 'hero'] }),
  ]
  const { chosen, reasons } = deciding(actions, arbitration)
  assert.deepEqual(chosen, ['d/big in hero', 'c in row', 'e in row'])
  assert.deepEqual(reasons, {
    'd/big': 'chosen',
    a: 'outranked',
    b: 'outranked',
    c: 'chosen',
    'd/small': 'outranked',
    e: 'chosen',
  })
})

test('what is mandatory goes first and skips the limits over all actions, but not its own', () => {
  const must = action('must', { value: 0.1, mandatory: true, contact: { cooldownMs: 1_000, caps: [] } })
  const limited: Arbitration = { emit: 'all', contact: once, nothing: 3 }
  const { chosen, reasons, contacts } = deciding([must, action('a', { value: 5 }), action('b', { value: 4 })], limited)
  assert.deepEqual(chosen, ['must'], 'it counts as a contact')
  assert.deepEqual(reasons, { must: 'chosen', a: 'contact_policy', b: 'contact_policy' })
  assert.deepEqual(contacts.sort(), ['*', 'must'])

  const policy = compilePolicy([must, action('a')], limited, [], 'v', fail)
  const customer = new Profile('c')
  const { session, traits, groups, notReady } = customer
  const moment: Moment = {
    event: new Event(),
    enrichment: undefined as never,
    session,
    traits,
    groups,
    notReady,
    asOfMs: 5_000,
  }
  const reasonsAfter = (past: readonly string[]) => {
    customer.contacts = new Map(past.map((name) => [name, [4_500]]))
    const decision = decide(policy, policy.onEvent, customer, moment, usual)
    const open = decision.outcome === 'chosen' ? 'open' : decision.outcome
    assert.equal(prospect(policy, policy.onEvent, customer, moment), open)
    return decision.candidates.map(({ action: { name }, reason }) => `${name} ${reason}`)
  }
  assert.deepEqual(
    reasonsAfter(['*']),
    ['must chosen', 'a contact_policy'],
    'also when the others are held back by them',
  )
  assert.deepEqual(reasonsAfter(['*', 'must']), ['must cooldown', 'a contact_policy'])
})

test('what is worth less than nothing is not sent, and nothing is while its worth is in error', () => {
  const actions = [action('a', { value: 2 }), action('b', { value: 1 })]
  const worth = (nothing: Arbitration['nothing'], properties = {}) => deciding(actions, { ...all, nothing }, properties)
  assert.deepEqual(worth(2).reasons, { a: 'chosen', b: 'nothing' }, 'a tie goes to the action')
  const silent = worth('properties.tired * 10', { tired: 1 })
  assert.deepEqual([silent.outcome, silent.chosen, silent.nothing], ['nothing', [], 1])
  const inError = worth('properties.none')
  assert.deepEqual([inError.chosen, inError.reasons], [[], { a: 'error', b: 'error' }])
  assert.deepEqual(worth(undefined).chosen, ['a', 'b'])
})

test('with probability ε one of the candidates, or nothing, goes first', () => {
  const actions = [action('a', { value: 2 }), action('b', { value: 1 }), action('c', { value: 0.5 })]
  const arbitration: Arbitration = { ...best, explore: { epsilon: 0.3 }, nothing: 1 }
  const of = (draw: number) => deciding(actions, arbitration, {}, { draw })
  assert.deepEqual(
    [0.3, 0.05, 0.15, 0.25].map((draw) => of(draw).chosen[0]),
    ['a', 'a', 'b', undefined],
  )
  const { probabilities, nothing, reasons, outcome } = of(0.29)
  assert.deepEqual([outcome, reasons], ['nothing', { a: 'nothing', b: 'nothing', c: 'nothing' }])
  for (const [is, wanted] of [
    [probabilities['a']!, 0.8],
    [probabilities['b']!, 0.1],
    [probabilities['c']!, 0],
    [nothing, 0.1],
  ] as const) {
    assert(Math.abs(is - wanted) < 1e-12)
  }
})

test('what can not be published is out before anything is explored', () => {
  const actions = [action('a', { value: 2 }), action('b', { value: 1 }), action('large', { value: 3 })]
  const fits: Circumstances['fits'] = ({ action: { name } }) => name !== 'large'
  const { reasons, probabilities } = deciding(actions, { ...best, explore: { epsilon: 1 } }, {}, { draw: 0.6, fits })
  assert.deepEqual(reasons, { large: 'too_large', a: 'outranked', b: 'chosen' })
  assert.deepEqual(probabilities, { large: 0, a: 0.5, b: 0.5 })
})

test('an action in the shadow is decided beside the others, takes no place and counts for nothing', () => {
  const actions = [
    action('live', { value: 2 }),
    action('better', { value: 3, mode: 'shadow' }),
    action('best', { value: 4, mode: 'shadow' }),
    action('worse', { value: 1, mode: 'shadow' }),
  ]
  const { outcome, chosen, reasons, probabilities, contacts } = deciding(actions, { ...best, contact: once })
  assert.deepEqual([outcome, chosen, contacts], ['chosen', ['live'], ['*']])
  assert.deepEqual(reasons, { best: 'shadow', better: 'shadow', live: 'chosen', worse: 'outranked' })
  assert.deepEqual(probabilities, { best: 0, better: 0, live: 1, worse: 0 })
  const alone = deciding(actions.slice(1, 2), { ...best, contact: once })
  assert.deepEqual([alone.outcome, alone.nothing, alone.contacts], ['shadow', 1, []])
})

test('a customer of the holdout is decided for as others are, and gets only what is mandatory', () => {
  const actions = [action('a', { value: 2 }), action('b'), action('must', { mandatory: true })]
  const held = deciding(actions.slice(0, 2), { ...best, contact: once }, {}, { arm: 'holdout' })
  assert.deepEqual([held.outcome, held.chosen, held.nothing], ['holdout', [], 1])
  assert.deepEqual(held.reasons, { a: 'holdout', b: 'outranked' })
  assert.deepEqual(held.probabilities, { a: 0, b: 0 })
  assert.deepEqual(held.contacts, ['*'], 'so the next event is decided as if it had been sent')
  const both = deciding(actions, { ...best, emit: { top: 2 } }, {}, { arm: 'holdout' })
  assert.deepEqual([both.outcome, both.chosen, both.nothing], ['chosen', ['must'], 0])
  assert.deepEqual(both.reasons, { must: 'chosen', a: 'holdout', b: 'outranked' })
})

test('every fault of treatments, slots and the arbitration is reported', () => {
  const faults: string[] = []
  const note = (path: readonly (string | number)[], fault: unknown) =>
    faults.push(`${path.join('.')}: ${(fault as Error).message}`)
  const treatments = [
    { name: 'x', when: '1', factor: '"y"', slots: ['heros'], payload: { p: { cel: 'nothing_here' } } },
  ]
  compilePolicy(
    [
      action('a', { propensity: 'true', slots: ['row', 'rwo'], treatments }),
      action('b', { on: 'becomes_true', when: 'session_events > 3' }),
    ],
    { ...best, slots: { hero: 1, row: 1 }, nothing: 'properties.x' },
    [],
    'v',
    ({ name }, path, fault) => note([name, ...path], fault),
    [],
    fail,
    undefined,
    note,
  )
  assert.deepEqual(faults, [
    'a.propensity: the expression is of type bool, not double',
    'a.slots.1: there is no slot rwo; did you mean row?',
    'a.treatments.0.slots.0: there is no slot heros; did you mean hero?',
    'a.treatments.0.when: the expression is of type int, not bool',
    'a.treatments.0.factor: the expression is of type string, not double',
    'a.treatments.0.payload.p: Unknown variable: nothing_here; did you mean properties.nothing_here, or the text "nothing_here"?',
    'nothing: properties needs an event, and there is none when a timer fires, as for b',
  ])
})
