import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Profile } from '../profiles/profile.ts'
import { compile, type Fact, fold, read } from './test-fold.ts'
import type { Window } from './window.ts'

const gapMs = 9
const hourMs = 3_600_000

/** Each kind of window, in ms short enough to go through one by one. */
const windows: Readonly<Record<string, Window>> = {
  hopping: { kind: 'panes', sizeMs: 12, paneMs: 4 },
  tumbling: { kind: 'panes', sizeMs: 7, paneMs: 7 },
  sliding: { kind: 'sliding', sizeMs: 11, maxEvents: 4 },
  session: { kind: 'session' },
  lifetime: { kind: 'lifetime' },
  'last events': { kind: 'events', count: 3 },
}
/** Past all that any of them holds. */
const horizonMs = 30

const countOver = (window: Window) =>
  compile([{ name: 'n', kind: { name: 'count' }, where: 'type == "a"', window }], gapMs)

const fact = (timeMs: fc.Arbitrary<number>): fc.Arbitrary<Fact> =>
  fc.record({ timeMs, type: fc.constantFrom('a', 'a', 'b'), value: fc.constant(1), id: fc.string({ maxLength: 3 }) })

/** What is read as of each moment after that, until it changes. */
function assertNextChange(set: ReturnType<typeof countOver>, profile: Profile, asOfMs: number, moments: number[]) {
  const { groups, session, traits } = profile
  const nextMs = set.features[0]!.nextChangeMs!({ groups, session, traits, notReady: undefined, asOfMs })
  const { n: now } = read(set, profile, asOfMs)
  const first = moments.find((timeMs) => read(set, profile, timeMs)['n'] !== now) ?? Number.POSITIVE_INFINITY
  assert.equal(nextMs, first)
}

for (const [name, window] of Object.entries(windows)) {
  test(`of a ${name} window it is known when time changes what is read next, to the ms`, () => {
    const set = countOver(window)
    const facts = fc.array(fact(fc.integer({ min: 1_000, max: 1_040 })), { maxLength: 12 })
    fc.assert(
      fc.property(facts, fc.nat(horizonMs), (given, laterMs) => {
        const profile = new Profile('c')
        for (const one of given) fold(set, profile, one)
        const asOfMs = Math.max(1_000, profile.streamTimeMs) + laterMs
        assertNextChange(
          set,
          profile,
          asOfMs,
          Array.from({ length: horizonMs }, (_, i) => asOfMs + 1 + i),
        )
      }),
      { numRuns: 400 },
    )
  })
}

for (const timezone of ['UTC', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'customer']) {
  for (const period of ['day', 'week', 'month'] as const) {
    test(`of a calendar ${period} in ${timezone} it is known when it ends`, () => {
      const set = countOver({ kind: 'calendar', period, timezone })
      // Around the turns of the clocks of 2026, and of the year.
      const starts = fc
        .constantFrom('2026-03-07', '2026-04-04', '2026-10-31', '2026-12-31')
        .map((day) => Date.parse(day))
      const times = fc.tuple(starts, fc.nat(48 * hourMs)).map(([startMs, ms]) => startMs + ms)
      const facts = fc.array(fact(times), { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(facts, fc.nat(24 * hourMs), (given, laterMs) => {
          const profile = new Profile('c')
          for (const one of given) fold(set, profile, { ...one, timezone: 'Europe/Paris' })
          const asOfMs = profile.streamTimeMs + laterMs
          const quarterMs = hourMs / 4
          const firstMs = Math.floor(asOfMs / quarterMs) * quarterMs + quarterMs
          const quarters = Array.from({ length: 33 * 96 }, (_, i) => firstMs + i * quarterMs)
          // Local days begin at quarter hours; that none begins a ms before is looked at too.
          const moments = quarters.slice(0, 200).flatMap((ms) => [ms - 1, ms])
          assertNextChange(
            set,
            profile,
            asOfMs,
            [...moments, ...quarters.slice(200)].filter((ms) => ms > asOfMs),
          )
        }),
        { numRuns: 25 },
      )
    })
  }
}

test('what changes all the time has no such moment', () => {
  const over = { kind: 'panes', sizeMs: 12, paneMs: 4 } as const
  const set = compile([
    { name: 'idle', kind: { name: 'time_since' }, window: { kind: 'lifetime' } },
    { name: 'age', kind: { name: 'time_since_first' }, window: over },
    { name: 'heat', kind: { name: 'decayed_sum', of: 'properties.v', halfLifeMs: 5 }, window: over },
    { name: 'pace', kind: { name: 'rate', perMs: 1, scale: 0 }, window: over },
    { name: 'double', value: 'pace * 2.0' },
  ])
  assert.deepEqual(
    set.features.map(({ name, nextChangeMs }) => [name, nextChangeMs !== undefined]),
    [
      ['idle', false],
      ['age', false],
      ['heat', false],
      ['pace', true],
      ['double', false],
    ],
  )
})
