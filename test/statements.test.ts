import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadConfig } from '../src/config/load.ts'
import { mayBeAddressed } from '../src/consent/consent.ts'
import { compileEngine, type Engine } from '../src/engine.ts'
import { MemoryLog } from '../src/log/memory/memory-log.ts'
import { Pipeline, type SliceResult } from '../src/pipeline.ts'
import type { Profile } from '../src/profiles/profile.ts'
import { compileStages } from '../src/stages.ts'
import { nextDueMs } from '../src/timers/timer.ts'
import { MemoryProfiles } from '../src/tools/replay/memory-profiles.ts'
import { profileOf, stateOf } from './golden/profile.ts'

/** What is known of a customer, and what they say about being addressed, from topics of its own. */

const nowMs = Date.UTC(2026, 2, 1, 12)
const minuteMs = 60_000

const folder = mkdtempSync(join(tmpdir(), 'beckon-statements-'))
after(() => rmSync(folder, { recursive: true }))

function engineOf(rules: object): Engine {
  const file = join(folder, 'beckon.yaml')
  const topics = [
    { name: 'clicks', format: 'json' },
    { name: 'crm', format: 'json', role: 'traits', mapping: { customer: 'id', time: 'updated_at' } },
    { name: 'calls', format: 'json', role: 'traits' },
    { name: 'consents', format: 'json', role: 'consent' },
    { name: 'outcomes', format: 'json', role: 'outcomes' },
  ]
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  writeFileSync(file, JSON.stringify({ ...servers, topics, ...rules }))
  return compileEngine(loadConfig(file, {}))
}

const write = { name: 'write', when: 'true', channel: 'email', purpose: 'marketing' }

/** One customer's records, of all topics, through the pipeline of the service. */
function streaming(engine: Engine, decidesAlways = false) {
  const pipeline = new Pipeline({ ...compileStages(engine, 'json'), decidesAlways })
  const profiles = new MemoryProfiles(engine.policy.timers)
  let events = 0
  const send = async (topic: string, record: object | string): Promise<SliceResult> => {
    const log = new MemoryLog(() => nowMs)
    await log.createTopics([{ topic, partitions: 1 }])
    const value = Buffer.from(typeof record === 'string' ? record : JSON.stringify(record))
    await log.append([{ topic, partition: 0, key: 'ada', value, headers: {} }])
    for await (const batch of log.read(topic, 0, 0, 1)) {
      return pipeline.fold(batch, 0, pipeline.decode(batch, 0, 1, nowMs), profiles, nowMs)
    }
    return assert.fail('the log gave no batch')
  }
  return {
    profile: (): Profile => profiles.of('ada'),
    event: (timeMs: number, event = 'view') =>
      send('clicks', { messageId: `m${events++}`, userId: 'ada', event, timestamp: timeMs }),
    crm: (row: object) => send('crm', { id: 'ada', ...row }),
    calls: (traits: object, timestamp: number) => send('calls', { userId: 'ada', traits, timestamp }),
    consent: (given: unknown, time: number, over: object = {}) =>
      send('consents', { customer: 'ada', purpose: 'marketing', given, time, ...over }),
    outcome: (type: string, id: string, time: number) =>
      send('outcomes', { id: `${type}-${id}`, action_id: id, customer: 'ada', type, time }),
    fire: (clockMs: number) =>
      pipeline.fire({ topic: 'clicks', partition: 0, offset: 0 }, ['ada'], profiles, { nowMs: clockMs, clockMs }),
  }
}

const sent = ({ actions }: SliceResult) => actions.map(({ action }) => action)
const counts = ({ tally }: SliceResult) => Object.fromEntries(tally.statements)
const letters = ({ tally }: SliceResult) => Object.fromEntries(tally.deadLetters)

