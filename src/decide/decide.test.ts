import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { Event, Properties } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'
import { Profile } from '../profiles/profile.ts'
import { compilePolicy } from './compile-policy.ts'
import { noteContact, suppression } from './contact.ts'
import { type Circumstances, decide, prospect } from './decide.ts'
import type { Candidate } from './decision.ts'
import type { ActionDeclaration, Arbitration, ContactRules } from './policy.ts'

const minuteMs = 60_000
const usual: Circumstances = { draw: 1, arm: '', fits: () => true }
const free: ContactRules = { cooldownMs: 0, caps: [] }
const best: Arbitration = { emit: 'best', contact: free }

function action(name: string, over: Partial<ActionDeclaration> = {}): ActionDeclaration {
  return { name, when: 'true', value: 1, contact: free, channel: '', expiresMs: 0, payload: {}, ...over }
}

function policyOf(actions: readonly ActionDeclaration[], arbitration = best) {
  return compilePolicy(actions, arbitration, [], 'v', (_action, _path, fault) => assert.fail(fault as Error))
}

function momentOf({ session, traits, groups, notReady }: Profile, event: Event, asOfMs: number): Moment {
  const enrichment = {
    agent: noAgent,
    campaign: noCampaign,
    referrer: noReferrer,
    channelGroup: '' as const,
    geo: noGeo,
  }
  return { event, enrichment, session, traits, groups, notReady, asOfMs }
}

/** The customer, and what deciding on an event at a time gives: `name: reason`, by rank. */
function deciding(actions: readonly ActionDeclaration[], arbitration = best) {
  const policy = policyOf(actions, arbitration)
  const profile = new Profile('c')
  return (atMs: number, properties: Record<string, number> = {}) => {
    const event = new Event()
    event.properties = new Properties(Object.keys(properties), Object.values(properties))
    const decision = decide(policy, policy.onEvent, profile, momentOf(profile, event, atMs), usual)
    Object.assign(profile, decision.after)
    return {
      chosen: decision.chosen.map((candidate) => candidate.action.name),
      reasons: Object.fromEntries(decision.candidates.map((one) => [one.action.name, one.reason])),
    }
  }
}

test('the most valuable eligible action is chosen, and every candidate has a reason', () => {
  const at = deciding([
    action('a', { value: 1 }),
    action('b', { value: 'properties.worth * 2.0' }),
    action('c', { when: 'properties.worth > 100' }),
    action('d', { when: 'properties.missing > 1' }),
    action('e', { value: 'properties.missing' }),
  ])
  assert.deepEqual(at(0, { worth: 3 }), {
    chosen: ['b'],
    reasons: { b: 'chosen', a: 'outranked', e: 'error', c: 'not_eligible', d: 'error' },
  })
  assert.deepEqual(at(0, { worth: 0.1 }).chosen, ['a'])
})

test('an action that reads a feature that is not ready does not compete, whatever its condition says', () => {
  const names = ['new', 'old', 'of_new'] as const
  const features = names.map((name) => ({ name, type: 'int', read: () => 1 }))
  const policy = compilePolicy(
    [action('by_new', { when: '!has(type.x) || new == 0' }), action('by_old', { when: 'old == 1' })].concat(
      action('by_value', { value: 'of_new' }),
    ),
    { emit: 'all', contact: free },
    features,
    'v',
    (_action, _path, fault) => assert.fail(fault as Error),
  )
  const profile = new Profile('c')
  profile.notReady = new Set(['new', 'of_new'])
  const moment = momentOf(profile, new Event(), 0)
  const decision = decide(policy, policy.onEvent, profile, moment, usual)
  assert.deepEqual(
    decision.candidates.map(({ action: { name }, reason }) => [name, reason]),
    [
      ['by_old', 'chosen'],
      ['by_new', 'not_ready'],
      ['by_value', 'not_ready'],
    ],
  )
  const others = policy.onEvent.filter(({ name }) => name !== 'by_old')
  assert.equal(prospect(policy, others, profile, moment), 'none')
  assert.equal(decide(policy, others, profile, moment, usual).outcome, 'none')
})

