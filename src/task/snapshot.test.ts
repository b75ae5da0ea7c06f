import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { profilesTable } from '../store/profile-row.ts'
import { Task } from './task.ts'
import { at, turn, World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-snapshot-'))
const config = join(folder, 'beckon.yaml')
writeFileSync(
  config,
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
features:
  - { name: n, count: {}, window: lifetime }
  - { name: shown, value: n }
actions: [{ name: every, when: 'true', payload: { n: { cel: n } } }]
`,
)
after(() => rmSync(folder, { recursive: true }))

const passed = () => new Promise((resolve) => setTimeout(resolve, 10))

describe('a task with a profile on which the code throws when it is saved', () => {
  let world: World
  /** How many snapshots were written. */
  let snapshots: number
  let isBroken: boolean
  let paused: string[]
  /** When the next snapshot is due. */
  let checkpointMs: number

  beforeEach(async () => {
    world = new World(config)
    await world.open()
    world.hasEvents = true
    snapshots = 0
    isBroken = true
    paused = []
    checkpointMs = Number.POSITIVE_INFINITY
  })

  function taskOf(): Task {
    const deps = world.deps(config)
    const shown = deps.features.features.find(({ name }) => name === 'shown')!
    const { read } = shown
    Object.assign(shown, {
      read: (moment: Parameters<typeof read>[0]) => {
        if (isBroken) throw new TypeError('Cannot convert object to primitive value')
        return read(moment)
      },
    })
    const write = (table: object) => {
      if (table === profilesTable) snapshots++
    }
    const pause = ({ topic }: { topic: string }) => void paused.push(topic)
    const own = { ...deps, rows: { ...deps.rows, write }, pause }
    return new Task(at.partition, Object.defineProperty(own, 'checkpointMs', { get: () => checkpointMs }))
  }

  async function take(task: Task, from = 0): Promise<void> {
    const { high } = await world.log.offsets('events', 0)
    await task.onBatch(await world.batch(from, high), turn)
  }

  const counted = async () => (await world.actions()).map(({ payload }) => (payload as { n: number }).n)
  const told = (task: Task) => [task.state, task.failure?.reason, paused, snapshots]

  it('fails after the slice, which is committed, and stores nothing', async () => {
    checkpointMs = 0
    const task = taskOf()
    await world.append('a', 'b')
    await take(task)
    await passed()
    assert.deepEqual(told(task), ['failed', 'snapshot', ['events'], 0])
    assert.deepEqual([await counted(), await world.committed()], [[1, 2], 2])
    await task.close(true)
    assert.deepEqual(told(task), ['failed', 'snapshot', ['events'], 0])
  })

  it('fails from a tick, which does not throw', async () => {
    const task = taskOf()
    await world.append('a')
    await take(task)
    task.tick()
    assert.equal(task.state, 'running', 'none is due')
    checkpointMs = 0
    task.tick()
    task.tick()
    await passed()
    assert.deepEqual(told(task), ['failed', 'snapshot', ['events'], 0])
  })

  it('fails where it is saved at its end or for the next owner, who goes on from the previous checkpoint', async () => {
    const task = taskOf()
    await world.append('a')
    await take(task)
    await task.save()
    await passed()
    assert.deepEqual(told(task), ['failed', 'snapshot', ['events'], 0])
    await task.close(true)
    isBroken = false
    checkpointMs = 0
    const next = taskOf()
    await world.append('b')
    await take(next)
    await passed()
    assert.deepEqual([next.state, snapshots, await counted()], ['running', 1, [1, 2]])
    await next.close(true)
  })

  it('still gives the partition up', async () => {
    const task = taskOf()
    await world.append('a')
    await take(task)
    await task.close(true)
    assert.deepEqual([task.state, snapshots], ['closed', 0])
  })
})
