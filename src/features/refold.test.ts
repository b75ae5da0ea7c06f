import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Event, Properties } from '../events/event.ts'
import { Profile } from '../profiles/profile.ts'
import type { AggregateDeclaration, AggregateFeature } from './declaration.ts'
import type { NotReady } from './moment.ts'
import { type PastEvent, planRefold, Refold } from './refold.ts'
import { compile, read } from './test-fold.ts'
import { change, minuteMs, pipelineOf, someEvents, take } from './test-stream.ts'
import type { Window } from './window.ts'

/** The whole pipeline: what is computed anew from past events is what a profile has that gathered it all along. */

const windows: readonly Window[] = [
  { kind: 'panes', sizeMs: 60 * minuteMs, paneMs: 10 * minuteMs },
  { kind: 'sliding', sizeMs: 90 * minuteMs, maxEvents: 4 },
  { kind: 'calendar', period: 'day', timezone: 'Europe/Paris' },
  { kind: 'calendar', period: 'day', timezone: 'customer' },
  { kind: 'calendar', period: 'month', timezone: 'customer' },
  { kind: 'events', count: 4 },
  { kind: 'session' },
  { kind: 'lifetime' },
]
const steps = ['type == "a"', 'type == "b"', 'type == "a"']
const funnel: AggregateDeclaration = { name: 'funnel', steps, withinMs: 30 * minuteMs, maxEvents: 3 }
const v = 'properties.v'
const kinds: readonly AggregateDeclaration[] = [
  { name: 'count' },
  { name: 'sum', of: v, scale: 2 },
  { name: 'last', of: v },
  { name: 'last_n', of: v, n: 3 },
  { name: 'distinct', of: v, max: 2 },
  // Past its bound the order of the events matters.
  { name: 'top', of: v, k: 2, max: 2 },
  { name: 'count', by: { key: 'type', max: 2 } },
]
const declared: readonly AggregateFeature[] = [
  ...windows.flatMap((window, w) =>
    kinds.flatMap((kind, k) => [
      { name: `all_${w}_${k}`, kind, window },
      { name: `b_${w}_${k}`, kind, window, where: 'type == "b"', latenessMs: 40 * minuteMs },
    ]),
  ),
  { name: 'funnel', kind: funnel, window: { kind: 'lifetime' } },
  { name: 'funnel_lately', kind: funnel, window: { kind: 'sliding', sizeMs: 60 * minuteMs, maxEvents: 4 } },
  { name: 'decayed', kind: { name: 'decayed_sum', of: v, halfLifeMs: 3_600_000 }, window: { kind: 'lifetime' } },
  { name: 'early', kind: { name: 'count' }, where: 'session_events < 3', window: { kind: 'lifetime' } },
  { name: 'entry', kind: { name: 'top', of: 'entry_page', k: 2, max: 9 }, window: windows[0]! },
  { name: 'nth', kind: { name: 'max', of: 'session_index' }, window: windows[0]! },
]