test('equal values are ranked by name, and all or the top n are published', () => {
  const actions = ['c', 'a', 'b'].map((name) => action(name))
  assert.deepEqual(deciding(actions)(0).chosen, ['a'])
  assert.deepEqual(deciding(actions, { emit: { top: 2 }, contact: free })(0).chosen, ['a', 'b'])
  assert.deepEqual(deciding(actions, { emit: 'all', contact: free })(0).chosen, ['a', 'b', 'c'])
})

test('a contact by a timer ahead of the stream time counts, whatever comes in between', () => {
  const caps: ContactRules = { cooldownMs: 0, caps: [{ max: 2, perMs: 10 }] }
  const times: number[] = []
  for (const atMs of [100, 105, 102]) {
    assert.equal(suppression(times, caps, atMs), times.length === 2 ? 'cap' : undefined)
    if (times.length < 2) noteContact(times, caps, atMs)
  }
  noteContact(times, caps, 103)
  assert.deepEqual(times, [100, 103, 105], 'in order; each is in the window, and one may be given back')
  noteContact(times, caps, 114)
  assert.deepEqual(times, [105, 114])
  assert.equal(suppression([105], { cooldownMs: 10, caps: [] }, 103), 'cooldown')
  assert.equal(suppression([105], { cooldownMs: 0, caps: [] }, 103), undefined)
})

test('without an eligible action nothing is chosen', () => {
  assert.deepEqual(deciding([action('a', { when: 'false' })])(0), { chosen: [], reasons: { a: 'not_eligible' } })
})

test('an action that is too large does not count, and the next best takes its place', () => {
  const cooled: ContactRules = { cooldownMs: 10, caps: [] }
  const actions = [3, 2, 1].map((value) => action(`worth_${value}`, { value, contact: cooled }))
  const one: ContactRules = { cooldownMs: 0, caps: [{ max: 1, perMs: 10 }] }
  const cases: [Arbitration, chosen: string[], reasons: string[]][] = [
    [best, ['worth_2'], ['too_large', 'chosen', 'outranked']],
    [{ emit: { top: 2 }, contact: free }, ['worth_2', 'worth_1'], ['too_large', 'chosen', 'chosen']],
    [{ emit: 'all', contact: free }, ['worth_2', 'worth_1'], ['too_large', 'chosen', 'chosen']],
    [{ emit: 'all', contact: one }, ['worth_2'], ['too_large', 'chosen', 'contact_policy']],
  ]
  for (const [arbitration, chosen, reasons] of cases) {
    const policy = policyOf(actions, arbitration)
    const profile = new Profile('c')
    const fits = ({ action: { name } }: Candidate) => name !== 'worth_3'
    const decision = decide(policy, policy.onEvent, profile, momentOf(profile, new Event(), 0), { ...usual, fits })
    Object.assign(profile, decision.after)
    assert.deepEqual(
      decision.chosen.map((candidate) => candidate.action.name),
      chosen,
    )
    assert.deepEqual(
      decision.candidates.map(({ reason }) => reason),
      reasons,
    )
    assert.deepEqual(profile.contacts.get('worth_3'), undefined, 'its cool-down did not begin')
    assert.deepEqual([...profile.contacts.keys()].filter((name) => name !== '*').sort(), [...chosen].sort())
  }
})

test('a cool-down suppresses until it has passed, and the next best takes the place', () => {
  const at = deciding([action('a', { value: 2, contact: { cooldownMs: 30 * minuteMs, caps: [] } }), action('b')])
  assert.deepEqual(at(0).chosen, ['a'])
  assert.deepEqual(at(30 * minuteMs - 1), { chosen: ['b'], reasons: { a: 'cooldown', b: 'chosen' } })
  assert.deepEqual(at(30 * minuteMs).chosen, ['a'])
})

test('a cap counts a rolling window', () => {
  const at = deciding([action('a', { contact: { cooldownMs: 0, caps: [{ max: 2, perMs: 60 * minuteMs }] } })])
  assert.deepEqual(at(0).chosen, ['a'])
  assert.deepEqual(at(10 * minuteMs).chosen, ['a'])
  assert.deepEqual(at(59 * minuteMs).reasons, { a: 'cap' })
  assert.deepEqual(at(60 * minuteMs).chosen, ['a'], 'the first is an hour old')
  assert.deepEqual(at(61 * minuteMs).reasons, { a: 'cap' })
})

