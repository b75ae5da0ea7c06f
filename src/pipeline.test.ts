import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verdictOf } from './cases/case.ts'
import { compilePolicy } from './decide/compile-policy.ts'
import type { PublishedAction } from './emit/action.ts'
import { compileActionEncoder } from './emit/encode-action.ts'
import { compileEnricher } from './enrich/enrich.ts'
import { Event, Properties } from './events/event.ts'
import type { OutRecord, RecordBatch } from './events/log.ts'
import { compileFeatures } from './features/features.ts'
import { Erasure } from './ingest/erasure.ts'
import { rejected } from './ingest/rejected.ts'
import { Pipeline, ProcessingError } from './pipeline.ts'
import { Profile } from './profiles/profile.ts'
import type { Decoded, Stages } from './slice-input.ts'
import { emptyOutput } from './slice-output.ts'
import { noTimers } from './timers/states.ts'

const startMs = 1_700_000_000_000
const fail = (_of: unknown, _key: unknown, fault: unknown) => assert.fail(fault as Error)

function stagesOf(over: Partial<Stages> = {}): Stages {
  const features = compileFeatures(
    [{ name: 'n', kind: { name: 'count' }, window: { kind: 'lifetime' }, where: 'type == "view"' }],
    1_800_000,
    fail,
  )
  const contact = { cooldownMs: 0, caps: [] }
  const every = {
    name: 'every_second',
    when: 'n % 2 == 0 && type == "view"',
    value: 1,
    contact,
    channel: 'web',
    expiresMs: 60_000,
  }
  const policy = compilePolicy(
    [{ ...every, payload: { n: { cel: 'n' }, kind: 'x' } }],
    { emit: 'best', contact },
    features.features,
    'v1',
    fail,
  )
  return {
    decode: () => undefined,
    enrich: compileEnricher({ userAgent: true, bot: true, campaign: true, referrer: null, geo: null }),
    session: { idleMs: 1_800_000, maxMs: 86_400_000 },
    dedupe: { windowMs: 3_600_000, maxIds: 100 },
    features,
    policy,
    encodeAction: compileActionEncoder('actions', 'json'),
    roles: new Map(),
    deadLetterTopic: 'dead',
    maxRecordBytes: 900_000,
    ...over,
  }
}

function eventOf(id: string, customer: string, type = 'view', atMs = startMs): Event {
  const event = new Event()
  event.id = id
  event.customer = customer
  event.type = type
  event.timeMs = atMs
  return event
}

/** A batch of records; the first has offset 100. */
function batchOf(count: number): RecordBatch {
  return {
    topic: 'clicks',
    partition: 2,
    startOffset: 100,
    count,
    nextOffset: 100 + count,
    highWatermark: 100 + count,
    offset: (i) => 100 + i,
    timestamp: () => startMs,
    key: (i) => Buffer.from(`key-${i}`),
    value: (i) => Buffer.from(`value-${i}`),
    headers: () => [{ name: 'trace', value: Buffer.from('t') }],
  }
}

function profiles() {
  const all = new Map<string, Profile>()
  return {
    all,
    of(customer: string) {
      const profile = all.get(customer) ?? new Profile(customer)
      all.set(customer, profile)
      return profile
    },
    origin: 0,
    /** Like a cache that has just been filled: everything before `known` is already in all profiles. */
    known: 0,
    take(_profile: Profile, position: number) {
      return position >= this.known
    },
    schedule() {},
  }
}

const bad = rejected('truncated', 'the value ends early')
const jsonOf = ({ value }: OutRecord) => JSON.parse(String(value)) as Record<string, unknown>

