import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from './load.ts'
import { outcomeHints } from './outcome-hints.ts'
import { typeHints } from './type-hints.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-hints-'))
after(() => rmSync(folder, { recursive: true }))

/** @param types of the topic of outcomes; undefined for no such topic */
function hintsOf(types: object | undefined, where: string, of: typeof outcomeHints = outcomeHints): string[] {
  const file = join(folder, 'beckon.yaml')
  const events = { name: 'events', format: 'json' }
  const mapping = { customer: 'c', type: 'what', time: 'at', action_id: 'a', types }
  const outcomes = { name: 'outcomes', format: 'json', role: 'outcomes', mapping }
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  const features = [{ name: 'n', count: {}, where, window: 'lifetime' }]
  const topics = types === undefined ? [events] : [events, outcomes]
  writeFileSync(file, JSON.stringify({ ...servers, topics, features }))
  return of(loadConfig(file, {}).config).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

test('an outcome that is nearly one that cases know is reported, in a rule and in a mapping', () => {
  const told = 'no case knows the outcome rejecton; did you mean rejection?'
  assert.deepEqual(hintsOf({}, 'outcome == "rejecton"'), [`features.0.where: ${told}`])
  assert.deepEqual(hintsOf({ no: 'rejecton' }, 'outcome == "rejection"'), [`topics.1.mapping.types.no: ${told}`])
  assert.deepEqual(hintsOf({ no: 'rejection' }, 'outcome in ["click", "unsubscribed"]'), [])
  // A word that a topic gives and a rule names is meant.
  assert.deepEqual(hintsOf({ no: 'rejecton' }, 'outcome == "rejecton"'), [])
})

test('a rule that reads outcomes is reported where there are none', () => {
  assert.deepEqual(hintsOf(undefined, 'outcome == "click"'), [
    'features.0.where: no topic has the role outcomes, so there is no outcome',
  ])
})

test('what a mapping of outcomes gives is no type of an event', () => {
  assert.deepEqual(hintsOf({ seen: 'impression' }, 'type == "impressions"', typeHints), [])
})
