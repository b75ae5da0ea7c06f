import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noAgent, noCampaign, noGeo, noReferrer } from '../../enrich/enrichment.ts'
import { Event, Properties } from '../../events/event.ts'
import { Profile } from '../../profiles/profile.ts'
import { compilePolicy } from '../compile-policy.ts'
import { decide, prospect } from '../decide.ts'
import type { ActionDeclaration, Arbitration } from '../policy.ts'
import { compileContactPolicy } from './compile.ts'
import type { ContactPolicyDeclaration } from './declaration.ts'
import { endedHolds, withoutEnded, withZoneKnown } from './ended-holds.ts'
import { afterOutcome } from './outcomes.ts'
import { withIds } from './past-contacts.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const free = { cooldownMs: 0, caps: [] }
const all = { actions: [], groups: [], tags: [], channels: [] }
const nothing: ContactPolicyDeclaration = {
  country_timezones: {},
  limits: [],
  exclusions: [],
  suppressions: [],
  quiet_hours: [],
}
const night = {
  name: 'night',
  of: all,
  fromMs: 21 * hourMs,
  toMs: 8 * hourMs,
  timezone: 'customer',
  holds: true,
} as const

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

function compile(
  actions: readonly ActionDeclaration[],
  declared: Partial<ContactPolicyDeclaration>,
  arbitration: Arbitration = { emit: 'all', contact: free },
) {
  const faults: string[] = []
  const note = (path: readonly unknown[], fault: unknown) =>
    void faults.push(`${path.join('.')}: ${(fault as Error).message}`)
  const rules = compileContactPolicy({ ...nothing, ...declared }, actions, undefined, note)
  const onFault = ({ name }: { name: string }, path: readonly unknown[], fault: unknown) => note([name, ...path], fault)
  return {
    faults,
    policy: compilePolicy(actions, arbitration, [], 'v', onFault, [], onFault, undefined, undefined, rules),
  }
}

/** A customer, and what a decision at a time gives: `reason rule` by action. The ids of actions are `name@time`. */
function customerOf(...args: Parameters<typeof compile>) {
  const { policy, faults } = compile(...args)
  assert.deepEqual(faults, [])
  const profile = new Profile('c')
  const momentAt = (asOfMs: number) => ({
    event: new Event(),
    enrichment: { agent: noAgent, campaign: noCampaign, referrer: noReferrer, channelGroup: '' as const, geo: noGeo },
    session: profile.session,
    traits: profile.traits,
    groups: profile.groups,
    notReady: undefined,
    asOfMs,
  })
  const decideAt = (asOfMs: number, nowMs = asOfMs, competing = policy.onEvent) => {
    const moment = momentAt(asOfMs)
    const held = profile.holds
    const outlook = prospect(policy, competing, profile, moment, nowMs)
    const circumstances = { draw: 1, arm: '', nowMs, fits: () => true } as const
    const { outcome, candidates, chosen, after } = decide(policy, competing, profile, moment, circumstances)
    Object.assign(profile, after)
    const published = chosen.map(({ action: { name } }) => ({ id: `${name}@${asOfMs}`, action: name, time: asOfMs }))
    profile.pastContacts = withIds(profile.pastContacts, published)
    const isOpen = outcome === 'chosen' || profile.holds !== held
    assert.equal(outlook, isOpen ? 'open' : outcome, 'the prospect is how it ends, or that a hold is to be noted')
    return Object.fromEntries(candidates.map((one) => [one.action.name, `${one.reason} ${one.gate}`.trim()]))
  }
  const tell = (timeMs: number, outcome: string, about: Readonly<Record<string, string>>) => {
    const event = new Event()
    event.type = 'outcome'
    event.timeMs = timeMs
    event.properties = new Properties(['outcome', ...Object.keys(about)], [outcome, ...Object.values(about)])
    Object.assign(profile, afterOutcome(policy, profile, event, undefined))
  }
  return { policy, profile, momentAt, decideAt, tell }
}

const oneADay = { name: 'one_a_day', counts: all, obeys: all, max: 1, per: { rollingMs: dayMs } }