test('a slice gives actions and dead letters in the order of the input, and counts everything', () => {
  const decoded: Decoded[] = [
    eventOf('a', 'c1'),
    bad,
    eventOf('b', 'c1'),
    undefined,
    eventOf('b', 'c1'),
    eventOf('c', 'c2', 'other'),
  ]
  const known = profiles()
  const { records, actions, events, decisions, tally } = new Pipeline(stagesOf()).fold(
    batchOf(6),
    0,
    decoded,
    known,
    startMs,
  )

  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['dead', 'actions'],
  )
  const [letter, action] = records as [OutRecord, OutRecord]
  assert.equal(String(letter.key), 'key-1')
  assert.equal(String(letter.value), 'value-1')
  assert.deepEqual(
    { ...letter.headers },
    {
      trace: Buffer.from('t'),
      'beckon.errors.reason': 'truncated',
      'beckon.errors.detail': 'the value ends early',
      'beckon.errors.topic': 'clicks',
      'beckon.errors.partition': '2',
      'beckon.errors.offset': '101',
      'beckon.errors.time': String(startMs),
      'beckon.errors.timestamp': String(startMs),
    },
  )
  assert.equal(action.key, 'c1')
  assert.deepEqual(jsonOf(action), {
    id: actions[0]!.id,
    action: 'every_second',
    customer: 'c1',
    time: startMs,
    rank: 1,
    value: 1,
    channel: 'web',
    expires_at: startMs + 60_000,
    payload: { n: 2, kind: 'x' },
    event_id: 'b',
    event_type: 'view',
    topic: 'clicks',
    partition: 2,
    offset: 102,
    policy: 'v1',
    trigger: '',
    kind: 'action',
    decision_id: decisions[0]!.id,
    treatment: '',
    slot: '',
    purpose: '',
    group: '',
    tags: [],
    arm: '',
    probability: 1,
  })
  assert.match(actions[0]!.id, /^[0-9a-f]{32}$/)
  assert.deepEqual(tally, {
    events: 6,
    skipped: 1,
    erasures: 0,
    duplicates: 1,
    late: 0,
    lateBy: new Map(),
    timers: 0,
    deadLetters: new Map([['truncated', 1]]),
    statements: new Map(),
    actions: new Map([['every_second', 1]]),
    tooLarge: new Map(),
    outcomes: new Map(),
    verdicts: new Map(),
    decisions: { chosen: 1, nothing: 0, holdout: 0, shadow: 0, suppressed: 0, none: 2 },
  })
  assert.equal(events.length, 4, 'a duplicate is stored too')
  assert.equal(decisions.length, 1)
  assert.equal(decisions[0]?.actions.length, 1)
})

test('the same slice gives the same actions, and one that a profile already holds has no effect', () => {
  const decoded = [eventOf('a', 'c1'), eventOf('b', 'c1')]
  const run = (known = profiles()) => new Pipeline(stagesOf()).fold(batchOf(2), 0, decoded, known, startMs)
  const known = profiles()
  const first = run(known)
  assert.deepEqual(run().records, first.records)
  known.known = 102
  const again = run(known)
  assert.equal(again.records.length, 0)
  assert.equal(again.events.length, 0)
})

test('an erased customer begins anew after that, and other customers keep what they have', () => {
  const known = profiles()
  const run = (...decoded: Decoded[]) => {
    const { length } = decoded
    return new Pipeline(stagesOf()).fold(batchOf(length), 0, decoded, known, startMs)
  }
  const erased = run(eventOf('a', 'c1'), eventOf('a', 'c2'), new Erasure('c1'), eventOf('a', 'c1'), eventOf('b', 'c2'))
  assert.deepEqual(
    erased.actions.map(({ customer }) => customer),
    ['c2'],
    'the first event was forgotten, and its id with it',
  )
  assert.deepEqual([erased.tally.erasures, erased.tally.duplicates, erased.tally.skipped], [1, 0, 0])
  assert.equal(erased.events.length, 4)
  assert.equal(known.of('c1').erasedBefore, 103)

  known.known = 200
  assert.equal(run(new Erasure('c2')).tally.erasures, 0, 'a profile that holds it already')
  assert.equal(known.of('c2').erasedBefore, 0)
})

test('an event on which the code throws becomes a dead letter, and the events around it have their effect', () => {
  const enrich = stagesOf().enrich
  const broken = (event: Event) => {
    if (event.id === 'b') throw new Error('a bug')
    return enrich(event)
  }
  const known = profiles()
  const decoded = ['a', 'b', 'c'].map((id) => eventOf(id, 'c1'))
  const { records, events, tally, faults } = new Pipeline(stagesOf({ enrich: broken })).fold(
    batchOf(3),
    0,
    decoded,
    known,
    startMs,
  )
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['dead', 'actions'],
  )
  assert.deepEqual([...tally.deadLetters], [['processing', 1]])
  assert.equal(events.length, 2)
  assert.equal((faults[0] as Error).message, 'a bug')
  const careless = new Pipeline(stagesOf({ enrich: broken }), 'rethrow')
  assert.throws(() => careless.fold(batchOf(3), 0, decoded, profiles(), startMs), ProcessingError)
})

