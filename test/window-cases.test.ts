import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { FeatureDeclaration } from '../src/features/declaration.ts'
import { compile, type Fact, fold, foldAll, read } from '../src/features/test-fold.ts'
import type { Window } from '../src/features/window.ts'
import { Profile } from '../src/profiles/profile.ts'
import { Random } from '../src/tools/demo/random.ts'
import { sharedData, noSharedData as skip } from './shared-data.ts'

/** Tumbling, hopping and session windows against what another engine (Arroyo) gives for the same input. */

const folder = sharedData('window-cases/')
const secondMs = 1_000
const hourMs = 3_600_000

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const golden = (name: string) => linesOf(readFileSync(`${folder}golden_outputs/${name}.json`, 'utf8'))
const utc = (text: string) => Date.parse(/Z|\+/.test(text) ? text : `${text}Z`)

/** 100 events of a counter, 200 ms apart. */
const impulses = (): Fact[] =>
  linesOf(readFileSync(`${folder}inputs/impulse.json`, 'utf8')).map(({ timestamp, counter }) => ({
    timeMs: utc(timestamp),
    type: 'impulse',
    value: counter,
  }))

function shuffled<T>(given: readonly T[]): T[] {
  const random = new Random(11)
  return given
    .map((value) => ({ value, at: random.unit() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

const over = (window: Window): FeatureDeclaration[] => [
  { name: 'count', kind: { name: 'count' }, window },
  { name: 'min', kind: { name: 'min', of: 'properties.v' }, window },
  { name: 'max', kind: { name: 'max', of: 'properties.v' }, window },
]

/** The events of each key, in the order in which they come. */
function byKey(facts: readonly Fact[], keyOf: (fact: Fact) => string): Map<string, Fact[]> {
  const keyed = new Map<string, Fact[]>()
  for (const fact of facts) keyed.set(keyOf(fact), [...(keyed.get(keyOf(fact)) ?? []), fact])
  return keyed
}

describe('windows equal those of another engine', { skip }, () => {
  it('hopping: 10 s every 2 s, read in the last ms of each', () => {
    const set = compile(over({ kind: 'panes', sizeMs: 10 * secondMs, paneMs: 2 * secondMs }))
    const profile = new Profile('c')
    const left = impulses()
    const windows = golden('sliding_window_end')
    assert.equal(windows.length, 14)
    for (const { end, count, min, max } of windows) {
      while (left.length > 0 && left[0]!.timeMs < utc(end)) fold(set, profile, left.shift()!)
      assert.deepEqual(read(set, profile, utc(end) - 1), { count, min, max }, end)
    }
  })

  it('tumbling: one pane of 1 h, by type of event', () => {
    const set = compile([
      { name: 'count', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: hourMs, paneMs: hourMs } },
    ])
    const cars: Fact[] = linesOf(gunzipSync(readFileSync(`${folder}inputs/cars.json.gz`)).toString()).map((car) => ({
      timeMs: utc(car.timestamp),
      type: car.event_type,
      value: null,
    }))
    const windows = golden('hourly_by_event_type')
    assert.equal(windows.length, 51)
    const keyed = byKey(cars, ({ type }) => type)
    for (const { event_type: type, hour, count } of windows) {
      const upTo = keyed.get(type)!.filter(({ timeMs }) => timeMs < utc(hour) + hourMs)
      assert.deepEqual(read(set, foldAll(set, shuffled(upTo)), utc(hour) + hourMs - 1), { count }, `${type} ${hour}`)
    }
  })

  for (const { name, keyOf } of [
    { name: 'global_session_window', keyOf: () => '' },
    { name: 'session_window', keyOf: ({ value }: Fact) => String((value as number) % 10 === 0 ? 0 : value) },
  ]) {
    it(`sessions with a gap of 20 s: ${name}`, () => {
      const window: Window = { kind: 'session' }
      const gapMs = 20 * secondMs
      const set = compile(
        [
          { name: 'rows', kind: { name: 'count' }, window },
          { name: 'start', kind: { name: 'min', of: 'time_ms' }, window },
          { name: 'last', kind: { name: 'max', of: 'time_ms' }, window },
        ],
        gapMs,
      )
      const keyed = byKey(shuffled(impulses()), keyOf)
      const sessions = golden(name)
      assert.equal(sessions.length, keyed.size)
      for (const { user_id: user = '', start, end, rows } of sessions) {
        const values = read(set, foldAll(set, keyed.get(String(user))!), utc(end))
        assert.deepEqual(values, { rows, start: utc(start), last: utc(end) - gapMs }, String(user))
      }
    })
  }
})