test('a contact that is given back counts for no limit, once, whichever of them it was', () => {
  for (const outcome of ['not_delivered', 'expired', 'withdrawn']) {
    const { decideAt, tell } = customerOf([action('a', { contact: { cooldownMs: dayMs, caps: [] } })], {
      limits: [oneADay],
    })
    assert.deepEqual(decideAt(0), { a: 'chosen' })
    assert.deepEqual(decideAt(1), { a: 'cooldown' })
    tell(2, outcome, { action_id: 'b@0' })
    assert.deepEqual(decideAt(2), { a: 'cooldown' }, 'that of an unknown action')
    tell(2, outcome, { action_id: 'a@0' })
    assert.deepEqual(decideAt(3), { a: 'chosen' }, outcome)
    tell(4, outcome, { action_id: 'a@0' })
    assert.deepEqual(decideAt(5), { a: 'cooldown' }, 'told twice')
    tell(6, outcome, { action: 'a' })
    assert.deepEqual(decideAt(7), { a: 'chosen' }, 'by its name alone')
  }
  const { decideAt, tell } = customerOf([action('a')], { limits: [oneADay] })
  decideAt(0)
  for (const outcome of ['delivered', 'failure', 'click', 'rejection']) tell(1, outcome, { action_id: 'a@0' })
  assert.deepEqual(decideAt(2), { a: 'contact_policy one_a_day' })
})

test('what counts for nothing gives nothing back that others hold', () => {
  const arbitration: Arbitration = { emit: 'all', contact: { cooldownMs: dayMs, caps: [] } }
  const receipt = action('receipt', { value: 2, contact: { ...free, counts: false, obeys: false } })
  const { decideAt, tell } = customerOf([action('a'), receipt], { limits: [oneADay] }, arbitration)
  assert.deepEqual(decideAt(0), { receipt: 'chosen', a: 'chosen' })
  tell(1, 'not_delivered', { action_id: 'receipt@0' })
  assert.deepEqual(decideAt(2), { receipt: 'chosen', a: 'contact_policy' })
})

test('two rejections turn off what they are of, by the tags of then, and a rule says which', () => {
  const sales = { ...all, tags: ['sales'] }
  const rule = { name: 'two_rejections', outcomes: ['rejection'], times: 2, withinMs: 30 * dayMs, offMs: 90 * dayMs }
  const { decideAt, tell } = customerOf([action('a', { tags: ['sales'] }), action('b')], {
    suppressions: [{ ...rule, counts: sales, obeys: sales }],
  })
  tell(0, 'rejection', { action: 'a' })
  tell(1, 'rejection', { action: 'b' })
  assert.deepEqual(decideAt(2), { a: 'chosen', b: 'chosen' })
  tell(29 * dayMs, 'rejection', { action: 'a' })
  assert.deepEqual(decideAt(29 * dayMs), { a: 'contact_policy two_rejections', b: 'chosen' })
  assert.deepEqual(decideAt(119 * dayMs), { a: 'chosen', b: 'chosen' })
})

test('what waits is decided again when quiet hours end, with what is as it is then; it reserves nothing meanwhile', () => {
  const { policy, profile, decideAt } = customerOf([action('a'), action('b')], {
    timezone: 'UTC',
    limits: [oneADay],
    quiet_hours: [night],
  })
  assert.deepEqual(decideAt(22 * hourMs), { a: 'held night', b: 'held night' })
  assert.deepEqual(decideAt(23 * hourMs), { a: 'held night', b: 'held night' })
  assert.equal(profile.pastContacts.length, 0)
  const endMs = 32 * hourMs
  assert.deepEqual(
    profile.holds.map(({ action: name, sinceMs, endMs: end }) => [name, sinceMs, end]),
    [
      ['a', 22 * hourMs, endMs],
      ['b', 22 * hourMs, endMs],
    ],
  )
  assert.deepEqual(endedHolds(policy, profile, endMs - 1, endMs), [])
  const ended = endedHolds(policy, profile, endMs, endMs).map((one) => one.action)
  assert.deepEqual(decideAt(endMs, endMs, ended), { a: 'chosen', b: 'contact_policy one_a_day' })
  profile.holds = withoutEnded(profile.holds, endMs)
  assert.deepEqual(profile.holds, [])
})

test('behind an outage it is quiet by the clock as well, and what has waited too long has expired', () => {
  const declared = { timezone: 'UTC', quiet_hours: [night] }
  const { policy, profile, decideAt } = customerOf([action('a', { expiresMs: 20 * hourMs })], declared)
  assert.deepEqual(decideAt(20 * hourMs, 20 * hourMs), { a: 'chosen' })
  assert.deepEqual(decideAt(20 * hourMs, 23 * hourMs), { a: 'held night' }, 'of the evening, read in the night')
  assert.deepEqual(endedHolds(policy, profile, 32 * hourMs, 32 * hourMs).length, 1)
  // The clock comes late to the end: it is night again.
  assert.deepEqual(
    decideAt(36 * hourMs, 46 * hourMs),
    { a: 'quiet_hours night' },
    'it would wait for longer than it is worth',
  )
  assert.deepEqual(endedHolds(policy, profile, 32 * hourMs, 40 * hourMs), [], 'expired since it was due first')
})