describe('consent', () => {
  it('is needed for the purpose of an action, by its channel; what was never said is no', async () => {
    const { event, consent } = streaming(engineOf({ actions: [write] }))
    const none = await event(nowMs - 9)
    assert.deepEqual(sent(none), [])
    assert.equal(none.tally.decisions.suppressed, 1)
    assert.deepEqual(counts(await consent(true, nowMs - 8, { channel: 'sms' })), { consent_given: 1 })
    assert.deepEqual(sent(await event(nowMs - 7)), [])
    await consent(true, nowMs - 6, { channel: 'email' })
    const { actions } = await event(nowMs - 5)
    assert.deepEqual(
      actions.map(({ action, purpose, channel }) => [action, purpose, channel]),
      [['write', 'marketing', 'email']],
    )
    assert.deepEqual(counts(await consent(false, nowMs - 4)), { consent_withdrawn: 1 })
    assert.deepEqual(sent(await event(nowMs - 3)), [])
  })

  it('gives its reason, after the gates of eligibility and before the contact rules', async () => {
    const over = { gates: [{ name: 'no_bots', kind: 'suitable', allow: 'type != "crawl"' }] }
    const engine = engineOf({ actions: [{ ...write, contact: { cooldown: '1h' } }], ...over })
    const { event, consent } = streaming(engine, true)
    const reason = async (type: string, timeMs: number) =>
      (await event(timeMs, type)).decisions.map(({ decision }) => decision.candidates[0]?.reason)
    assert.deepEqual(await reason('crawl', nowMs - 9), ['suitable'])
    assert.deepEqual(await reason('view', nowMs - 8), ['consent'])
    await consent(true, nowMs - 7)
    assert.deepEqual(await reason('view', nowMs - 6), ['chosen'])
    assert.deepEqual(await reason('view', nowMs - 5), ['cooldown'])
    await consent(false, nowMs - 4)
    assert.deepEqual(await reason('view', nowMs - 3), ['consent'])
  })

  it('is not needed by an action without a purpose', async () => {
    const { event } = streaming(engineOf({ actions: [{ ...write, purpose: undefined }] }))
    assert.deepEqual(sent(await event(nowMs - 1)), ['write'])
  })

  it('back and forth within one ms, late, for an unknown purpose: each is counted by what came of it', async () => {
    const { event, consent, profile } = streaming(engineOf({ actions: [write] }))
    const timeMs = nowMs - minuteMs
    for (const given of [true, false, true, false]) await consent(given, timeMs)
    assert.deepEqual(sent(await event(nowMs)), [], 'the last one holds')
    assert.deepEqual(counts(await consent(true, timeMs - 1)), { consent_superseded: 1 })
    assert.deepEqual(sent(await event(nowMs)), [])
    const { consents, ...unknown } = await consent(true, nowMs, { purpose: 'surveys' })
    assert.deepEqual(counts(unknown as SliceResult), { consent_unknown_purpose: 1 })
    assert.equal(mayBeAddressed(profile().consent, 'surveys', 'phone'), true, 'an action may come to have it')
    assert.deepEqual(
      consents.map(({ statement }) => [statement.customer, statement.purpose, statement.given]),
      [['ada', 'surveys', true]],
    )
  })

  it('that can not be one is a dead letter with its reason, and changes nothing', async () => {
    const { consent, profile } = streaming(engineOf({ actions: [write] }))
    for (const given of ['maybe', 2, null, [true], { yes: true }]) {
      assert.deepEqual(letters(await consent(given, nowMs)), { range: 1 }, JSON.stringify(given))
    }
    assert.deepEqual(letters(await consent(true, nowMs + 3_600_000)), { future: 1 })
    assert.deepEqual(letters(await consent(true, 12)), { bad_time: 1 })
    assert.deepEqual(letters(await consent(true, nowMs, { purpose: '' })), { range: 1 })
    assert.deepEqual(letters(await consent(true, nowMs, { purpose: 'x'.repeat(65) })), { limit: 1 })
    assert.deepEqual(letters(await consent(true, nowMs, { customer: '' })), { no_user: 1 })
    assert.equal(profile().consent.size, 0)
    for (const time of [nowMs + 3_600_000, 12]) {
      const { consents } = await consent(false, time)
      assert.deepEqual(
        consents.map(({ statement }) => statement.timeMs),
        [nowMs],
        'an opt-out counts as of now',
      )
    }
    for (const given of [true, 1, 'true', 'Granted', ' given ']) {
      assert.deepEqual(counts(await consent(given, nowMs)), { consent_given: 1 }, JSON.stringify(given))
    }
  })

  it('of too many purposes is a dead letter; withdrawing is not', async () => {
    const { consent } = streaming(engineOf({ actions: [write] }))
    for (let i = 0; i < 200; i++) await consent(true, nowMs - 10, { purpose: `p${i}` })
    assert.deepEqual(letters(await consent(true, nowMs - 9, { purpose: 'more' })), { no_room: 1 })
    const withdrawn = await consent(false, nowMs - 9, { purpose: 'p7', channel: 'email' })
    assert.deepEqual([letters(withdrawn), counts(withdrawn)], [{}, { consent_unknown_purpose: 1 }])
  })

  it('that is withdrawn in quiet hours keeps from going out what waits for their end', async () => {
    const quiet = [{ name: 'noon', from: '11:00', to: '13:00', timezone: 'UTC' }]
    const rules = { actions: [write], contact_policy: { quiet_hours: quiet } }
    for (const given of [true, false]) {
      const { event, consent, fire, profile } = streaming(engineOf(rules))
      await consent(true, nowMs - 9)
      await event(nowMs - 8)
      assert.equal(profile().holds.length, 1)
      await consent(given, nowMs - 7)
      assert.deepEqual(sent(fire(nowMs + 60 * minuteMs)), given ? ['write'] : [])
    }
  })

  it('is kept in the state, and gone with an erasure', async () => {
    const engine = engineOf({ actions: [write] })
    const { consent, profile } = streaming(engine)
    await consent(true, nowMs - 9)
    await consent(false, nowMs - 8, { channel: 'email' })
    const read = profileOf(engine, stateOf(engine, profile()))
    assert.deepEqual(read.consent, profile().consent)
    assert.deepEqual([read.streamTimeMs, read.session.index], [0, 0])
  })
})

