import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { LogError } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { StateError } from '../store/state-error.ts'
import type { Task } from './task.ts'
import { turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-backfill-'))
after(() => rmSync(folder, { recursive: true }))

/** Under these rules every event publishes actions that say how many events were counted. */
function rules(name: string, features: string, actions: string): string {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(
    file,
    `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json, key: customer, tombstones: erase }]
features: [${features}]
actions: [${actions}]
arbitration: { emit: all }
`,
  )
  return file
}
const count = (name: string, where: string) => `{ name: ${name}, count: {}, where: ${where}, window: lifetime }`
const tell = (name: string, what: string, payload = what) =>
  `{ name: ${name}, when: ${what} >= 0, payload: { n: { cel: ${payload} } } }`
const views = count('views', 'type == "view"')
const earlier = rules('earlier', views, tell('told', 'views'))
const later = rules(
  'later',
  [views, count('seen', `'type in ["view", "cart"]'`), '{ name: twice, value: seen * 2 }'].join(', '),
  [
    tell('told', 'views', 'twice'),
    tell('new', 'twice', 'seen'),
    '{ name: turned, on: becomes_true, when: seen >= 3 }',
  ].join(', '),
)

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('a task whose rules have a new feature', () => {
  let world: World
  let taken: number

  beforeEach(async () => {
    world = new World(earlier)
    await world.open()
    world.hasEvents = true
    taken = 0
    const task = world.task()
    for (const [type, id] of [
      ['view', 'a'],
      ['cart', 'b'],
      ['view', 'c'],
      ['view', 'a'],
    ] as const) {
      await world.happens(type, id)
    }
    await world.happens('view', 'z', Date.now(), 'u2')
    await take(task)
    await task.close(false)
  })

  /** Hands the task all that is left in the log. */
  async function take(owner: Task): Promise<void> {
    const { high } = await world.log.offsets('events', 0)
    await owner.onBatch(await world.batch(taken, high), turn)
    taken = high
  }

  /** The counts in the first customer's actions of that name. */
  const told = async (name: string) =>
    (await world.actions())
      .filter(({ action, customer }) => action === name && customer === 'u1')
      .map(({ payload }) => (payload as { n: unknown }).n)

  const reads = async (owner: Task, id: string) => {
    await world.happens('view', id)
    await take(owner)
    return { told: (await told('told')).at(-1), fired: (await told('new')).at(-1) }
  }

  /** A task under the later rules whose reading of events hangs; `release` lets it go on. */
  async function begin(): Promise<{ task: Task; release: () => void }> {
    let release!: () => void
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isReading = false
    world.reading = () => {
      isReading = true
      return held
    }
    const task = world.task(later)
    task.start()
    await until(() => isReading)
    return { task, release }
  }

  /** Waits until the backfill is done: from then on the feature can be read. @returns the events it took */
  async function settle(owner: Task, id: string): Promise<number> {
    for (let i = 0; ; i++) {
      owner.tick()
      await new Promise((resolve) => setTimeout(resolve, 5))
      const { fired } = await reads(owner, `${id}${i}`)
      if (fired !== undefined) return i + 1
    }
  }

  it('does not read it before it is complete; then it counts earlier and newer events, each once', async () => {
    const { task, release } = await begin()
    assert.deepEqual(await reads(task, 'd'), { told: null, fired: undefined })
    assert.deepEqual(await reads(task, 'e'), { told: null, fired: undefined })
    release()
    const more = await settle(task, 'f')
    assert.equal((await told('new')).at(-1), 5 + more)
    assert.equal((await told('told')).at(-1), 2 * (5 + more))
    assert.deepEqual(await told('turned'), [], 'it was so before the rules asked for it')
    await task.close(false)
  })

  it('replays it at the same position', async () => {
    const { task, release } = await begin()
    await reads(task, 'd')
    release()
    const more = await settle(task, 'e')
    await task.close(false)
    const next = world.task(later)
    assert.equal((await reads(next, 'g')).fired, 4 + more + 1)
    assert.equal(next.failure, undefined)
    await next.close(false)
  })

  it('starts the backfill again after an interruption, with the events that have come since', async () => {
    const { task, release } = await begin()
    await reads(task, 'd')
    await task.close(false)
    release()
    const next = world.task(later)
    next.start()
    const more = await settle(next, 'e')
    assert.equal((await told('new')).at(-1), 4 + more)
    await next.close(false)
  })

  for (const isCommitted of [true, false]) {
    it(`is right after a crash in the commit that was ${isCommitted ? 'done' : 'not done'}`, async () => {
      const { task, release } = await begin()
      await reads(task, 'd')
      let isDisturbed = false
      world.disturb = async (_, commit) => {
        isDisturbed = true
        if (isCommitted) await commit()
        // Not an error that is tried again.
        throw new LogError('refused', 'the end of this worker')
      }
      release()
      await until(() => {
        task.tick()
        return isDisturbed
      })
      await task.close(false)
      const next = world.task(later)
      next.start()
      const more = await settle(next, 'e')
      assert.equal((await told('new')).at(-1), 4 + more)
      assert.equal(next.failure, undefined)
      await next.close(false)
    })
  }

  for (const where of ['the commit', 'the reading'] as const) {
    it(`rests after a fault in our code in ${where}, while the stream goes on, and tries again`, async () => {
      const lines: Record<string, unknown>[] = []
      world.logger = createLogger('error', { write: (line) => void lines.push(JSON.parse(line)) })
      const { task, release } = await begin()
      let owner = task
      if (where === 'the commit') {
        world.disturb = async () => {
          throw new TypeError('of a row that is not as it should be')
        }
        release()
      } else {
        await task.close(false)
        release()
        world.reading = async () => {
          throw new StateError('of a row that is not as it should be')
        }
        owner = world.task(later)
        owner.start()
      }
      await until(() => {
        owner.tick()
        return lines.length > 0
      })
      assert.deepEqual(
        lines.map(({ event, partition, ms }) => ({ event, partition, ms })),
        [{ event: 'backfill.failed', partition: 0, ms: 5_000 }],
      )
      assert.deepEqual(await reads(owner, 'd'), { told: null, fired: undefined })
      const more = await settle(owner, 'e')
      assert.equal((await told('new')).at(-1), 4 + more)
      assert.equal(lines.length, 1)
      await owner.close(false)
    })
  }

  it('tries a customer again who sends too many events meanwhile', async () => {
    const { task, release } = await begin()
    const many = 2_001
    for (let i = 0; i < many; i++) await world.happens('view', `m${i}`)
    await take(task)
    let isAgain = false
    world.reading = async () => {
      isAgain = true
    }
    release()
    await until(() => {
      task.tick()
      return isAgain
    })
    const more = await settle(task, 'e')
    assert.equal((await told('new')).at(-1), 3 + many + more)
    await task.close(false)
  })

  it('starts anew with a customer who is erased meanwhile, and so does a replay', async () => {
    const { task, release } = await begin()
    await reads(task, 'd')
    await world.erase()
    assert.deepEqual(await reads(task, 'e'), { told: 2, fired: 1 }, 'nothing of before is waited for')
    release()
    const second = async () =>
      (await world.actions()).some(({ customer, action }) => customer === 'u2' && action === 'new')
    for (let i = 0; !(await second()); i++) {
      task.tick()
      await world.happens('view', `y${i}`, Date.now(), 'u2')
      await take(task)
    }
    assert.deepEqual(await reads(task, 'f'), { told: 4, fired: 2 })
    await task.close(false)
    const next = world.task(later)
    assert.deepEqual(await reads(next, 'g'), { told: 6, fired: 3 })
    assert.equal(next.failure, undefined)
    await next.close(false)
  })

  it('does not bring back events from before an erasure, though the store still has them', async () => {
    const before = world.task()
    await world.erase()
    await world.happens('view', 'd')
    await take(before)
    await before.close(false)
    const task = world.task(later)
    task.start()
    const more = await settle(task, 'e')
    assert.equal((await told('new')).at(-1), 1 + more)
    await task.close(false)
  })

  it('makes customers ready who send no events', async () => {
    const task = world.task(later)
    task.start()
    await settle(task, 'd')
    await world.happens('view', 'y', Date.now(), 'u2')
    await take(task)
    const second = (await world.actions()).filter(({ action, customer }) => action === 'new' && customer === 'u2')
    assert.deepEqual(
      second.map(({ payload }) => (payload as { n: number }).n),
      [2],
    )
    await task.close(false)
  })
})
