import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compile, fold } from '../features/test-fold.ts'
import { Profile } from '../profiles/profile.ts'
import { type Crossing, crossByEvent, crossByTime, lookAhead } from './crossing.ts'
import { eventlessMoment } from './eventless-moment.ts'
import type { CrossingState } from './states.ts'

const gapMs = 9
const features = compile(
  [
    { name: 'hopping', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 12, paneMs: 4 } },
    { name: 'sliding', kind: { name: 'count' }, window: { kind: 'sliding', sizeMs: 7, maxEvents: 100 } },
    { name: 'session', kind: { name: 'count' }, window: { kind: 'session' } },
  ],
  gapMs,
)
const names = ['hopping', 'sliding', 'session'] as const
type Counts = Record<(typeof names)[number], number>

/** The same from the times of all events, by the rules of docs/features.md. */
function countsOf(times: readonly number[], asOfMs: number): Counts {
  const session = [...times].sort((a, b) => b - a)
  let events = 0
  for (let laterMs = asOfMs; events < session.length && laterMs - session[events]! <= gapMs; events++) {
    laterMs = session[events]!
  }
  return {
    hopping: times.filter((ms) => Math.floor(ms / 4) > Math.floor(asOfMs / 4) - 3).length,
    sliding: times.filter((ms) => ms > asOfMs - 7).length,
    session: events,
  }
}

const conditions: Readonly<Record<string, (counts: Counts) => boolean>> = {
  'few are left of many': ({ hopping, sliding }) => hopping > 0 && sliding < 2,
  'exactly two': ({ hopping }) => hopping === 2,
  'at least three': ({ sliding }) => sliding >= 3,
  'the session is over': ({ session }) => session === 0,
  'an odd number': ({ hopping, sliding, session }) => (hopping + sliding + session) % 2 === 1,
}

interface Step {
  readonly what: 'event' | 'clock' | 'look'
  readonly ms: number
}

/** When the condition becomes true: by the step of that index, or as of a ms. */
type Turns = string[]

/** As the engine does it: with each event, and when time changes something. */
function turnsOf(condition: (counts: Counts) => boolean, steps: readonly Step[]): Turns {
  const crossing: Crossing = {
    kind: 'crossing',
    name: 'c',
    signature: 'c',
    names: new Set(['n']),
    when: (moment) =>
      condition(
        Object.fromEntries(features.features.map(({ name, read }) => [name, read(moment)])) as unknown as Counts,
      ),
    changes: features.features.map(({ nextChangeMs }) => nextChangeMs!),
  }
  const profile = new Profile('c')
  const turns: Turns = []
  const passTime = (untilMs: number) => {
    const state = profile.timers[0] as CrossingState | undefined
    while (state !== undefined && state.nextMs <= untilMs) {
      const moment = eventlessMoment(profile, state.nextMs)
      if (crossByTime(crossing, state, moment)) turns.push(`at ${moment.asOfMs}`)
    }
  }
  for (const [index, { what, ms }] of steps.entries()) {
    if (what === 'clock') passTime(ms)
    else if (what === 'look') {
      if (profile.timers[0]) lookAhead(crossing, profile.timers[0] as CrossingState, eventlessMoment(profile, 0))
    } else {
      const isFirst = profile.streamTimeMs === 0
      passTime(Math.max(profile.streamTimeMs, ms) - 1)
      fold(features, profile, { timeMs: ms, type: 'a', value: 1 })
      const moment = eventlessMoment(profile, profile.streamTimeMs)
      if (crossByEvent(crossing, profile, 0, moment, !isFirst)) turns.push(`step ${index}`)
    }
  }
  return turns
}

/** As it is meant: looked at with each event, and at every ms. */
function bruteForce(condition: (counts: Counts) => boolean, steps: readonly Step[]): Turns {
  const times: number[] = []
  const turns: Turns = []
  let met = false
  let streamMs = 0
  let turnedMs = 0
  let walkedMs = 0
  const evaluate = (asOfMs: number, what: string) => {
    const now = condition(countsOf(times, asOfMs))
    if (now && !met) turns.push(what)
    if (now !== met) turnedMs = asOfMs
    met = now
  }
  const passTime = (untilMs: number) => {
    for (; times.length > 0 && walkedMs < untilMs; walkedMs++) evaluate(walkedMs + 1, `at ${walkedMs + 1}`)
  }
  for (const [index, { what, ms }] of steps.entries()) {
    if (what === 'clock') passTime(ms)
    if (what !== 'event') continue
    passTime(Math.max(streamMs, ms) - 1)
    times.push(ms)
    streamMs = Math.max(streamMs, ms)
    const asOfMs = Math.max(streamMs, turnedMs)
    evaluate(asOfMs, `step ${index}`)
    turnedMs = asOfMs
    walkedMs = asOfMs
  }
  return turns
}

/** Events, some of them late, and a clock that is at times ahead of them and at times behind. */
const play = fc
  .array(fc.tuple(fc.constantFrom('event', 'event', 'clock', 'look'), fc.nat(10), fc.integer({ min: -8, max: 4 })), {
    maxLength: 25,
  })
  .map((parts) => {
    let nowMs = 1_000
    return parts.map(([what, passesMs, offMs]): Step => {
      nowMs += passesMs
      return { what: what as Step['what'], ms: nowMs + (what === 'event' ? offMs : 0) }
    })
  })

test('looking ahead past many rows goes there in steps', () => {
  let evaluations = 0
  const crossing: Crossing = {
    kind: 'crossing',
    name: 'c',
    signature: 'c',
    names: new Set(['n']),
    when: ({ asOfMs }) => {
      evaluations++
      return asOfMs >= 1_200
    },
    changes: [({ asOfMs }) => asOfMs + 1],
  }
  const state: CrossingState = { met: false, asOfMs: 1_000, nextMs: 1_001 }
  const moment = eventlessMoment(new Profile('c'), 0)
  let looks = 0
  while (lookAhead(crossing, state, moment)) {
    looks++
    assert(evaluations <= looks * 64)
  }
  assert.deepEqual([looks, state.nextMs], [4, 1_200])
})

for (const [name, condition] of Object.entries(conditions)) {
  test(`a condition becomes true when looking at every ms says so: ${name}`, () => {
    fc.assert(
      fc.property(play, (steps) => {
        const end = [...steps, { what: 'clock', ms: (steps.at(-1)?.ms ?? 0) + 50 } as const]
        assert.deepEqual(turnsOf(condition, end), bruteForce(condition, end))
      }),
      { numRuns: 1_000 },
    )
  })
}
