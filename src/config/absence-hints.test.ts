import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { compileEngine } from '../engine.ts'
import { absenceHints } from './absence-hints.ts'
import { readConfig } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-absence-hints-'))
after(() => rmSync(folder, { recursive: true }))

/** @param action of which `on` and `when` are told */
function hintsOf(window: unknown, action: object): string[] {
  const file = join(folder, 'beckon.yaml')
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  const features = [
    { name: 'searches', count: {}, window },
    { name: 'twice', value: 'searches * 2' },
    { name: 'other', count: {}, window: 'lifetime' },
  ]
  const topics = [{ name: 't', format: 'json' }]
  writeFileSync(file, JSON.stringify({ ...servers, topics, features, actions: [{ name: 'help', ...action }] }))
  const { config, features: compiled } = compileEngine(readConfig(file, {}))
  return absenceHints(config, compiled.features).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const on = { absent: 'Room Booked', after: 'Hotel Searched', for: '30m' }
const told = (name: string, size: string) =>
  `actions.0.when: ${name} looks back ${size}, and the timer runs 30m: when it fires, the event that started it and all before have left the window`

test('a rolling window no longer than the timer runs is told, where the condition reads it', () => {
  const when = 'searches >= 3'
  for (const window of [{ size: '30m', pane: '5m' }, { size: '30m' }, { sliding: '30m' }])
    assert.deepEqual(hintsOf(window, { on, when }), [told('searches', '30m')], JSON.stringify(window))
  assert.deepEqual(hintsOf({ sliding: '10m' }, { on, when }), [told('searches', '10m')])
  assert.deepEqual(hintsOf({ sliding: '10m' }, { on, when: 'other > 0 && twice > 4' }), [told('searches', '10m')])
})

test('nothing is told of longer windows, of those without a length, and of other actions', () => {
  const when = 'searches >= 3'
  for (const window of [{ size: '35m', pane: '5m' }, { sliding: '31m' }, { events: 3 }, 'session', 'lifetime'])
    assert.deepEqual(hintsOf(window, { on, when }), [], JSON.stringify(window))
  assert.deepEqual(hintsOf({ sliding: '30m' }, { on, when: 'other > 0', value: 'searches' }), [])
  for (const other of [undefined, 'becomes_true'])
    assert.deepEqual(hintsOf({ sliding: '30m' }, { on: other, when }), [])
})
