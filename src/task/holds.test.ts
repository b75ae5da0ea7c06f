import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it, mock } from 'node:test'
import { LogError } from '../log/log.ts'
import { turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-holds-'))
const config = join(folder, 'beckon.yaml')
writeFileSync(
  config,
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
features:
  - { name: adds, count: {}, where: type == "add", window: { size: 12h } }
  - { name: buys, count: {}, where: type == "buy", window: { size: 12h } }
actions:
  - { name: remind, when: adds > 0 && buys == 0, expires: 11h, contact: { cooldown: 1d } }
contact_policy:
  quiet_hours: [{ name: night, from: 21:00, to: 07:00, timezone: UTC }]
`,
)
after(() => rmSync(folder, { recursive: true }))

const hourMs = 3_600_000
const midnightMs = Date.UTC(2026, 0, 2)

describe('a task with quiet hours', () => {
  let world: World
  let nowMs: number
  let taken: number

  beforeEach(async () => {
    mock.restoreAll()
    mock.method(Date, 'now', () => nowMs)
    nowMs = midnightMs - 2 * hourMs
    taken = 0
    world = new World(config)
    await world.open()
  })
  after(() => mock.restoreAll())

  /** Hands the task all that is left in the log. */
  async function take(owner: ReturnType<World['task']>): Promise<void> {
    const { high } = await world.log.offsets('events', 0)
    await owner.onBatch(await world.batch(taken, high), turn)
    taken = high
  }

  /** Lets time pass, and ticks the task. */
  async function pass(hours: number, owner: ReturnType<World['task']>): Promise<void> {
    nowMs += hours * hourMs
    for (let i = 0; i < 2; i++) {
      owner.tick()
      for (let k = 0; k < 20; k++) await new Promise(setImmediate)
    }
  }

  /** The hours, from midnight, of the decisions; of the expiry, too. */
  const sent = async () =>
    (await world.actions()).map(({ time, expires_at, trigger }) => [
      (Number(time) - midnightMs) / hourMs,
      (Number(expires_at) - midnightMs) / hourMs,
      trigger,
    ])

  it('decides again when they end, for whoever owns the partition then, and a replay comes to the same', async () => {
    const first = world.task()
    await world.happens('add', 'a')
    await take(first)
    await pass(8, first)
    assert.deepEqual(await sent(), [])
    await first.close(false)
    const second = world.task()
    second.start()
    await pass(1, second)
    assert.deepEqual(await sent(), [[7, 9, 'night ended']], 'the expiry counts from the evening')
    await second.close(false)
    const third = world.task()
    third.start()
    await pass(1, third)
    await world.happens('add', 'b')
    await take(third)
    await pass(24, third)
    assert.equal(third.state, 'running')
    assert.equal(third.failure, undefined)
    assert.equal((await sent()).length, 1, 'it has gone out, and counts')
    await third.close(false)
  })

  it('decides with what is as it is then', async () => {
    const task = world.task()
    await world.happens('add', 'a')
    await take(task)
    await pass(3, task)
    await world.happens('buy', 'b')
    await take(task)
    await pass(8, task)
    assert.deepEqual(await sent(), [])
    await task.close(false)
  })

  it('is behind by a day, and holds what has to wait again; what has expired by then does not go out', async () => {
    const task = world.task()
    await world.happens('add', 'a')
    await take(task)
    await task.close(false)
    const next = world.task()
    nowMs += 22 * hourMs
    next.start()
    await pass(0, next)
    await pass(12, next)
    assert.deepEqual(await sent(), [])
    assert.equal(next.failure, undefined)
    await next.close(false)
  })

  for (const [code, what] of [
    ['aborted', 'is taken once more'],
    ['unknown_outcome', 'is found to be done'],
  ] as const) {
    it(`decides once where the commit is ${code}: it ${what}`, async () => {
      const task = world.task()
      await world.happens('add', 'a')
      await take(task)
      world.disturb = async (_, commit) => {
        if (code === 'unknown_outcome') await commit()
        throw new LogError(code, 'a fault')
      }
      await pass(9, task)
      while ((await sent()).length === 0) await pass(0, task)
      await pass(1, task)
      assert.equal((await sent()).length, 1)
      await task.close(false)
    })
  }
})
