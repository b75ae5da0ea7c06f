import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { noSession } from '../enrich/session.ts'
import { Event } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'
import { type Absence, updateAbsences } from './absence.ts'
import { type AbsenceState, noTimers, type TimerStates } from './states.ts'
import { dueMs } from './timer.ts'

const is = (type: string) => (moment: Moment) => moment.event.type === type
const absence = (absent: Absence['absent'], after: Absence['after'], forMs: number): Absence => {
  return { kind: 'absence', name: 'a', signature: 'a', absent, after, forMs }
}
const cart = absence(is('buy'), is('add'), 30)
const always = () => true
const quiet = absence(always, always, 10)

function momentOf(type: string, timeMs: number): Moment {
  const event = new Event()
  event.type = type
  event.timeMs = timeMs
  const enrichment = {
    agent: noAgent,
    campaign: noCampaign,
    referrer: noReferrer,
    channelGroup: '' as const,
    geo: noGeo,
  }
  return { event, enrichment, session: noSession(), traits: new Map(), groups: [], notReady: undefined, asOfMs: timeMs }
}

type Step = readonly [type: string, timeMs: number]

/** When the timer is due after these events, in the order in which they come; `fires` is its firing. */
function dueAfter(timer: Absence, ...steps: readonly Step[]): number {
  const profile: { timers: TimerStates } = { timers: noTimers }
  for (const [type, timeMs] of steps) {
    if (type === 'fires') (profile.timers[0] as AbsenceState).fired = true
    else updateAbsences([timer], profile, momentOf(type, timeMs))
  }
  return dueMs(timer, profile.timers[0])
}

const never = Number.POSITIVE_INFINITY
const cases: [what: string, steps: Step[], dueMs: number][] = [
  ['it runs from what starts it', [['add', 100]], 130],
  [
    'other events leave it alone',
    [
      ['add', 100],
      ['view', 110],
    ],
    130,
  ],
  [
    'what is absent cancels it',
    [
      ['add', 100],
      ['buy', 110],
    ],
    never,
  ],
  [
    'a later start moves it',
    [
      ['add', 100],
      ['add', 120],
    ],
    150,
  ],
  [
    'a start that comes late moves nothing',
    [
      ['add', 120],
      ['add', 100],
    ],
    150,
  ],
  [
    'what came before it started cancels nothing',
    [
      ['buy', 90],
      ['add', 100],
    ],
    130,
  ],
  [
    'what comes late cancels by its own time',
    [
      ['add', 100],
      ['view', 125],
      ['buy', 105],
    ],
    never,
  ],
  [
    'a cancelling event may even come before the start',
    [
      ['buy', 105],
      ['add', 100],
    ],
    never,
  ],
  [
    'a start after the cancelling starts again',
    [
      ['add', 100],
      ['buy', 110],
      ['add', 120],
    ],
    150,
  ],
  [
    'it fires once',
    [
      ['add', 100],
      ['fires', 0],
    ],
    never,
  ],
  [
    'and again after a new start',
    [
      ['add', 100],
      ['fires', 0],
      ['add', 140],
    ],
    170,
  ],
  [
    'but not after one that comes late',
    [
      ['add', 100],
      ['fires', 0],
      ['add', 90],
    ],
    never,
  ],
]
for (const [what, steps, expected] of cases) {
  test(`of a timer: ${what}`, () => assert.equal(dueAfter(cart, ...steps), expected))
}

test('an event that is both starts again: inactivity', () => {
  assert.equal(dueAfter(quiet, ['a', 100], ['b', 105]), 115)
})

test('before it fires, the order in which the events come does not matter', () => {
  const step = fc.tuple(fc.constantFrom('add', 'buy', 'view'), fc.integer({ min: 1, max: 20 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), (steps, keys) => {
      const parted = steps.map((one, i) => [keys[i]!, one] as const).sort(([a], [b]) => a - b)
      assert.equal(dueAfter(cart, ...parted.map(([, one]) => one)), dueAfter(cart, ...steps))
    }),
  )
})

test('profiles without a timer share one empty list', () => {
  const profile: { timers: TimerStates } = { timers: noTimers }
  assert.equal(updateAbsences([cart], profile, momentOf('view', 1)), false)
  assert.equal(profile.timers, noTimers)
  assert.equal(updateAbsences([cart], profile, momentOf('add', 1)), true)
  assert.deepEqual(noTimers, [])
})
