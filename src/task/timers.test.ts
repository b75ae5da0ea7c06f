import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it, mock } from 'node:test'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { LogError } from '../log/log.ts'
import { StoreError } from '../store/store-error.ts'
import { Task } from './task.ts'
import { turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-timers-'))
const config = join(folder, 'beckon.yaml')
writeFileSync(
  config,
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
features:
  - { name: adds, count: {}, where: type == "add", window: { size: 1h } }
  - { name: looks, count: {}, where: type == "look", window: { size: 10m, pane: 1m } }
actions:
  - name: remind
    on: { absent: buy, after: add, for: 30m }
    when: adds > 0
    payload: { adds: { cel: adds } }
  - { name: cooled, on: becomes_true, when: looks == 1 }
`,
)
after(() => rmSync(folder, { recursive: true }))

/** Waits for something that takes a retry. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}

const minuteMs = 60_000
const startMs = Date.UTC(2026, 0, 1)

describe('a task with timers', () => {
  let world: World
  let task: Task
  let nowMs: number
  let taken: number

  beforeEach(async () => {
    mock.restoreAll()
    mock.method(Date, 'now', () => nowMs)
    nowMs = startMs
    taken = 0
    world = new World(config)
    await world.open()
    task = world.task()
  })
  after(() => mock.restoreAll())

  /** Hands the task all that is left in the log. */
  async function take(owner = task): Promise<void> {
    const { high } = await world.log.offsets('events', 0)
    await owner.onBatch(await world.batch(taken, high), turn)
    taken = high
  }

  /** Lets time pass, and ticks the task. */
  async function pass(minutes: number, owner = task): Promise<void> {
    nowMs += minutes * minuteMs
    // The first tick may have to read whose timers are due.
    for (let i = 0; i < 2; i++) {
      owner.tick()
      for (let k = 0; k < 20; k++) await new Promise(setImmediate)
    }
  }

  /** The actions, each with its minute. */
  const decided = async () =>
    (await world.actions()).map(({ action, time }) => `${action} ${(Number(time) - startMs) / minuteMs}`)
  const fired = async () => (await world.actions()).map(({ time }) => (Number(time) - startMs) / minuteMs)

  it('fires on an idle partition when its time has come, once, and says which timer', async () => {
    await world.happens('add', 'a')
    await take()
    await pass(29)
    assert.deepEqual(await fired(), [])
    await pass(1)
    await pass(60)
    const [action, ...more] = await world.actions()
    assert.equal(more.length, 0)
    const { id, decision_id, policy, ...rest } = action!
    for (const of of [id, decision_id]) assert.match(String(of), /^[0-9a-f]{32}$/)
    assert.deepEqual(rest, {
      action: 'remind',
      customer: 'u1',
      time: startMs + 30 * minuteMs,
      rank: 1,
      value: 1,
      channel: '',
      expires_at: null,
      payload: { adds: 1 },
      event_id: '',
      event_type: '',
      topic: 'events',
      partition: 0,
      offset: 1,
      trigger: 'no buy in 30m after add',
      kind: 'action',
      treatment: '',
      slot: '',
      purpose: '',
      group: '',
      tags: [],
      arm: '',
      probability: 1,
    })
    assert.equal(typeof policy, 'string')
  })

  it('is cancelled and moved by events', async () => {
    await world.happens('add', 'a')
    await take()
    await pass(20)
    await world.happens('add', 'b')
    await take()
    await pass(20)
    assert.deepEqual(await fired(), [])
    await world.happens('buy', 'c')
    await take()
    await pass(60)
    assert.deepEqual(await fired(), [])
    await world.happens('add', 'd')
    await take()
    await pass(30)
    assert.deepEqual(await fired(), [130])
  })

  it('fires after the events of a busy partition', async () => {
    await world.happens('add', 'a')
    await take()
    await pass(0)
    nowMs += 31 * minuteMs
    await world.happens('view', 'b')
    await take()
    assert.deepEqual(await fired(), [31])
  })

  it('waits for what is still in the log: it may be what the timer waits for', async () => {
    await world.happens('add', 'a')
    await take()
    nowMs += 10 * minuteMs
    await world.happens('buy', 'b')
    await pass(40)
    assert.deepEqual(await fired(), [])
    await take()
    await pass(60)
    assert.deepEqual(await fired(), [])
  })

  it('goes by the time of the log while it catches up', async () => {
    await world.happens('add', 'a')
    for (let i = 0; i < 11; i++) {
      nowMs += 2 * minuteMs
      await world.happens('view', `v${i}`)
    }
    await world.happens('buy', 'b')
    nowMs += 60 * minuteMs
    // In slices of ten: the first ends 18 minutes after the start.
    await take()
    await pass(0)
    assert.deepEqual(await fired(), [])
  })

  it('fires for the next owner, who took over after the timer had started', async () => {
    await world.happens('add', 'a')
    await take()
    await task.close(false)
    nowMs += 40 * minuteMs
    const next = world.task()
    next.start()
    await pass(0, next)
    assert.deepEqual(await fired(), [40])
    await next.close(false)
    const third = world.task()
    third.start()
    await pass(60, third)
    assert.equal(third.state, 'running')
    assert.deepEqual(await fired(), [40], 'the replay knows that it has fired')
    await world.happens('add', 'b')
    await take(third)
    await pass(30, third)
    assert.deepEqual(await fired(), [40, 130])
    assert.equal(third.failure, undefined)
  })

  it('acts once on a threshold that is crossed by expiry, at its own time, whoever owns the partition by then', async () => {
    await world.happens('look', 'a')
    await take()
    await pass(3)
    await world.happens('look', 'b')
    await take()
    assert.deepEqual(await decided(), ['cooled 0'], 'with the first look')
    await pass(6)
    await task.close(false)
    const next = world.task()
    next.start()
    await pass(31, next)
    assert.deepEqual(await decided(), ['cooled 0', 'cooled 10'], 'the first has left the window')
    await next.close(false)
    const third = world.task()
    third.start()
    await pass(60, third)
    assert.equal(third.state, 'running')
    await world.happens('look', 'c')
    await take(third)
    assert.deepEqual(await decided(), ['cooled 0', 'cooled 10', 'cooled 100'], 'the replay came to the same')
    assert.equal(third.failure, undefined)
  })

  it('leaves out a threshold that an event in the log keeps from being crossed', async () => {
    await world.happens('look', 'a')
    await world.happens('look', 'b')
    await take()
    nowMs += 9 * minuteMs
    await world.happens('look', 'c')
    await world.happens('look', 'd')
    await pass(3)
    assert.deepEqual(await decided(), ['cooled 0'])
    await take()
    await pass(3)
    assert.deepEqual(await decided(), ['cooled 0'], 'from four to two')
    await pass(60)
    assert.deepEqual(await decided(), ['cooled 0'], 'from two to none')
  })

  it('fires once when two believe that they own the partition', async () => {
    await world.happens('add', 'a')
    await take()
    nowMs += 30 * minuteMs
    const rival = world.task()
    rival.start()
    await pass(0, rival)
    nowMs += 1
    await pass(0, task)
    await until(() => task.state === 'closed')
    assert.equal(rival.state, 'running')
    assert.deepEqual(await fired(), [30])
  })

  it('finds that a firing is done although its commit was not answered, and repeats one that was aborted', async () => {
    for (const code of ['unknown_outcome', 'aborted'] as const) {
      await world.happens('add', code)
      await take()
      world.disturb = async (_, commit) => {
        if (code === 'unknown_outcome') await commit()
        throw new LogError(code, 'a fault')
      }
      await pass(30)
      const expected = code === 'aborted' ? [30, 60] : [30]
      await until(async () => (await fired()).length === expected.length)
      await pass(0)
      assert.deepEqual(await fired(), expected)
    }
    assert.equal(task.state, 'running')
  })

  it('logs that the store is back once it has read whose timers are due', async () => {
    await world.happens('add', 'a')
    await take()
    await task.close(false)
    const checkpoint = { offsets: { events: 1 }, clockMs: nowMs, digest: '', journalOffset: 0, partitions: 1 }
    const row = { customer: '', streamTimeMs: 0, policy: '', notReady: [], erasedBefore: 0, deleted: false }
    world.meanwhile = async () => ({ ...row, version: 1, state: encodeCheckpoint(checkpoint) })
    const away = new StoreError('unavailable', 0, 'ECONNREFUSED', 'q')
    const back: unknown[] = []
    let reads = 0
    const deps = world.deps()
    const logger = { ...deps.logger, recovered: (error: unknown) => void back.push(error) }
    const readDue = async () => {
      if (reads++ === 0) throw away
      return []
    }
    const next = new Task(0, { ...deps, logger, store: { ...deps.store, readDue } })
    next.start()
    await until(() => {
      next.tick()
      return back.length > 0
    })
    assert.deepEqual([back, reads], [[away], 2])
    await next.close(false)
  })

  it('fires in step with the commits of an upstream transaction', async () => {
    await world.happens('add', 'a')
    await take()
    const upstream = { groupId: 'up', topic: 'events', partition: 0, nextOffset: 0, metadata: '' }
    const writer = await world.log.openWriter('up')
    const value = Buffer.from(JSON.stringify({ messageId: 'b', userId: 'u2', type: 'page', timestamp: Date.now() }))
    await writer.commit({ ...upstream, records: [{ topic: 'events', partition: 0, key: 'u2', value, headers: {} }] })
    await task.onBatch(await world.batch(1, 2), turn)
    await pass(30)
    assert.deepEqual(await fired(), [30], 'a control record behind the last event is no backlog')
    assert.equal(await world.committed(), 3)
  })
})
