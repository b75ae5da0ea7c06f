import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { turn, World } from './test-world.ts'
import { warmUp } from './warm-up.ts'

const minimal = fileURLToPath(new URL('../../../examples/minimal/beckon.yaml', import.meta.url))

describe('a warm-up', () => {
  it('folds what is in the topics, and changes nothing', async () => {
    const world = new World(minimal)
    await world.open()
    await world.append('a', 'b', 'c')
    const { high } = await world.log.offsets('events', 0)
    const deps = world.deps()
    let folded = 0
    const { pipeline } = deps
    const fold: typeof pipeline.fold = (batch, from, decoded, profiles, nowMs) => {
      folded += decoded.length
      return pipeline.fold(batch, from, decoded, profiles, nowMs)
    }
    const watched = { decode: pipeline.decode.bind(pipeline), fold } as unknown as typeof pipeline
    await warmUp({ ...deps, pipeline: watched })
    assert.equal(folded, 3)
    assert.equal(await world.committed(), null)
    assert.equal((await world.log.offsets('events', 0)).high, high)
    assert.deepEqual(await world.actions(), [])
    const task = world.task()
    await task.onBatch(await world.batch(0, 3), turn)
    assert.equal(task.profilesInMemory, 1)
    assert.equal(await world.committed(), 3)
  })

  it('ends if the log fails, and if it never answers', async () => {
    const world = new World(minimal)
    await world.open()
    const deps = world.deps()
    const logOf = (offsets: () => Promise<never>) => new Proxy(deps.log, { get: () => offsets })
    await warmUp({ ...deps, log: logOf(() => Promise.reject(new Error('away'))) })
    const alive = setInterval(() => undefined, 100)
    await warmUp({ ...deps, log: logOf(() => new Promise(() => undefined)) })
    clearInterval(alive)
  })
})