test('the contact rules over all actions hold back what an action’s own rules let through', () => {
  const all: ContactRules = { cooldownMs: 0, caps: [{ max: 2, perMs: 60 * minuteMs }] }
  const at = deciding(
    ['a', 'b', 'c'].map((name) => action(name)),
    { emit: 'all', contact: all },
  )
  assert.deepEqual(at(0).reasons, { a: 'chosen', b: 'chosen', c: 'contact_policy' })
  assert.deepEqual(at(60 * minuteMs).chosen, ['a', 'b'])
})

test('caps and cool-downs from the kept times are the same as from all times', () => {
  const rules = fc.record({
    cooldownMs: fc.integer({ min: 0, max: 20 }),
    caps: fc.array(fc.record({ max: fc.integer({ min: 1, max: 4 }), perMs: fc.integer({ min: 1, max: 50 }) }), {
      maxLength: 2,
    }),
  })
  fc.assert(
    fc.property(rules, fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 60 }), (given, gaps) => {
      const kept: number[] = []
      const all: number[] = []
      let nowMs = 1000
      for (const gap of gaps) {
        nowMs += gap
        const cooling = all.some((time) => nowMs - time < given.cooldownMs)
        const capped = given.caps.some(({ max, perMs }) => all.filter((time) => nowMs - time < perMs).length >= max)
        assert.equal(suppression(kept, given, nowMs) !== undefined, cooling || capped)
        if (cooling || capped) continue
        noteContact(kept, given, nowMs)
        all.push(nowMs)
      }
      assert(kept.length <= 4)
    }),
  )
})

test('every fault of every action is reported', () => {
  const faults: string[] = []
  compilePolicy(
    [action('a', { when: 'type' }), action('b', { value: '"x"', payload: { p: { cel: 'nothing' }, q: 1 } })],
    best,
    [],
    'v',
    ({ name }, path, fault) => faults.push(`${name}.${path.join('.')}: ${(fault as Error).message}`),
  )
  assert.deepEqual(faults, [
    'a.when: the expression is of type string, not bool',
    'b.value: the expression is of type string, not double',
    'b.payload.p: Unknown variable: nothing; did you mean properties.nothing, or the text "nothing"?',
  ])
})

test('the prospect of a decision is how the decision ends', () => {
  const rules = fc.record({ cooldownMs: fc.integer({ min: 0, max: 3 }), caps: fc.constant([]) })
  const declared = fc.array(fc.record({ when: fc.constantFrom('true', 'false', 'value > 1'), contact: rules }), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(declared, rules, fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 }), (given, all, gaps) => {
      const policy = policyOf(
        given.map((over, i) => action(`a${i}`, over)),
        { emit: 'best', contact: all },
      )
      const profile = new Profile('c')
      let atMs = 0
      for (const gapMs of gaps) {
        atMs += gapMs
        const moment = momentOf(profile, new Event(), atMs)
        const outlook = prospect(policy, policy.onEvent, profile, moment)
        const decision = decide(policy, policy.onEvent, profile, moment, usual)
        assert.equal(outlook, decision.outcome === 'chosen' ? 'open' : decision.outcome)
        Object.assign(profile, decision.after)
      }
    }),
  )
})

test('each evaluation of a condition is counted by its result, and a rule in error does not hold up others', () => {
  const policy = policyOf([
    action('always in error', { when: 'properties.misspelt > 1' }),
    action('at times', { when: 'properties.n > 1' }),
  ])
  const profile = new Profile('c')
  for (const n of [1, 2, undefined, 3]) {
    const event = new Event()
    if (n !== undefined) event.properties = new Properties(['n'], [n])
    prospect(policy, policy.onEvent, profile, momentOf(profile, event, 0))
  }
  const counts = policy.onEvent.map(({ name, conditions }) => [name, conditions])
  assert.deepEqual(Object.fromEntries(counts), {
    'always in error': { met: 0, unmet: 0, error: 4 },
    'at times': { met: 2, unmet: 1, error: 1 },
  })
})