test('of many large dead letters in a slice, the first are kept whole, and of the others only the beginning', () => {
  const batch = { ...batchOf(40), value: () => Buffer.alloc(256 * 1024) }
  const decoded = Array.from({ length: 40 }, () => bad)
  const { records, deadLetterBytes } = new Pipeline(stagesOf()).fold(batch, 0, decoded, profiles(), startMs)
  const whole = records.filter(({ value }) => value?.length === 256 * 1024)
  assert.deepEqual([records.length, whole.length], [40, 16])
  assert(deadLetterBytes < 5 * 1024 * 1024)
  assert.equal(records[39]!.headers['beckon.errors.value_bytes'], String(256 * 1024))
})

test('a record on which the decoder throws becomes a dead letter', () => {
  const stages = stagesOf({
    decode: (_batch, i) => {
      if (i === 1) throw new Error('a bug')
      return eventOf(`e${i}`, 'c1')
    },
  })
  for (const onThrow of ['undo', 'rethrow'] as const) {
    const pipeline = new Pipeline(stages, onThrow)
    const decoded = pipeline.decode(batchOf(3), 0, 3, startMs)
    const { tally, faults, quarantined } = pipeline.fold(batchOf(3), 0, decoded, profiles(), startMs)
    assert.deepEqual([...tally.deadLetters], [['processing', 1]])
    assert.equal((faults[0] as Error).message, 'a bug')
    assert.deepEqual(quarantined, { offsets: [101], timers: [] })
  }
})

test('a slice ends early when its output is full, and the next one goes on from there', () => {
  const decoded = Array.from({ length: 10 }, (_, i) => eventOf(`e${i}`, 'c1'))
  const known = profiles()
  const pipeline = new Pipeline(stagesOf())
  const ends: number[] = []
  const names: string[] = []
  for (let from = 0; from < decoded.length; ) {
    const output = emptyOutput(1_000)
    const { taken, actions } = pipeline.fold(batchOf(10), from, decoded.slice(from), known, startMs, output)
    from += taken
    ends.push(from)
    names.push(...actions.map(({ event_id: id }) => id))
  }
  assert.deepEqual(ends, [4, 8, 10])
  assert.deepEqual(names, ['e1', 'e3', 'e5', 'e7', 'e9'])
})

test('an action that is too large makes its event a dead letter', () => {
  const { records, actions, tally } = new Pipeline(stagesOf({ maxRecordBytes: 10 })).fold(
    batchOf(2),
    0,
    [eventOf('a', 'c1'), eventOf('b', 'c1')],
    profiles(),
    startMs,
  )
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['dead'],
  )
  assert.equal(actions.length, 0)
  assert.deepEqual([...tally.deadLetters], [['output_limit', 1]])
  assert.deepEqual([...tally.tooLarge], [['every_second', 1]])
  assert.deepEqual(tally.decisions, { chosen: 0, nothing: 0, holdout: 0, shadow: 0, suppressed: 1, none: 1 })
})

test('a timer’s action that is too large is counted by its name', () => {
  const on = { name: 'quiet', absent: 'false', after: 'true', forMs: 1000 }
  const action = { on, when: 'true', contact: { cooldownMs: 5000, caps: [] }, channel: '', expiresMs: 0 }
  const large = { ...action, name: 'large', value: 2, payload: { text: { cel: `"${'x'.repeat(2_000)}"` } } }
  const arbitration = { emit: 'best', contact: { cooldownMs: 0, caps: [] } } as const
  const policy = compilePolicy(
    [large, { ...action, name: 'small', value: 1, payload: {} }],
    arbitration,
    [],
    'v1',
    fail,
  )
  const pipeline = new Pipeline(stagesOf({ policy, maxRecordBytes: 1_500 }))
  const known = profiles()
  pipeline.fold(batchOf(1), 0, [eventOf('e', 'c1')], known, startMs)
  const clock = { nowMs: startMs, clockMs: startMs + 1000 }
  const { actions, records, tally, faults } = pipeline.fire(
    { topic: 'clicks', partition: 2, offset: 101 },
    ['c1'],
    known,
    clock,
  )
  assert.deepEqual(
    actions.map(({ action: name, rank }) => [name, rank]),
    [['small', 1]],
  )
  assert.deepEqual([records.length, faults.length], [1, 0])
  assert.deepEqual([...tally.tooLarge], [['large', 1]])
  assert.deepEqual([...known.of('c1').contacts.keys()], ['small'])
})

