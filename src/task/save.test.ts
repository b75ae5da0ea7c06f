import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { LogError } from '../log/log.ts'
import { profilesTable } from '../store/profile-row.ts'
import { TaskFailure } from './failure.ts'
import { Task } from './task.ts'
import { at, turn, World } from './test-world.ts'

const minimal = fileURLToPath(new URL('../../../examples/minimal/beckon.yaml', import.meta.url))

const passed = () => new Promise((resolve) => setTimeout(resolve, 10))

describe('what a task saves at its end, while a checkpoint is being stored', () => {
  let world: World
  let task: Task
  /** How many snapshots were written. */
  let snapshots: number
  /** Makes the store answer from now on. */
  let answer: () => void

  beforeEach(async () => {
    world = new World(minimal)
    await world.open()
    snapshots = 0
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    const deps = world.deps()
    const rows = {
      ...deps.rows,
      write: (table: object) => {
        if (table === profilesTable) snapshots++
      },
      whenStored: () => answered,
    }
    // It saves only when it is asked to.
    task = new Task(at.partition, { ...deps, rows, checkpointMs: Number.POSITIVE_INFINITY })
    await take('a')
    void task.save()
  })

  let taken = 0
  async function take(id: string): Promise<void> {
    await world.append(id)
    const { high } = await world.log.offsets('events', 0)
    taken = high
    await task.onBatch(await world.batch(high - 1, high), turn)
  }

  it('is not taken during a slice', async () => {
    const saved = task.save()
    let commit!: () => void
    const committing = new Promise<void>((begun) => {
      world.disturb = async (_, committed) => {
        begun()
        await new Promise<void>((resolve) => {
          commit = resolve
        })
        await committed()
        throw new LogError('unknown_outcome', 'no answer')
      }
    })
    const slice = take('b')
    await committing
    answer()
    await passed()
    assert.equal(snapshots, 1)
    commit()
    await slice
    await saved
    assert.equal(snapshots, 2)
    assert.equal(await world.committed(), taken)
  })

  it('does not include profiles that a throw has spoilt', async () => {
    await take('b')
    const saved = task.save()
    world.disturb = async () => {
      throw new LogError('refused', 'no right')
    }
    await assert.rejects(take('c'), /no right/)
    answer()
    await saved
    assert.equal(snapshots, 1)
  })

  it('is waited for if the partition was given up before', async () => {
    await take('b')
    await task.giveUp(new TaskFailure('deleted', 'the topic is gone'))
    let isClosed = false
    const closed = task.close(true).then(() => {
      isClosed = true
    })
    await passed()
    assert.deepEqual([isClosed, snapshots], [false, 0])
    answer()
    await closed
    assert.equal(snapshots, 2)
  })
})