test('what comes late, as of a night that is over, is decided again at once, and not as of its end, which had its turn', () => {
  const { profile, decideAt } = customerOf([action('a')], { timezone: 'UTC', quiet_hours: [night] })
  assert.deepEqual(decideAt(23 * hourMs, 34 * hourMs), { a: 'held night' })
  assert.equal(profile.holds[0]!.endMs, 34 * hourMs)
})

test('where nobody knows the timezone it waits, until it is known', () => {
  const { policy, profile, momentAt, decideAt } = customerOf([action('a')], { quiet_hours: [night] })
  assert.deepEqual(decideAt(12 * hourMs), { a: 'held night' })
  assert.equal(profile.holds[0]!.endMs, Number.POSITIVE_INFINITY)
  assert.equal(withZoneKnown(policy, profile.holds, momentAt(13 * hourMs)), profile.holds)
  profile.traits = new Map([['timezone', 'Europe/Paris']])
  const [known] = withZoneKnown(policy, profile.holds, momentAt(13 * hourMs))
  assert.equal(known!.endMs, 13 * hourMs)
})

test('what is mandatory skips limits, but not what it is never to be with, or after', () => {
  const alarm = action('alarm', { mandatory: true })
  const never = { name: 'never', never: all, after: { ...all, actions: ['b'] }, forMs: dayMs }
  const limited = customerOf([alarm], { limits: [oneADay] }, { emit: 'all', contact: { cooldownMs: dayMs, caps: [] } })
  assert.deepEqual(limited.decideAt(0), { alarm: 'chosen' })
  assert.deepEqual(limited.decideAt(1), { alarm: 'chosen' })
  const excluded = customerOf([alarm, action('b', { when: 'time_ms == 0' })], { exclusions: [never] })
  assert.deepEqual(excluded.decideAt(0), { alarm: 'chosen', b: 'chosen' })
  assert.equal(excluded.decideAt(1)['alarm'], 'contact_policy never')
  const quiet = customerOf([alarm], { timezone: 'UTC', quiet_hours: [night] })
  assert.deepEqual(quiet.decideAt(0), { alarm: 'held night' })
})

test('an action that goes out in another form does not wait, and what is outranked does not either', () => {
  const forms = [
    { name: 'mail', channel: 'email' },
    { name: 'push', channel: 'push', factor: 0.5 },
  ]
  const mails = { ...night, of: { ...all, channels: ['email'] } }
  const declared = { timezone: 'UTC', quiet_hours: [mails] }
  const { policy, profile, momentAt } = customerOf([action('a', { treatments: forms })], declared)
  const circumstances = { draw: 1, arm: '', fits: () => true } as const
  const { candidates, after } = decide(policy, policy.onEvent, profile, momentAt(0), circumstances)
  assert.deepEqual(
    candidates.map(({ treatment, reason }) => [treatment?.name, reason]),
    [
      ['mail', 'outranked'],
      ['push', 'chosen'],
    ],
  )
  assert.deepEqual(after.holds, [])
  const mail = action('mail', { channel: 'email' })
  const best: Arbitration = { emit: 'best', contact: free }
  const lesser = customerOf([mail, action('banner', { value: 2 })], declared, best)
  assert.deepEqual(lesser.decideAt(0), { banner: 'chosen', mail: 'outranked' })
  assert.deepEqual(lesser.profile.holds, [])
  const better = customerOf([mail, action('banner', { value: 0.5 })], declared, best)
  assert.deepEqual(better.decideAt(0), { banner: 'chosen', mail: 'held night' })
  assert.equal(better.profile.holds.length, 1)
})

test('faults: names that nothing has, with the nearest, and what needs an event at the end of quiet hours', () => {
  const { faults } = compile([action('call', { tags: ['sales'], channel: 'phone', when: 'type == "view"' })], {
    limits: [
      { ...oneADay, counts: { ...all, tags: ['sale'] }, obeys: all },
      { ...oneADay, ...((of) => ({ counts: of, obeys: of }))({ ...all, channels: ['phoe', 'phone'] }) },
    ],
    exclusions: [{ name: 'x', never: all, after: { ...all, actions: ['cal'] }, forMs: 1 }],
    quiet_hours: [night],
  })
  assert.deepEqual(faults, [
    'limits.0.counts.tags.0: no action has the tag sale; did you mean sales?',
    'limits.1.of.channels.0: no action has the channel phoe; did you mean phone?',
    'exclusions.0.after.actions.0: there is no action cal; did you mean call?',
    'call.when: type needs an event, and there is none when quiet hours end (night; or let them drop it): use features, traits and the session',
  ])
})