test('if a trait is stated twice, the latest event counts, whatever the order of arrival', () => {
  const stating = (id: string, plan: string, atMs: number) => {
    const event = eventOf(id, 'c1', 'identify', atMs)
    event.traits = new Properties(['plan', 'list'], [plan, [1]])
    return event
  }
  const known = profiles()
  const decoded = [stating('a', 'gold', startMs + 10), stating('b', 'free', startMs)]
  new Pipeline(stagesOf()).fold(batchOf(2), 0, decoded, known, startMs)
  assert.deepEqual(
    [...known.of('c1').traits],
    [
      ['plan', 'gold'],
      ['list', [1]],
    ],
  )
})

test('due timers of one kind are one decision, as of the clock, and fire once', () => {
  const on = { name: 'quiet', absent: 'type == "b"', after: 'type == "a"', forMs: 1000 }
  const action = { value: 1, contact: { cooldownMs: 0, caps: [] }, channel: '', expiresMs: 5, payload: {} }
  const actions = [
    { ...action, name: 'low', on, when: 'true' },
    { ...action, name: 'high', on, when: 'n == 0', value: 2 },
    { ...action, name: 'other', on: { ...on, name: 'slow', forMs: 2000 }, when: 'true' },
    { ...action, name: 'event', when: 'false' },
  ]
  const stages = stagesOf()
  const arbitration = { emit: 'best', contact: { cooldownMs: 0, caps: [] } } as const
  const pipeline = new Pipeline({
    ...stages,
    policy: compilePolicy(actions, arbitration, stages.features.features, 'v1', fail),
  })
  const known = profiles()
  pipeline.fold(batchOf(1), 0, [eventOf('e', 'c1', 'a')], known, startMs)
  const end = { topic: 'clicks', partition: 2, offset: 101 }
  const fire = (clockMs: number) => {
    const output = pipeline.fire(end, ['c1', 'c2'], known, { nowMs: startMs, clockMs })
    return { ...output, decisions: output.decisions.length }
  }
  assert.equal(fire(startMs + 999).tally.timers, 0)
  const { actions: chosen, tally, records, decisions } = fire(startMs + 1500)
  assert.deepEqual(
    chosen.map(({ action: name, time, offset, trigger, expires_at }) => [name, time, offset, trigger, expires_at]),
    [['high', startMs + 1500, 101, 'quiet', startMs + 1505]],
  )
  assert.deepEqual([tally.timers, records.length, decisions], [1, 1, 1])
  const later = fire(startMs + 9000)
  assert.deepEqual(
    later.actions.map(({ action: name, trigger }) => [name, trigger]),
    [['other', 'slow']],
  )
  assert.notEqual(later.actions[0]!.id, chosen[0]!.id)
  assert.equal(fire(startMs + 9000).tally.timers, 0)
})

