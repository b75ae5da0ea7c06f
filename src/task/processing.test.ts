import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it, mock } from 'node:test'
import type { Moment } from '../features/moment.ts'
import { ProcessingError } from '../pipeline.ts'
import { listDeadLetters } from '../tools/dead-letters/list.ts'
import { redrive } from '../tools/dead-letters/redrive.ts'
import { Task } from './task.ts'
import { at, turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-processing-'))
const config = join(folder, 'beckon.yaml')
writeFileSync(
  config,
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
features: [{ name: n, count: {}, window: lifetime }]
actions: [{ name: every, when: 'true', payload: { n: { cel: n } } }]
`,
)
after(() => rmSync(folder, { recursive: true }))

describe('a task whose code throws while it processes an event', () => {
  let world: World
  let taken: number

  beforeEach(async () => {
    world = new World(config)
    await world.open()
    taken = 0
  })

  /** A task of a version that throws on events of these types. */
  function taskOf(...broken: string[]): Task {
    const deps = world.deps(config)
    const where = ({ event }: Moment) => {
      if (broken.includes(event.type)) throw new Error('a bug')
      return true
    }
    Object.assign(deps.features.groups[0]!, { where })
    return new Task(at.partition, deps)
  }

  async function take(task: Task): Promise<void> {
    const { high } = await world.log.offsets('events', 0)
    await task.onBatch(await world.batch(taken, high), turn)
    taken = high
  }

  const counted = async () => (await world.actions()).map(({ payload }) => (payload as { n: number }).n)

  async function deadLetters(): Promise<string[]> {
    const { newest } = await listDeadLetters(world.log, {
      topic: 'beckon.dead_letters',
      limit: 10,
      reason: undefined,
      withValues: false,
    })
    return newest.map(({ reason, from }) => `${reason} ${from?.offset}`)
  }

  it('drops the slice, opens again and leaves out only that event; from then on it is careful', async () => {
    const task = taskOf('boom')
    await world.append('a')
    await world.happens('boom', 'b')
    await world.append('c')
    await assert.rejects(take(task), ProcessingError)
    assert.deepEqual([task.state, await counted(), await deadLetters()], ['closed', [], []])
    await take(task)
    assert.deepEqual([task.state, await counted(), await deadLetters()], ['running', [1, 2], ['processing 1']])
    await world.happens('boom', 'd')
    await world.append('e')
    await take(task)
    assert.deepEqual(
      [await counted(), await deadLetters()],
      [
        [1, 2, 3],
        ['processing 1', 'processing 3'],
      ],
    )
    await task.close(false)
  })

  it('is followed by a fixed version, which still leaves out the event, and counts it in full when it is redriven', async () => {
    const task = taskOf('boom')
    await world.append('a')
    await world.happens('boom', 'b')
    await world.append('c')
    await assert.rejects(take(task), ProcessingError)
    await take(task)
    await task.close(false)
    const mended = taskOf()
    const options = { topic: 'beckon.dead_letters', group: 'group', inputs: ['events'], timed: [], reason: undefined }
    await redrive(world.log, { ...options, limit: 10, dryRun: false })
    await take(mended)
    assert.deepEqual([mended.state, await counted()], ['running', [1, 2, 3]])
    await mended.close(false)
  })

  it('is careful until ten minutes have passed without a throw while an event was processed', async () => {
    const realMs = performance.now.bind(performance)
    let minutes = 0
    mock.method(performance, 'now', () => realMs() + minutes * 60_000)
    const task = taskOf('boom')
    await world.happens('boom', 'a')
    await assert.rejects(take(task), ProcessingError)
    taken = 0
    await take(task)
    minutes = 8
    await takeUndecodable(task)
    minutes = 11
    await world.happens('boom', 'b')
    await assert.rejects(take(task), ProcessingError)
    taken--
    await take(task)
    minutes = 30
    await takeUndecodable(task)
    await world.happens('boom', 'c')
    await assert.rejects(take(task), ProcessingError, 'a record that can not be decoded is no reason to be careful')
    assert.deepEqual(await deadLetters(), ['processing 3', 'processing 2', 'processing 1', 'processing 0'].reverse())
    await task.close(false)
  })

  /** Takes a record on which the decoder throws. */
  async function takeUndecodable(task: Task): Promise<void> {
    await world.append('undecodable')
    const batch = await world.batch(taken, taken + 1)
    let reads = 0
    const value = (i: number) => {
      if (reads++ === 0) throw new Error('a bug')
      return batch.value(i)
    }
    await task.onBatch({ ...batch, value }, turn)
    taken++
  }

  it('stops the partition where it throws in a replay but did not the first time', async () => {
    const task = taskOf()
    await world.append('a')
    await world.happens('boom', 'b')
    await take(task)
    await task.close(false)
    await world.append('c')
    const worse = taskOf('boom')
    await take(worse)
    assert.deepEqual([worse.state, worse.failure?.reason, await counted()], ['failed', 'digest', [1, 2]])
  })
})
