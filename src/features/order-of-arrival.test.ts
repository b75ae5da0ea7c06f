import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePolicy } from '../decide/compile-policy.ts'
import { compileActionEncoder } from '../emit/encode-action.ts'
import { compileEnricher } from '../enrich/enrich.ts'
import { Event, Properties } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { Pipeline } from '../pipeline.ts'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import type { AggregateDeclaration } from './declaration.ts'
import { compile, type Fact, gapMs, read } from './test-fold.ts'
import type { Window } from './window.ts'

/** The whole pipeline, de-duplication included: what a profile reads depends on its events, not on how they came. */

const minuteMs = 60_000
/** As late as the events of this test come, and the features allow. */
const latenessMs = 45 * minuteMs

const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 20 * minuteMs, paneMs: 5 * minuteMs },
  { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 60 * minuteMs },
  { kind: 'sliding', sizeMs: 60 * minuteMs, maxEvents: 5 },
  { kind: 'calendar', period: 'day', timezone: 'Europe/Paris' },
  { kind: 'calendar', period: 'day', timezone: 'customer' },
  { kind: 'events', count: 5 },
  { kind: 'session' },
  { kind: 'lifetime' },
]
const kinds: readonly AggregateDeclaration[] = [
  { name: 'count' },
  { name: 'sum', of: 'properties.v', scale: 2 },
  { name: 'first', of: 'properties.v' },
  { name: 'last', of: 'properties.v' },
  { name: 'top', of: 'properties.v', k: 3, max: 100 },
]
const funnel = {
  name: 'funnel',
  steps: ['type == "a"', 'type == "b"', 'type == "a"'],
  withinMs: 30 * minuteMs,
  maxEvents: 1_000,
} as const
const features = compile([
  ...windows.flatMap((window, w) =>
    kinds.flatMap((kind, k) => [
      { name: `all_${w}_${k}`, kind, window, latenessMs },
      { name: `b_${w}_${k}`, kind, window, latenessMs, where: 'type == "b"' },
    ]),
  ),
  { name: 'funnel', kind: funnel, window: { kind: 'lifetime' }, latenessMs },
  { name: 'funnel_lately', kind: funnel, window: { kind: 'sliding', sizeMs: 60 * minuteMs, maxEvents: 1_000 } },
])
const layout = layoutOf(features, [])

const contact = { cooldownMs: 0, caps: [] }
const pipeline = new Pipeline({
  decode: () => undefined,
  enrich: compileEnricher({ userAgent: false, bot: false, campaign: false, referrer: null, geo: null }),
  session: { idleMs: gapMs, maxMs: 86_400_000 },
  dedupe: { windowMs: 86_400_000, maxIds: 1_000 },
  features,
  policy: compilePolicy([], { emit: 'all', contact }, [], 'v', (_action, _path, fault) => assert.fail(fault as Error)),
  encodeAction: compileActionEncoder('actions', 'json'),
  roles: new Map(),
  deadLetterTopic: 'dead',
  maxRecordBytes: 900_000,
})

const batch = { topic: 't', partition: 0, offset: (i: number) => i } as RecordBatch

/** Folds one event into the profile, as the service would. @returns how many features it was late for */
function take(profile: Profile, { id = '', timeMs, type, value, timezone = '' }: Fact): number {
  const event = new Event()
  Object.assign(event, { id, customer: 'c', timeMs, type, timezone, properties: new Properties(['v'], [value]) })
  const profiles = { of: () => profile, origin: 0, take: () => true, schedule() {} }
  const { tally, faults } = pipeline.fold(batch, 0, [event], profiles, timeMs)
  assert.deepEqual(faults, [])
  return tally.late
}

function storedAndRead(profile: Profile): Profile {
  const out = new RowBuffer()
  writeState(out, profile, layout)
  out.endRow()
  return readState('c', out.take().bytes, layout)
}

/** Events over five hours; `delayMs` after its own time each reaches the log, and some a second time. */
const arrivals = fc
  .array(
    fc.record({
      timeMs: fc.integer({ min: 0, max: 300 }).map((minutes) => 1_700_000_000_000 + minutes * minuteMs),
      delayMs: fc.integer({ min: 0, max: latenessMs }),
      againMs: fc.option(fc.integer({ min: 0, max: 300 * minuteMs })),
      type: fc.constantFrom('a', 'b', 'c'),
      value: fc.integer({ min: 0, max: 9 }),
      timezone: fc.constantFrom('', 'America/New_York', 'Asia/Kolkata'),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((given) => given.map((fact, i) => ({ ...fact, id: `e${(i * 7) % 40}` })))

test('events that are no later than allowed read the same in any order, repeated, and through the store', () => {
  fc.assert(
    fc.property(arrivals, fc.nat(80), fc.integer({ min: 0, max: 90 * minuteMs }), (given, cut, laterMs) => {
      const inOrder = new Profile('c')
      for (const fact of [...given].sort((a, b) => a.timeMs - b.timeMs)) take(inOrder, fact)

      let asTheyCame = new Profile('c')
      const sent = given.flatMap((fact) => {
        const firstMs = fact.timeMs + fact.delayMs
        return [firstMs, ...(fact.againMs === null ? [] : [firstMs + fact.againMs])].map((atMs) => ({ fact, atMs }))
      })
      for (const [i, { fact }] of sent.sort((a, b) => a.atMs - b.atMs).entries()) {
        if (i === cut) asTheyCame = storedAndRead(asTheyCame)
        assert.equal(take(asTheyCame, fact), 0, 'none is late')
      }
      const asOfMs = inOrder.streamTimeMs + laterMs
      assert.equal(asTheyCame.streamTimeMs, inOrder.streamTimeMs)
      for (const moment of [inOrder.streamTimeMs, asOfMs]) {
        assert.deepEqual(read(features, asTheyCame, moment), read(features, inOrder, moment))
      }
    }),
    { numRuns: 300 },
  )
})
