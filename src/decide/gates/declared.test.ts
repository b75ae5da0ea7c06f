import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, Properties } from '../../events/event.ts'
import { Profile } from '../../profiles/profile.ts'
import { compilePolicy } from '../compile-policy.ts'
import { decide, prospect } from '../decide.ts'
import type { ActionDeclaration, GateDeclaration } from '../policy.ts'

const free = { cooldownMs: 0, caps: [] }
const action = (name: string, over: Partial<ActionDeclaration> = {}): ActionDeclaration => ({
  name,
  when: 'true',
  value: 1,
  contact: free,
  channel: '',
  expiresMs: 0,
  payload: {},
  ...over,
})
const gate = (name: string, over: Partial<GateDeclaration> = {}): GateDeclaration => ({
  name,
  kind: 'suitable',
  of: { actions: [], groups: [], tags: [] },
  allow: 'properties.n > 0',
  ...over,
})
const of = (some: Partial<GateDeclaration['of']>) => ({ actions: [], groups: [], tags: [], ...some })
const open = { emit: 'all', contact: free } as const

function compile(actions: readonly ActionDeclaration[], gates: readonly GateDeclaration[]) {
  const faults: string[] = []
  const note = (_: unknown, path: readonly unknown[], fault: unknown) =>
    void faults.push(`${path.join('.')}: ${(fault as Error).message}`)
  return { policy: compilePolicy(actions, open, [], 'v', note, gates, note), faults }
}

/** `reason gate` of each action for an event with that n. */
function decided(actions: readonly ActionDeclaration[], gates: readonly GateDeclaration[], n?: number) {
  const { policy, faults } = compile(actions, gates)
  assert.deepEqual(faults, [])
  const event = new Event()
  if (n !== undefined) event.properties = new Properties(['n'], [n])
  const profile = new Profile('c')
  const moment = {
    event,
    enrichment: undefined as never,
    session: profile.session,
    traits: profile.traits,
    groups: profile.groups,
    notReady: undefined,
    asOfMs: 0,
  }
  const decision = decide(policy, policy.onEvent, profile, moment, { draw: 1, arm: '', fits: () => true })
  const outlook = prospect(policy, policy.onEvent, profile, moment)
  assert.equal(outlook, decision.outcome === 'chosen' ? 'open' : decision.outcome)
  return Object.fromEntries(decision.candidates.map((one) => [one.action.name, `${one.reason} ${one.gate}`.trim()]))
}

test('a gate holds back the actions that it is for: by name, group or tag; all, where it names none', () => {
  const actions = [action('a', { group: 'g' }), action('b', { tags: ['t', 'u'] }), action('c')]
  const held = (gates: GateDeclaration[]) => {
    const reasons = decided(actions, gates, 0)
    return actions.map(({ name }) => name).filter((name) => reasons[name] !== 'chosen')
  }
  assert.deepEqual(held([gate('x', { of: of({ actions: ['c'] }) })]), ['c'])
  assert.deepEqual(held([gate('x', { of: of({ groups: ['g'] }) })]), ['a'])
  assert.deepEqual(held([gate('x', { of: of({ tags: ['u'] }) })]), ['b'])
  assert.deepEqual(held([gate('x', { of: of({ groups: ['g'], actions: ['c'] }) })]), ['a', 'c'])
  assert.deepEqual(held([gate('x')]), ['a', 'b', 'c'])
  assert.deepEqual(decided(actions, [gate('x')], 1), { a: 'chosen', b: 'chosen', c: 'chosen' })
})

test('the first gate in the order of the kinds gives the reason, behind the own condition', () => {
  const gates = [
    gate('third', { kind: 'suitable', allow: 'false' }),
    gate('second', { kind: 'applicable', allow: 'properties.n > 1' }),
    gate('first', { kind: 'eligible' }),
    gate('second too', { kind: 'applicable', allow: 'false' }),
  ]
  const actions = [action('a'), action('b', { when: 'false' })]
  assert.deepEqual(decided(actions, gates, 0), { a: 'eligible first', b: 'not_eligible' })
  assert.deepEqual(decided(actions, gates, 1), { a: 'applicable second', b: 'not_eligible' })
  assert.deepEqual(decided(actions, gates, 2), { a: 'applicable second too', b: 'not_eligible' })
})

test('a gate that can not be evaluated lets nothing through, and says which it is', () => {
  assert.deepEqual(decided([action('a')], [gate('x')]), { a: 'error x' })
})

test('faults of gates: a name that nothing has, an expression of another type, an event where a timer fires', () => {
  const onTimer = { name: 'no b in 1m after a', absent: 'type == "b"', after: 'type == "a"', forMs: 60_000 }
  const actions = [
    action('call', { group: 'service', tags: ['sales'] }),
    action('remind', { on: onTimer, when: 'true' }),
  ]
  const { faults } = compile(actions, [
    gate('w', { of: of({ actions: ['cal'], groups: ['servce'], tags: ['x'] }) }),
    gate('x', { allow: '1 + 1', of: of({ actions: ['call'] }) }),
    gate('y', { of: of({ actions: ['call', 'remind'] }) }),
  ])
  assert.deepEqual(faults, [
    'of.actions.0: there is no action cal; did you mean call?',
    'of.groups.0: no action has the group servce; did you mean service?',
    'of.tags.0: no action has the tag x',
    'allow: the expression is of type int, not bool',
    'allow: properties needs an event, and there is none when a timer fires, as for remind',
  ])
})