for (const isKept of [true, false]) {
  const what = isKept ? 'all events' : 'events of which a TTL has deleted some'
  test(`a refold of ${what} at any point gives what was gathered from the first event on, late, repeated and out of order`, () => {
    const after = compile(declared)
    const whole = pipelineOf(after)
    const subset = fc.subarray([...declared], { maxLength: declared.length - 1 })
    let changed = 0
    fc.assert(
      fc.property(
        someEvents,
        subset,
        fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)),
        fc.nat(50),
        (given, earlier, cuts, gone) => {
          // Longer windows, too, than there were.
          const before = compile(earlier.map((one) => ({ ...one, window: shorter(one.window) })))
          const points = cuts.map((cut) => cut % given.length).sort((a, b) => a - b)
          const [switched, begun, placed] = points as [number, number, number]
          const expected = new Profile('c')
          let found = new Profile('c')
          let pipeline = pipelineOf(before)
          let refold: Refold | undefined
          /** What may lack events that the store has lost. */
          let unsure: NotReady = new Set()
          const past: PastEvent[] = []
          for (const [i, event] of given.entries()) {
            if (i === switched) {
              found = change(found, before, after)
              if (!isKept) unsure = found.notReady ?? unsure
              pipeline = whole
            }
            if (i === begun && found.notReady !== undefined) {
              const plan = planRefold(after, found.notReady)
              refold = new Refold(plan)
              const sinceMs = found.streamTimeMs - plan.spanMs
              // Most of what is old is gone, and the odd row with it.
              const isThere = (_: PastEvent, n: number) => isKept || n % 7 > gone % 7 || n > gone
              for (const one of past.filter(isThere)) if (one.event.timeMs >= sinceMs) refold.add(one)
              found.later = []
            }
            if (i === placed && refold !== undefined) {
              for (const one of found.later!) refold.add(one)
              refold.replaceIn(found.groups, found.streamTimeMs)
              found.notReady = undefined
              found.later = undefined
              refold = undefined
              changed++
            }
            take(whole, expected, event)
            const taken = take(pipeline, found, event)
            if (taken !== undefined) past.push(taken)
            if (pipeline !== whole) continue
            const [values, wanted] = [read(after, found), read(after, expected)]
            for (const { name } of declared) {
              if (unsure.has(name)) continue
              const isReady = !found.notReady?.has(name)
              assert.deepEqual(values[name], isReady ? wanted[name] : undefined, `${name} after ${i}`)
            }
          }
        },
      ),
      { numRuns: 300 },
    )
    assert.ok(changed > 50, `${changed} refolds`)
  })
}

test('complete features keep what they know of events that the store no longer has', () => {
  const window: Window = { kind: 'lifetime' }
  const [first, more] = [
    { name: 'first', kind: { name: 'count' }, window },
    { name: 'more', kind: { name: 'last_n', of: v, n: 9 }, window },
  ] as const
  const today: AggregateFeature = {
    name: 'today',
    kind: { name: 'count' },
    window: { kind: 'calendar', period: 'day', timezone: 'customer' },
  }
  const [before, after] = [compile([first]), compile([first, more, today])]
  const profile = new Profile('c')
  const past = [1, 2, 3].map((value) => {
    const event = Object.assign(new Event(), { id: `e${value}`, customer: 'c', type: 'a', timeMs: value })
    event.properties = new Properties(['v'], [value])
    return take(pipelineOf(before), profile, event)!
  })
  for (const stored of [past.slice(2), []]) {
    const found = change(profile, before, after)
    const refold = new Refold(planRefold(after, found.notReady!))
    for (const one of stored) refold.add(one)
    refold.replaceIn(found.groups, found.streamTimeMs)
    found.notReady = undefined
    const values = read(after, found)
    assert.deepEqual(values, { first: 3, more: stored.length > 0 ? [3] : [], today: stored.length })
  }
})

test('a wider window of events beside a narrower one has those of one ms, and takes a later one of that ms', () => {
  const last = (n: number): AggregateFeature => ({
    name: `last${n}`,
    kind: { name: 'last_n', of: v, n },
    window: { kind: 'events', count: n },
  })
  const [before, after] = [compile([last(2)]), compile([last(2), last(9)])]
  const events = [1, 1, 1, 5, 5].map((timeMs, i) => {
    const event = Object.assign(new Event(), { id: `e${i}`, customer: 'c', type: 'a', timeMs })
    event.properties = new Properties(['v'], [i])
    return event
  })
  const profile = new Profile('c')
  const past = events.map((event) => take(pipelineOf(before), profile, event)!)
  const found = change(profile, before, after)
  assert.deepEqual([...found.notReady!], ['last9'])
  const refold = new Refold(planRefold(after, found.notReady!))
  for (const one of past) refold.add(one)
  refold.replaceIn(found.groups, found.streamTimeMs)
  found.notReady = undefined
  assert.deepEqual(read(after, found), { last2: [4, 3], last9: [4, 3, 2, 1, 0] })
  const late = Object.assign(new Event(), { id: 'e11', customer: 'c', type: 'a', timeMs: 1 })
  late.properties = new Properties(['v'], [11])
  take(pipelineOf(after), found, late)
  assert.deepEqual(read(after, found), { last2: [4, 3], last9: [4, 3, 11, 2, 1, 0] })
})

function shorter(window: Window): Window {
  if (window.kind === 'panes') return { ...window, sizeMs: 2 * window.paneMs }
  return window.kind === 'events' ? { ...window, count: 2 } : window
}
