import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it, mock } from 'node:test'
import type { RowChunk } from '../store/row-binary.ts'
import type { Table } from '../store/table.ts'
import { Task } from './task.ts'
import { turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-cases-'))
const config = join(folder, 'beckon.yaml')
writeFileSync(
  config,
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
actions: [{ name: offer, when: type == "view", goal: { when: buy, within: 30m } }]
`,
)
after(() => rmSync(folder, { recursive: true }))

const minuteMs = 60_000
const startMs = Date.UTC(2026, 0, 1)

describe('a task with cases', () => {
  let world: World
  let nowMs: number
  let taken: number

  beforeEach(async () => {
    mock.restoreAll()
    mock.method(Date, 'now', () => nowMs)
    nowMs = startMs
    taken = 0
    world = new World(config)
    await world.open()
  })
  after(() => mock.restoreAll())

  /** A task, and the rows of cases that it hands to the store. */
  function owner() {
    const rows: Buffer[] = []
    const deps = world.deps()
    const write = ({ name }: Table, { bytes }: RowChunk) => {
      if (name === 'cases') rows.push(Buffer.from(bytes))
    }
    return { task: new Task(0, { ...deps, rows: { ...deps.rows, write } }), rows: () => Buffer.concat(rows) }
  }

  async function take(task: Task): Promise<void> {
    const { high } = await world.log.offsets('events', 0)
    await task.onBatch(await world.batch(taken, high), turn)
    taken = high
  }

  async function pass(minutes: number, task: Task): Promise<void> {
    nowMs += minutes * minuteMs
    for (let i = 0; i < 2; i++) {
      task.tick()
      for (let k = 0; k < 20; k++) await new Promise(setImmediate)
    }
  }

  it('ends their windows on an idle partition, once, and writes the same rows in a replay', async () => {
    const { task, rows } = owner()
    await world.happens('view', 'a')
    await world.happens('view', 'b', startMs, 'u2')
    await world.happens('buy', 'c', startMs + 1, 'u2')
    await take(task)
    const begun = rows().length
    assert.ok(begun > 0)
    await pass(29, task)
    assert.equal(rows().length, begun)
    await pass(1, task)
    const ended = rows()
    assert.ok(ended.length > begun)
    await pass(60, task)
    assert.equal(rows().length, ended.length)

    // What came late revises them, whoever owns the partition by then.
    await world.happens('buy', 'd', startMs + 20 * minuteMs)
    const next = owner()
    await take(next.task)
    assert.deepEqual(next.rows().subarray(0, ended.length), ended)
    assert.ok(next.rows().length > ended.length)
  })
})
