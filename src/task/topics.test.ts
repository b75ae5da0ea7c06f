import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it, mock } from 'node:test'
import { LogError } from '../log/log.ts'
import type { Task } from './task.ts'
import { turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-topics-'))
const config = join(folder, 'beckon.yaml')
writeFileSync(
  config,
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }, { name: orders, format: json }]
features:
  - { name: views, count: {}, where: type == "view", window: lifetime }
  - { name: buys, count: {}, where: type == "buy", window: lifetime }
actions:
  - { name: thank, when: 'views >= 2 && type == "buy"', payload: { views: { cel: views }, buys: { cel: buys } } }
  - { name: come_back, on: { absent: buy, after: add, for: 30m }, when: buys >= 0 }
`,
)
after(() => rmSync(folder, { recursive: true }))

const minuteMs = 60_000
const startMs = Date.UTC(2026, 0, 1)

describe('a task of two topics', () => {
  let world: World
  let task: Task
  let nowMs: number
  const taken = new Map<string, number>()

  beforeEach(async () => {
    mock.restoreAll()
    mock.method(Date, 'now', () => nowMs)
    nowMs = startMs
    taken.clear()
    world = new World(config)
    await world.open()
    task = world.task()
  })
  after(() => mock.restoreAll())

  const happens = (topic: string, event: string, id: string) => world.happens(event, id, nowMs, 'u1', topic)

  /** Hands the task all of a topic that it has not had yet. */
  async function take(topic: string, owner = task): Promise<void> {
    const { high } = await world.log.offsets(topic, 0)
    await owner.onBatch(await world.batch(taken.get(topic) ?? 0, high, topic), turn)
    taken.set(topic, high)
  }

  async function pass(minutes: number): Promise<void> {
    nowMs += minutes * minuteMs
    for (let i = 0; i < 2; i++) {
      task.tick()
      for (let k = 0; k < 20; k++) await new Promise(setImmediate)
    }
  }

  const told = async () => (await world.actions()).map(({ action, topic, payload }) => ({ action, topic, payload }))

  it('decides on the events of both together, in the order in which they came', async () => {
    await happens('orders', 'buy', 'o1')
    await take('orders')
    await happens('events', 'view', 'e1')
    await happens('events', 'view', 'e2')
    await take('events')
    await happens('orders', 'buy', 'o2')
    await take('orders')
    assert.deepEqual(await told(), [{ action: 'thank', topic: 'orders', payload: { views: 2, buys: 2 } }])
  })

  it('takes batches that come at the same time one after the other', async () => {
    await happens('events', 'view', 'e1')
    await happens('events', 'view', 'e2')
    await happens('orders', 'buy', 'o1')
    await Promise.all([take('events'), take('orders')])
    assert.deepEqual(await told(), [{ action: 'thank', topic: 'orders', payload: { views: 2, buys: 1 } }])
  })

  it('treats the same event id of a customer as a duplicate across both topics', async () => {
    for (const topic of ['events', 'orders']) {
      await happens(topic, 'view', 'same')
      await take(topic)
    }
    await happens('orders', 'buy', 'o1')
    await take('orders')
    assert.deepEqual(await told(), [])
  })

  it('replays them in their original order, and goes on', async () => {
    for (const [topic, event] of [
      ['events', 'view'],
      ['orders', 'buy'],
      ['events', 'view'],
      ['orders', 'buy'],
      ['orders', 'buy'],
    ] as const) {
      await happens(topic, event, `${topic}-${taken.get(topic) ?? 0}`)
      await take(topic)
    }
    const before = await told()
    assert.equal(before.length, 2)
    const next = world.task()
    await happens('orders', 'buy', 'last')
    await take('orders', next)
    assert.equal(next.failure, undefined)
    assert.deepEqual((await told()).slice(before.length), [
      { action: 'thank', topic: 'orders', payload: { views: 2, buys: 4 } },
    ])
  })

  it('is lost if another owner went on in the other topic', async () => {
    await happens('events', 'view', 'e1')
    await take('events')
    await happens('orders', 'buy', 'o1')
    await take('orders', world.task())
    await happens('events', 'view', 'e2')
    world.disturb = async () => {
      throw new LogError('fenced', 'another owner opened the id')
    }
    await assert.rejects(take('events'), /another owner went on/)
    await take('events')
    assert.equal(task.state, 'running')
  })

  it('does not fire a timer that an event still in the other topic cancels', async () => {
    await happens('events', 'add', 'e1')
    await take('events')
    nowMs += 10 * minuteMs
    await happens('orders', 'buy', 'o1')
    nowMs += 40 * minuteMs
    await happens('events', 'view', 'e2')
    await take('events')
    await pass(1)
    assert.deepEqual(await told(), [])
    await take('orders')
    await pass(60)
    assert.deepEqual(await told(), [])
  })

  it('fires after the events of one topic while the other is idle', async () => {
    await happens('events', 'add', 'e1')
    await take('events')
    await pass(0)
    nowMs += 31 * minuteMs
    await happens('events', 'view', 'e2')
    await take('events')
    assert.deepEqual(await told(), [{ action: 'come_back', topic: 'events', payload: {} }])
  })
})
