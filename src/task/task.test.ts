import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { LogError } from '../log/log.ts'
import { failureOf } from './failure.ts'
import type { Task } from './task.ts'
import { turn, World } from './test-world.ts'

const minimal = fileURLToPath(new URL('../../../examples/minimal/beckon.yaml', import.meta.url))

describe('a task whose partition another worker had meanwhile', () => {
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

  it('opens again where the other went on, when the partition comes back to it unasked', async () => {
    await rival.onBatch(await world.batch(2, 4), turn)
    await world.append('e')
    const next = await world.batch(4, 5)
    await assert.rejects(stale.onBatch(next, turn), /another owner went on/)
    assert.equal(stale.state, 'closed')
    await stale.onBatch(next, turn)
    assert.equal(stale.state, 'running')
    assert.equal(await world.committed(), 5)
  })

  it('does not take the slice of another for its own', async () => {
    const batch = await world.batch(2, 4)
    world.disturb = async () => {
      // So that the clocks of the two differ.
      await new Promise((resolve) => setTimeout(resolve, 5))
      await rival.onBatch(batch, turn)
      throw new LogError('fenced', 'another owner opened the id')
    }
    await assert.rejects(stale.onBatch(batch, turn), /another owner went on/)
    assert.equal(await world.committed(), 4)
  })

  it('does not mistake a checkpoint of another for one ahead of the group, when it was frozen while it opened', async () => {
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

  it('takes a slice for done whose commit was not answered', async () => {
    world.disturb = async (_, commit) => {
      await commit()
      throw new LogError('unknown_outcome', 'no answer')
    }
    await stale.onBatch(await world.batch(2, 4), turn)
    assert.equal(stale.state, 'running')
    assert.equal(await world.committed(), 4)
  })

  it('goes past offsets without a record, which come in a batch of their own', async () => {
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

describe('a task whose log can’t hand the next records over', () => {
  it('finishes the slice under way, stops with the reason, and takes nothing more', async () => {
    const world = new World(minimal)
    await world.open()
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

  it('stops as well while it opens, also where the replay meets such records', async () => {
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