test('a condition that an event makes true competes on that event; one that time makes true is decided as of its moment', () => {
  const features = compileFeatures(
    [{ name: 'recent', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 4_000, paneMs: 1_000 } }],
    1_800_000,
    fail,
  )
  const action = { value: 1, contact: { cooldownMs: 0, caps: [] }, channel: '', expiresMs: 5, payload: {} }
  const turns = { ...action, on: 'becomes_true' } as const
  const declared = [
    { ...turns, name: 'busy', when: 'recent >= 2', value: 3 },
    { ...turns, name: 'busy_too', when: 'recent >= 2' },
    { ...turns, name: 'quiet', when: 'recent == 0', payload: { who: { cel: 'customer' } } },
    { ...action, name: 'on_event', when: 'true', value: 2 },
  ]
  const arbitration = { emit: { top: 2 }, contact: { cooldownMs: 0, caps: [] } } as const
  const policy = compilePolicy(declared, arbitration, features.features, 'v1', fail)
  const pipeline = new Pipeline(stagesOf({ features, policy }))
  const known = profiles()
  let offset = 0
  /** The actions, each with the time of its decision (ms since the start) and its cause. */
  const tell = ({ actions }: { actions: readonly PublishedAction[] }) =>
    actions.map(({ action: name, time, trigger, event_id: id }) => `${name} at ${time - startMs} on ${trigger || id}`)
  const happens = (atMs: number) => {
    const event = eventOf(`e${offset++}`, 'c1', 'view', startMs + atMs)
    return tell(pipeline.fold(batchOf(1), 0, [event], known, startMs))
  }
  const passes = (atMs: number) => {
    const end = { topic: 'clicks', partition: 2, offset: 100 + offset }
    return tell(pipeline.fire(end, ['c1'], known, { nowMs: startMs, clockMs: startMs + atMs }))
  }
  const quiet = 'on recent == 0 became true as time passed'

  assert.deepEqual(happens(0), ['on_event at 0 on e0'])
  assert.deepEqual(happens(1_500), ['busy at 1500 on e1', 'on_event at 1500 on e1'], 'two of three are chosen')
  assert.deepEqual(happens(1_600), ['on_event at 1600 on e2'], 'it is met, and was')
  assert.deepEqual(passes(4_999), [])
  assert.deepEqual(passes(60_000), [`quiet at 5000 ${quiet}`], 'as of then, however late the clock is')
  assert.deepEqual(passes(60_000), [], 'once')
  assert.deepEqual(happens(1_700), ['on_event at 1700 on e3'], 'a late event is not looked at as of earlier')
  assert.deepEqual(happens(61_000), ['on_event at 61000 on e4'])
  assert.deepEqual(happens(90_000), [`quiet at 65000 ${quiet}`, 'on_event at 90000 on e5'], 'time passes before it')

  known.of('c1').timers = noTimers
  assert.deepEqual(
    happens(90_100),
    ['on_event at 90100 on e6'],
    'of a condition that is new it is noted that it is met',
  )
  assert.deepEqual(passes(99_000), [`quiet at 94000 ${quiet}`], 'and from then on it counts')
})

test('timers due at one moment are one decision, and those due earlier come first', () => {
  const quiet = (forMs: number) => ({ name: `quiet ${forMs}`, absent: 'false', after: 'true', forMs })
  const silence = { name: 'silence', absent: 'false', after: 'type == "view"', forMs: 5000 }
  const features = compileFeatures(
    [{ name: 'recent', kind: { name: 'count' }, window: { kind: 'sliding', sizeMs: 5_000, maxEvents: 10 } }],
    1_800_000,
    fail,
  )
  const action = { when: 'true', contact: { cooldownMs: 0, caps: [] }, channel: '', expiresMs: 0, payload: {} }
  const declared = [
    { ...action, name: 'early', on: quiet(1000), value: 1 },
    { ...action, name: 'small', on: quiet(5000), value: 1 },
    { ...action, name: 'large', on: silence, value: 10 },
    { ...action, name: 'turned', on: 'becomes_true', when: 'recent == 0', value: 5 } as const,
  ]
  /** The actions that the clock causes, each with the time of its decision and its cause; and how many timers fired. */
  const told = (
    arbitration: Parameters<typeof compilePolicy>[1],
    of: readonly (typeof declared)[number][],
    clockMs: number,
  ) => {
    const policy = compilePolicy(of, arbitration, features.features, 'v1', fail)
    const pipeline = new Pipeline(stagesOf({ features, policy }))
    const known = profiles()
    pipeline.fold(batchOf(1), 0, [eventOf('e', 'c1')], known, startMs)
    const clock = { nowMs: startMs, clockMs: startMs + clockMs }
    const { actions, decisions, tally } = pipeline.fire({ topic: 'x', partition: 0, offset: 101 }, ['c1'], known, clock)
    const lines = actions.map(
      ({ action: name, rank, time, trigger }) => `${rank} ${name} at ${time - startMs} on ${trigger}`,
    )
    return [...lines, `${tally.timers} timers, ${decisions.length} decisions`]
  }
  const one = { cooldownMs: 0, caps: [{ max: 1, perMs: 60_000 }] }
  const turned = 'recent == 0 became true as time passed'

  const absences = declared.filter(({ on }) => on !== 'becomes_true')
  assert.deepEqual(told({ emit: 'best', contact: one }, absences.slice(1), 6_000), [
    '1 large at 6000 on silence',
    '2 timers, 1 decisions',
  ])
  assert.deepEqual(
    told({ emit: 'best', contact: one }, absences, 6_000),
    ['1 early at 6000 on quiet 1000', '3 timers, 2 decisions'],
    'the earlier one has taken the only contact',
  )
  assert.deepEqual(
    told({ emit: 'all', contact: { cooldownMs: 0, caps: [] } }, declared, 6_000),
    [
      '1 early at 6000 on quiet 1000',
      '1 large at 5000 on silence',
      `2 turned at 5000 on ${turned}`,
      '3 small at 5000 on quiet 5000',
      '4 timers, 2 decisions',
    ],
    'as of the moment, where a condition has turned at it',
  )
  const ids = (actions: readonly PublishedAction[]) => actions.map(({ id }) => id)
  const pipeline = (of: readonly (typeof declared)[number][]) => {
    const policy = compilePolicy(of, { emit: 'all', contact: one }, features.features, 'v1', fail)
    const known = profiles()
    const own = new Pipeline(stagesOf({ features, policy }))
    own.fold(batchOf(1), 0, [eventOf('e', 'c1')], known, startMs)
    const clock = { nowMs: startMs, clockMs: startMs + 6_000 }
    return ids(own.fire({ topic: 'x', partition: 0, offset: 101 }, ['c1'], known, clock).actions)
  }
  assert.deepEqual(pipeline(absences.slice(1)), pipeline(absences.slice(2)), 'an id is of the own timer alone')
})