describe('what an opt-out takes back', () => {
  const capped = { ...write, contact: { caps: [{ max: 1, per: '1d' }] } }
  const setUp = async (over: object = {}) => {
    const stream = streaming(engineOf({ actions: [{ ...capped, ...over }] }))
    await stream.consent(true, nowMs - 9)
    const [{ id } = assert.fail('no action')] = (await stream.event(nowMs - 8)).actions
    return { ...stream, id }
  }

  it('is each open action of the purpose, once, under its id', async () => {
    const { consent, profile, id } = await setUp()
    const { actions, records, cases, tally } = await consent(false, nowMs - 5)
    assert.deepEqual(
      actions.map((one) => [one.kind, one.id, one.action, one.customer, one.purpose, one.channel, one.time]),
      [['withdrawn', id, 'write', 'ada', 'marketing', 'email', nowMs - 5]],
    )
    assert.equal(actions[0]!.expires_at, nowMs - 5, 'who does not know the kind does not deliver it')
    const { key, headers } = records[0]!
    assert.deepEqual([key, headers['ce_id'], headers['ce_type']], ['ada', `${id}.withdrawn`, 'beckon.withdrawn.write'])
    assert.deepEqual(
      cases.map(({ now }) => [now.id, now.failure, now.failureMs]),
      [[id, 'withdrawn', nowMs - 5]],
    )
    assert.equal(tally.outcomes.get('write\nwithdrawn\nclosed'), 1)
    for (const given of [false, true, false]) assert.deepEqual(sent(await consent(given, nowMs - 4)), [])
    assert.equal(profile().cases.length, 1)
  })

  it('counts for contact limits no more, unless the customer was reached', async () => {
    const { consent, event } = await setUp()
    await consent(false, nowMs - 5)
    await consent(true, nowMs - 4)
    assert.deepEqual(sent(await event(nowMs - 3)), ['write'])

    const seen = await setUp()
    await seen.outcome('impression', seen.id, nowMs - 6)
    assert.deepEqual(sent(await seen.consent(false, nowMs - 5)), ['write'])
    await seen.consent(true, nowMs - 4)
    assert.deepEqual(sent(await seen.event(nowMs - 3)), [], 'it was a contact')
  })

  it('is nothing of another channel or purpose, nothing that is closed, and nothing where a late word changes nothing', async () => {
    const { consent, outcome, id } = await setUp()
    for (const over of [{ channel: 'sms' }, { purpose: 'surveys' }]) {
      assert.deepEqual(sent(await consent(false, nowMs - 5, over)), [])
    }
    assert.deepEqual(sent(await consent(false, nowMs - 10)), [])
    await outcome('click', id, nowMs - 6)
    assert.deepEqual(sent(await consent(false, nowMs - 4)), [])
  })

  it('is what was said before the action, and read after it, too', async () => {
    const { consent } = await setUp()
    const { actions } = await consent(false, nowMs - 9)
    assert.deepEqual(
      actions.map(({ kind, time }) => [kind, time]),
      [['withdrawn', nowMs - 8]],
    )
  })
})

