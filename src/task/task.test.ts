import assert from 'node:assert/strict'
import { beforeEach, describe, it, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { LogError } from '../log/log.ts'
import { failureOf } from './failure.ts'
import { Task } from './task.ts'
import { turn, World } from './test-world.ts'

const minimal = fileURLToPath(new URL('../../../examples/minimal/beckon.yaml', import.meta.url))

describe('a task whose partition another worker has had in the meantime', () => {
  let world: World
  let stale: Task
  let rival: Task

  beforeEach(async () => {
    world = new World(minimal)
    await world.open()
    stale = world.task()
    rival = world.task()
    await world.append('a', 'b')
    await stale.onBatch(await world.batch(0, 2), turn)
    assert.equal(await world.committed(), 2)
    await world.append('c', 'd')
  })

  it('opens again where the other worker got to, when the partition comes back', async () => {
    await rival.onBatch(await world.batch(2, 4), turn)
    await world.append('e')
    const next = await world.batch(4, 5)
    await assert.rejects(stale.onBatch(next, turn), /another owner went on/)
    assert.equal(stale.state, 'closed')
    await stale.onBatch(next, turn)
    assert.equal(stale.state, 'running')
    assert.equal(await world.committed(), 5)
  })

  it('opens again where the other worker got to, when the partition is still its own, though no batch comes', async () => {
    await rival.onBatch(await world.batch(2, 4), turn)
    stale.stay()
    while (stale.nextOffset('events') !== 4) await new Promise(setImmediate)
    assert.equal(stale.state, 'running')
  })

  it('goes on as it is when the partition is still its own and nobody has had it', async () => {
    const told: string[] = []
    world.logger.warn = (event) => void told.push(event)
    stale.stay()
    await stale.onBatch(await world.batch(2, 4), turn)
    assert.equal(await world.committed(), 4)
    assert.deepEqual(told, [])
  })

  it('opens again without a batch after a turn that passed while it committed', async () => {
    let isCurrent = true
    world.disturb = async (_, commit) => {
      await commit()
      isCurrent = false
      throw new LogError('unknown_outcome', 'no answer')
    }
    await stale.onBatch(await world.batch(2, 4), { ...turn, isCurrent: () => isCurrent })
    assert.equal(stale.state, 'closed')
    stale.stay()
    while (stale.nextOffset('events') !== 4) await new Promise(setImmediate)
  })

  it('does not mistake the slice of another for its own', async () => {
    const batch = await world.batch(2, 4)
    world.disturb = async () => {
      // So that the clocks of the two slices differ.
      await new Promise((resolve) => setTimeout(resolve, 5))
      await rival.onBatch(batch, turn)
      throw new LogError('fenced', 'another owner opened the id')
    }
    await assert.rejects(stale.onBatch(batch, turn), /another owner went on/)
    assert.equal(await world.committed(), 4)
  })

  it('does not think that the checkpoint of another is ahead of the group, when it was frozen while it opened', async () => {
    const late = world.task()
    world.meanwhile = async () => {
      await rival.onBatch(await world.batch(2, 4), turn)
      const state = encodeCheckpoint({
        offsets: { events: 4 },
        clockMs: 0,
        digest: '',
        journalOffset: 4,
        partitions: 1,
      })
      return {
        customer: '',
        version: 4,
        streamTimeMs: 0,
        policy: '',
        notReady: [],
        state,
        erasedBefore: 0,
        deleted: false,
      }
    }
    await late.onBatch(await world.batch(2, 4), turn)
    assert.equal(late.failure, undefined)
    assert.equal(late.state, 'running')
  })

  it('finds that a slice is done although its commit was not answered', async () => {
    world.disturb = async (_, commit) => {
      await commit()
      throw new LogError('unknown_outcome', 'no answer')
    }
    await stale.onBatch(await world.batch(2, 4), turn)
    assert.equal(stale.state, 'running')
    assert.equal(await world.committed(), 4)
  })

  it('goes past offsets without records that come in a batch of their own', async () => {
    const writer = await world.log.openWriter('upstream')
    const upstream = { groupId: 'upstream', topic: 'events', partition: 0, nextOffset: 0, metadata: '' }
    const value = Buffer.from(JSON.stringify({ messageId: 'e', userId: 'u1', type: 'page', timestamp: Date.now() }))
    await writer.commit({ ...upstream, records: [{ topic: 'events', partition: 0, key: 'u1', value, headers: {} }] })
    await world.append('f')
    await stale.onBatch(await world.batch(2, 5), turn)
    await stale.onBatch(await world.batch(5, 6), turn)
    assert.equal(await world.committed(), 5)
    await stale.onBatch(await world.batch(6, 7), turn)
    assert.equal(await world.committed(), 7)
    const next = world.task()
    await world.append('g')
    await next.onBatch(await world.batch(7, 8), turn)
    assert.equal(next.failure, undefined)
    assert.equal(await world.committed(), 8)
  })
})

describe('a task whose input is cut while it opens, after its bounds were checked', () => {
  let world: World
  let next: Task

  beforeEach(async () => {
    world = new World(minimal)
    await world.open()
    await world.append('a', 'b')
    await world.task().onBatch(await world.batch(0, 2), turn)
    await world.append('c')
    next = world.task()
  })

  /** Of the records before `c`, only [low, high) are left. */
  function keep(low: number, high: number): void {
    const { log } = world
    const read = log.read.bind(log)
    log.read = (topic, partition, from, until) => {
      if (topic !== 'events' || until > 2) return read(topic, partition, from, until)
      return read(topic, partition, Math.max(from, low), Math.min(until, high))
    }
  }

  it('stops where the beginning of what it replays is gone', async () => {
    keep(1, 2)
    await next.onBatch(await world.batch(2, 3), turn)
    assert.deepEqual([next.state, next.failure?.reason], ['failed', 'gap'])
    assert.match(next.failure!.hint, /the replay begins at 0 of events, but the topic now begins at 1/)
  })

  it('does not pause a partition that it has given up meanwhile: another task may have it', async () => {
    keep(1, 2)
    const { log } = world
    const read = log.read.bind(log)
    for (const isGivenUp of [false, true]) {
      const paused: string[] = []
      const task = new Task(0, { ...world.deps(), pause: ({ topic }) => void paused.push(topic) })
      log.read = (...asked) => {
        if (isGivenUp) void task.close(false)
        return read(...asked)
      }
      task.start()
      while (task.state !== 'failed') await new Promise(setImmediate)
      assert.deepEqual([task.failure?.reason, paused], ['gap', isGivenUp ? [] : ['events']])
    }
  })

  it('opens again where the end of what it replays is gone', async () => {
    keep(0, 1)
    await assert.rejects(next.onBatch(await world.batch(2, 3), turn), /ends before what was committed/)
    assert.equal(next.state, 'closed')
  })
})

describe('a task that works without a batch', () => {
  it('logs a failure once, and says whether the partition was open', async () => {
    const world = new World(minimal)
    await world.open()
    const told: string[] = []
    const deps = world.deps()
    const logger = { ...deps.logger, warn: (event: string) => void told.push(event) }
    const task = new Task(0, { ...deps, logger })
    const until = async (count: number) => {
      while (told.length < count) await new Promise(setImmediate)
      // Time for any further lines.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const openWriter = world.openWriter.bind(world)
    world.openWriter = async () => {
      throw new LogError('refused', 'no right')
    }
    await world.append('a')
    const batch = await world.batch(0, 1)
    task.start()
    // It waits for the same opening.
    await assert.rejects(task.onBatch(batch, turn), /no right/)
    await until(1)
    assert.deepEqual(told, ['task.open_failed'])
    world.openWriter = openWriter
    world.disturb = async () => {
      throw new LogError('refused', 'no right')
    }
    await assert.rejects(task.onBatch(batch, turn), /no right/)
    await until(2)
    assert.deepEqual(told, ['task.open_failed', 'task.closed'])
  })
})

test('a task that opens can’t be opened again: that would be a mistake of ours', async () => {
  const world = new World(minimal)
  await world.open()
  const task = world.task()
  task.start()
  assert.throws(() => task.start(), /a task that is opening can't be opening next/)
  await task.close(false)
  assert.equal(task.state, 'closed')
})

describe('a task whose log can’t hand over the next records', () => {
  it('finishes the slice under way, stops with the reason and takes nothing more', async () => {
    const world = new World(minimal)
    await world.open()
    world.hasEvents = true
    const task = world.task()
    await world.append('a', 'b')
    const slice = task.onBatch(await world.batch(0, 2), turn)
    const failure = failureOf(
      new LogError('checksum', 'the record batch at offset 2 of events, partition 0: other bytes'),
    )
    await task.giveUp(failure!)
    await slice
    assert.equal(await world.committed(), 2)
    assert.equal(task.state, 'failed')
    assert.equal(task.failure?.reason, 'checksum')
    assert.match(task.failure.hint, /offset 2 of events/)
    await world.append('c')
    await task.onBatch(await world.batch(2, 3), turn)
    task.tick()
    assert.equal(await world.committed(), 2)
    await task.close(true)
    assert.equal(task.state, 'failed')
  })

  it('stops also while it opens, even if the replay comes to such records', async () => {
    const world = new World(minimal)
    await world.open()
    const opening = world.task()
    opening.start()
    await opening.giveUp(failureOf(new LogError('unreadable', 'a codec to come'))!)
    assert.deepEqual([opening.state, opening.failure?.reason], ['failed', 'unreadable'])

    const task = world.task()
    await world.append('a')
    await task.onBatch(await world.batch(0, 1), turn)
    const batch = await world.batch(0, 1)
    const next = world.task()
    // biome-ignore lint/correctness/useYield: it fails before.
    world.log.read = async function* () {
      throw new LogError('checksum', 'the record batch at offset 0 of events, partition 0: other bytes')
    }
    await next.onBatch(batch, turn)
    assert.deepEqual([next.state, next.failure?.reason], ['failed', 'checksum'])
  })
})
