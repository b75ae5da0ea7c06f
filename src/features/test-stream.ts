import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compilePolicy } from '../decide/compile-policy.ts'
import { compileActionEncoder } from '../emit/encode-action.ts'
import { compileEnricher } from '../enrich/enrich.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { Pipeline } from '../pipeline.ts'
import { layoutOf, readState, writeState } from '../profiles/codec.ts'
import type { Profile } from '../profiles/profile.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { lackingAfter } from './carry-over.ts'
import type { FeatureSet } from './features.ts'
import type { PastEvent } from './refold.ts'
import { gapMs } from './test-fold.ts'

/** One customer's events through the whole pipeline, for tests. */

export const minuteMs = 60_000

const contact = { cooldownMs: 0, caps: [] }
const enrich = compileEnricher({ userAgent: false, bot: false, campaign: false, referrer: null, geo: null })

export function pipelineOf(features: FeatureSet): Pipeline {
  return new Pipeline({
    decode: () => undefined,
    enrich,
    session: { idleMs: gapMs, maxMs: 4 * gapMs },
    dedupe: { windowMs: 86_400_000, maxIds: 1_000 },
    features,
    policy: compilePolicy([], { emit: 'all', contact }, [], 'v', (_action, _path, fault) =>
      assert.fail(fault as Error),
    ),
    encodeAction: compileActionEncoder('actions', 'json'),
    roles: new Map(),
    deadLetterTopic: 'dead',
    maxRecordBytes: 900_000,
  })
}

const batch = { topic: 't', partition: 0, offset: (i: number) => i } as RecordBatch

/** Folds an event in, as the service would. @returns what the store has of it; undefined of a duplicate */
export function take(pipeline: Pipeline, profile: Profile, event: Event): PastEvent | undefined {
  const profiles = { of: () => profile, origin: 0, take: () => true, schedule() {} }
  const { tally, faults } = pipeline.fold(batch, 0, [event], profiles, event.timeMs)
  assert.deepEqual(faults, [])
  if (tally.duplicates > 0) return undefined
  const { index, startMs } = profile.session
  return { event, enrichment: enrich(event), sessionIndex: index, sessionStartMs: startMs }
}

/** Stored under some rules, and read under others. */
export function change(profile: Profile, before: FeatureSet, after: FeatureSet): Profile {
  const out = new RowBuffer()
  writeState(out, profile, layoutOf(before, []))
  out.endRow()
  const changed = readState('c', out.take().bytes, layoutOf(after, []))
  changed.notReady = lackingAfter(before, profile.notReady, after)
  return changed
}

/** Some hours of one customer's events, many of them late, repeated or of one ms. */
export const someEvents = fc
  .array(
    fc.record({
      minutes: fc.integer({ min: 0, max: 400 }),
      id: fc.integer({ min: 0, max: 40 }),
      type: fc.constantFrom('a', 'b', 'c'),
      value: fc.constantFrom<Value>(0, 1, 2, 3, -1.5, 'x', true, null),
      url: fc.constantFrom('', 'https://shop/a', 'https://shop/b'),
      timezone: fc.constantFrom('', 'America/New_York', 'Asia/Kolkata'),
      /** In the same ms as the event before. */
      again: fc.boolean(),
    }),
    { minLength: 4, maxLength: 50 },
  )
  .map((given) => {
    let timeMs = 0
    return given.map(({ minutes, id, type, value, url, timezone, again }, i) => {
      const event = new Event()
      // Some hours of progress, so that much of the disorder is later than allowed.
      if (!again || i === 0) timeMs = 1_700_000_000_000 + (minutes + i * 15) * minuteMs
      return Object.assign(event, {
        id: `e${id}`,
        customer: 'c',
        type,
        timeMs,
        url,
        timezone,
        properties: new Properties(['v'], [value]),
      })
    })
  })