test('a timer whose decision throws has still fired', () => {
  const on = { name: 'quiet', absent: 'false', after: 'true', forMs: 1000 }
  const action = { name: 'x', on, when: 'true', value: 1, contact: { cooldownMs: 9, caps: [] } }
  const stages = stagesOf({
    encodeAction: () => {
      throw new Error('a bug')
    },
  })
  const arbitration = { emit: 'best', contact: { cooldownMs: 0, caps: [] } } as const
  const declared = [{ ...action, channel: '', expiresMs: 0, payload: {} }]
  const pipeline = new Pipeline({ ...stages, policy: compilePolicy(declared, arbitration, [], 'v1', fail) })
  const known = profiles()
  pipeline.fold(batchOf(1), 0, [eventOf('e', 'c1')], known, startMs)
  const end = { topic: 'clicks', partition: 2, offset: 101 }
  const clock = { nowMs: startMs, clockMs: startMs + 1000 }
  const { faults, records, decisions, tally, quarantined } = pipeline.fire(end, ['c1'], known, clock)
  assert.deepEqual([(faults[0] as Error).message, records.length], ['a bug', 0])
  assert.deepEqual([tally.timers, decisions.length, known.of('c1').contacts.size], [0, 0, 0])
  assert.deepEqual(quarantined, { offsets: [], timers: [`${startMs + 1000} c1`] })
  assert.equal(pipeline.fire(end, ['c1'], known, clock).faults.length, 0, 'it is not due any more')

  const mended = new Pipeline(stagesOf({ policy: compilePolicy(declared, arbitration, [], 'v1', fail) }))
  const again = profiles()
  mended.fold(batchOf(1), 0, [eventOf('e', 'c1')], again, startMs)
  const leftOut = { offsets: new Set<number>(), timers: new Set(quarantined.timers) }
  assert.equal(mended.fire(end, ['c1'], again, clock, undefined, leftOut).actions.length, 0)
  assert.deepEqual(again.of('c1').timers, known.of('c1').timers, 'a replay makes of it the same')
})