describe('traits from a topic of their own', () => {
  it('are merged by their own time, and are no event: no session, no stream time, no feature and no decision', async () => {
    const features = [{ name: 'events', count: {}, window: { size: '1h', pane: '5m' } }]
    const { event, crm, calls, profile } = streaming(
      engineOf({ features, actions: [{ ...write, purpose: undefined }] }),
    )
    await event(nowMs - 9 * minuteMs)
    const { session, streamTimeMs, groups } = structuredClone({
      ...profile(),
      recentIds: undefined,
      consent: undefined,
    })
    const stated = await crm({ updated_at: nowMs, tier: 'gold', age: 40, address: { city: 'Brno' }, phone: null })
    assert.deepEqual([sent(stated), counts(stated)], [[], { traits: 1 }])
    assert.deepEqual({ ...profile().session }, { ...session })
    assert.equal(profile().streamTimeMs, streamTimeMs)
    assert.deepEqual(profile().groups[0]?.cells, groups[0]?.cells)
    const traits = () => JSON.parse(JSON.stringify(Object.fromEntries(profile().traits)))
    assert.deepEqual(traits(), { tier: 'gold', age: 40, address: { city: 'Brno' } })
    await crm({ updated_at: nowMs - 1, tier: 'silver', email: 'a@b.test' })
    assert.deepEqual([traits().tier, traits().email], ['gold', 'a@b.test'], 'an earlier statement, read later')
    await crm({ updated_at: nowMs + 1, tier: null })
    await calls({ age: 41, tags: ['a'] }, nowMs + 2)
    assert.deepEqual(traits(), { age: 41, address: { city: 'Brno' }, email: 'a@b.test', tags: ['a'] })
  })

  it('are rows of events without a type', async () => {
    const { crm } = streaming(engineOf({}))
    const { events } = await crm({ updated_at: nowMs, tier: 'gold', none: null })
    const [{ event, sessionIndex, late, duplicate } = assert.fail('no row')] = events
    assert.deepEqual([event.type, event.customer, event.timeMs, sessionIndex], ['', 'ada', nowMs, 0])
    assert.deepEqual([late, duplicate], [false, false])
    assert.deepEqual(
      [event.traits.names, event.traits.values],
      [
        ['tier', 'none'],
        ['gold', null],
      ],
    )
    assert.equal(event.properties.names.length, 0)
  })

  it('can make a condition true that waits for it: it fires by the clock, once for each turn', async () => {
    const engine = engineOf({ actions: [{ name: 'greet', on: 'becomes_true', when: 'traits.tier == "gold"' }] })
    const { event, crm, fire, profile } = streaming(engine)
    const due = () => nextDueMs(engine.policy.timers, profile().timers)
    await crm({ updated_at: nowMs - 9, tier: 'silver' })
    await event(nowMs - minuteMs)
    assert.equal(due(), Number.POSITIVE_INFINITY)
    await crm({ updated_at: nowMs - 8, tier: 'gold' })
    assert.equal(due(), nowMs)
    const first = fire(nowMs)
    assert.deepEqual(
      first.actions.map(({ action, time }) => [action, time]),
      [['greet', nowMs]],
    )
    await crm({ updated_at: nowMs - 7, tier: 'gold' })
    assert.deepEqual(sent(fire(nowMs + 5)), [], 'it was true before')
    await crm({ updated_at: nowMs - 6, tier: 'silver' })
    assert.deepEqual(sent(fire(nowMs + 5)), [])
    await crm({ updated_at: nowMs - 5, tier: 'gold' })
    const again = fire(nowMs + 5)
    assert.deepEqual(sent(again), ['greet'])
    assert.notEqual(again.actions[0]!.id, first.actions[0]!.id)
  })

  it('count for a condition at the next time that time may change it', async () => {
    const features = [{ name: 'views', count: {}, window: { sliding: '10m' } }]
    const when = 'views == 0 && has(traits.tier)'
    const { event, crm, fire } = streaming(
      engineOf({ features, actions: [{ name: 'lure', on: 'becomes_true', when }] }),
    )
    await event(nowMs - minuteMs)
    await crm({ updated_at: nowMs - 9, tier: 'gold' })
    assert.deepEqual(sent(fire(nowMs)), [])
    const { actions } = fire(nowMs + 20 * minuteMs)
    assert.deepEqual(
      actions.map(({ action, time }) => [action, time]),
      [['lure', nowMs + 9 * minuteMs]],
    )
  })

  it('can say the timezone that what has quiet hours waits for', async () => {
    const rules = { contact_policy: { quiet_hours: [{ name: 'night', from: '21:00', to: '08:00' }] } }
    const { event, crm, fire, profile } = streaming(engineOf({ actions: [{ ...write, purpose: undefined }], ...rules }))
    assert.deepEqual(sent(await event(nowMs - minuteMs)), [])
    await crm({ timezone: 'Nowhere/Else', updated_at: nowMs })
    assert.deepEqual(sent(fire(nowMs + minuteMs)), [])
    await crm({ timezone: 'Asia/Tokyo', updated_at: nowMs + 1 })
    assert.deepEqual(sent(fire(nowMs + minuteMs)), [], 'it is evening there')
    const eightMs = Date.UTC(2026, 2, 1, 23)
    assert.equal(profile().holds[0]?.endMs, eightMs)
    assert.deepEqual(sent(fire(eightMs)), ['write'])
    assert.deepEqual(profile().holds, [])
  })

  it('of a record that can not be one are a dead letter', async () => {
    const { crm, profile } = streaming(engineOf({}))
    assert.deepEqual(letters(await crm({ tier: 'gold' })), { bad_time: 1 })
    assert.deepEqual(letters(await crm({ updated_at: nowMs + 3_600_000, tier: 'gold' })), { future: 1 })
    assert.equal(profile().traits.size, 0)
  })
})
