import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { journalCodec } from '../journal/journal.ts'
import { journalSchemas } from '../schema-files.ts'
import { Task } from './task.ts'
import { at, turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-settings-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0

/** Under this configuration each event publishes an action that says what was folded so far. */
function configOf(settings: string, topic = 'format: json'): string {
  const file = join(folder, `${++files}.yaml`)
  writeFileSync(
    file,
    `kafka: { brokers: ["localhost:9092"], group: group }
clickhouse: { url: "http://localhost:8123" }
topics: [{ name: events, ${topic} }]
features:
  - { name: seen, count: {}, window: lifetime }
  - { name: phones, count: {}, where: device == "mobile", window: lifetime }
actions:
  - { name: tell, when: "true", payload: { seen: { cel: seen }, phones: { cel: phones }, session: { cel: session_index } } }
${settings}`,
  )
  return file
}

const plain = configOf('')
const second = 1_000
const minute = 60 * second

describe('input that was committed but not saved, under other settings than the present ones', () => {
  let world: World
  let offset = 0

  beforeEach(async () => {
    world = new World(plain)
    await world.open()
    offset = 0
  })

  /** Appends one event, and lets the task take it. */
  async function take(task: ReturnType<World['task']>, id: string, timeMs: number, type = 'view') {
    await world.happens(type, id, timeMs)
    await task.onBatch(await world.batch(offset, ++offset), turn)
  }
  const told = async () =>
    (await world.actions()).map(({ payload }) => {
      const { seen, phones, session } = payload as Record<string, number>
      return [seen, phones, session]
    })

  const startMs = Date.now() - 60 * minute

  it('is folded under the settings of that time: duplicates, sessions and devices', async () => {
    const before = world.task(configOf('dedupe: { window: 1m }\nenrich: { session: { max: 1m }, user_agent: false }'))
    await take(before, 'a', startMs)
    await take(before, 'a', startMs + 2 * minute)
    await take(before, 'b', startMs + 4 * minute)
    assert.deepEqual(await told(), [
      [1, 0, 1],
      [2, 0, 2],
      [3, 0, 3],
    ])

    const now = world.task(configOf('dedupe: { window: 1h }\nenrich: { session: { max: 1h } }'))
    await take(now, 'c', startMs + 5 * minute)
    assert.equal(now.failure, undefined)
    // The ids folded under the earlier settings are kept under the present ones: b is a duplicate now.
    await take(now, 'b', startMs + 6 * minute)
    await take(now, 'd', startMs + 7 * minute)
    assert.deepEqual((await told()).slice(3), [
      [4, 0, 3],
      [5, 0, 3],
    ])
  })

  it('goes back and forth between settings', async () => {
    const [short, long] = [configOf('dedupe: { window: 1m }'), configOf('dedupe: { window: 1h }')]
    await take(world.task(short), 'a', startMs)
    await take(world.task(long), 'b', startMs + 2 * minute)
    await take(world.task(long), 'a', startMs + 3 * minute)
    await take(world.task(short), 'a', startMs + 5 * minute)
    const last = world.task(long)
    await take(last, 'c', startMs + 6 * minute)
    assert.equal(last.failure, undefined)
    assert.deepEqual(
      (await told()).map(([seen]) => seen),
      [1, 2, 3, 4],
    )
  })

  it('is read as the topic was configured then: with its mapping, limit and schema', async () => {
    const mapped = 'format: json, mapping: { id: messageId, customer: { constant: all }, type: event, time: timestamp }'
    const before = world.task(configOf('limits: { future: 1m }', mapped))
    await take(before, 'a', startMs)
    await take(before, 'b', Date.now() + 10 * minute)
    const now = world.task(configOf('limits: { future: 1h }'))
    await take(now, 'c', startMs + minute)
    assert.equal(now.failure, undefined)
    const actions = await world.actions()
    assert.deepEqual(
      actions.map(({ customer }) => customer),
      ['all', 'u1'],
    )
  })

  it('is folded under the present settings if it is from before settings were recorded', async () => {
    const journal = journalCodec('beckon.journal', journalSchemas().slice(0, 1))
    await take(new Task(at.partition, { ...world.deps(plain), journal }), 'a', startMs)
    const now = world.task(plain)
    await take(now, 'b', startMs)
    assert.equal(now.failure, undefined)
    assert.deepEqual(await told(), [
      [1, 0, 1],
      [2, 0, 1],
    ])
  })

  it('stops the partition if the store has lost the text of the settings', async () => {
    await take(world.task(configOf('dedupe: { window: 1m }')), 'a', startMs)
    world.forgetSettings()
    const now = world.task(plain)
    await take(now, 'b', startMs)
    assert.equal(now.failure?.reason, 'settings')
    assert.match(now.failure.hint, /folded under settings [0-9a-f]{32}; the table settings does not have them/)
  })
})