test('an outcome counts for features, touches no session, and asks only the actions that read what it is', () => {
  const of = (name: string, when: string) => ({
    name,
    when,
    value: 1,
    contact: { cooldownMs: 0, caps: [] },
    channel: '',
    expiresMs: 0,
    payload: {},
  })
  const features = compileFeatures(
    [
      { name: 'all', kind: { name: 'count' }, window: { kind: 'lifetime' } },
      {
        name: 'rejections',
        kind: { name: 'count' },
        window: { kind: 'lifetime' },
        where: 'type == "outcome" && outcome == "rejection"',
      },
      { name: 'here', kind: { name: 'count' }, window: { kind: 'session' } },
    ],
    1_800_000,
    fail,
  )
  const policy = compilePolicy(
    [of('any', 'all > 0'), of('sorry', 'outcome == "rejection" && rejections == 1 && session_index == 1')],
    { emit: 'all', contact: { cooldownMs: 0, caps: [] } },
    features.features,
    'v1',
    fail,
  )
  const roles = new Map([['clicks', 'outcomes'] as const])
  const known = profiles()
  const ordinary = new Pipeline(stagesOf({ features, policy }))
  const outcomes = new Pipeline(stagesOf({ features, policy, roles }))
  const outcome = (id: string, what: string, atMs: number) => {
    const event = eventOf(id, 'c', 'outcome', atMs)
    event.properties = new Properties(['outcome'], [what])
    return event
  }
  const first = ordinary.fold(batchOf(1), 0, [eventOf('a', 'c')], known, startMs)
  assert.deepEqual(namesOf(first.actions), ['any'])
  const later = startMs + 3_600_000
  const decoded = [
    outcome('b', 'delivered', startMs + 1),
    outcome('c', 'rejection', later),
    outcome('c', 'rejection', later),
  ]
  const { actions, events, tally } = outcomes.fold(batchOf(3), 0, decoded, known, startMs)
  assert.deepEqual(namesOf(actions), ['sorry'])
  assert.equal(tally.duplicates, 1)
  assert.deepEqual(
    events.map(({ sessionIndex, sessionStartMs }) => [sessionIndex, sessionStartMs]),
    [
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  )
  const profile = known.of('c')
  assert.deepEqual({ ...profile.session }, { index: 1, startMs, lastMs: startMs, events: 1, entryPage: '' })
  const moment = { ...profile, asOfMs: startMs + 1 }
  assert.deepEqual(
    features.features.map(({ read }) => read(moment)),
    [3, 1, 1],
  )
})

const namesOf = (actions: readonly PublishedAction[]) => actions.map(({ action }) => action)

test('a published action begins a case, which an event that meets its goal closes, or else the end of its window', () => {
  const { features } = stagesOf()
  const contact = { cooldownMs: 0, caps: [] }
  const offer = {
    name: 'offer',
    when: 'type == "view"',
    value: 2,
    contact,
    channel: 'mail',
    expiresMs: 0,
    payload: {},
    goal: { when: 'type == "order"', withinMs: 60_000, value: 'properties.revenue' },
  }
  const policy = compilePolicy([offer], { emit: 'best', contact }, features.features, 'v1', fail)
  const pipeline = new Pipeline(stagesOf({ policy }))
  const known = profiles()
  const order = eventOf('c', 'c2', 'order', startMs + 10)
  order.properties = new Properties(['revenue'], [9])
  const decoded = [eventOf('a', 'c1'), eventOf('b', 'c2'), order, eventOf('d', 'c1', 'order', startMs + 60_000)]
  const { actions, cases, tally } = pipeline.fold(batchOf(4), 0, decoded, known, startMs)
  const seen = (all: typeof cases) =>
    all.map(({ customer, position, now }) => [customer, position, verdictOf(now), now.revision, now.value || 0])
  assert.deepEqual(seen(cases), [
    ['c1', 100, 'open', 1, 0],
    ['c2', 101, 'open', 1, 0],
    ['c2', 102, 'positive', 2, 9],
  ])
  assert.deepEqual(
    cases.map(({ now }) => now.id),
    [actions[0]!.id, actions[1]!.id, actions[1]!.id],
  )
  assert.deepEqual(
    [...tally.verdicts],
    [
      ['offer\nopen', 2],
      ['offer\npositive', 1],
    ],
  )
  assert.deepEqual([...tally.outcomes], [['offer\ngoal\nclosed', 1]])

  const end = { topic: 'clicks', partition: 2, offset: 104 }
  const at = (clockMs: number) => pipeline.fire(end, ['c1', 'c2'], known, { nowMs: clockMs, clockMs })
  assert.deepEqual(seen(at(startMs + 59_999).cases), [])
  assert.deepEqual(seen(at(startMs + 60_000).cases), [['c1', 104, 'unseen', 2, 0]])
  assert.deepEqual(seen(at(startMs + 90_000).cases), [])
})
