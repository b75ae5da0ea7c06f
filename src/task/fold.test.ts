import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { RecordBatch } from '../events/log.ts'
import type { Turn } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import { SliceRows } from '../store/slice-rows.ts'
import type { TaskDeps } from './deps.ts'
import { foldRecords } from './fold.ts'
import { FoldQueue } from './fold-queue.ts'

const turn: Turn = { heartbeat: async () => undefined, isCurrent: () => true }
const records = 2_500

/** Tasks with a pipeline that notes what it folds, as partition and first record. */
class World {
  readonly folded: string[] = []
  /** By partition: runs when it loads profiles from the store. */
  readonly loads = new Map<number, () => Promise<void>>()
  /** The partition whose fold throws. */
  broken: number | undefined
  readonly #deps = {
    folding: new FoldQueue(),
    sliceRows: new SliceRows(),
    logger: createLogger('fatal'),
    fetchSchema: async () => undefined,
    pipeline: {
      decode: (_batch: RecordBatch, start: number, end: number) => new Array(end - start).fill(undefined),
      fold: ({ partition }: RecordBatch, start: number, some: readonly unknown[]) => {
        if (partition === this.broken) throw new Error('a bug')
        if (start % 1_000 === 0) this.folded.push(`${partition}/${start}`)
        return { events: [], taken: some.length }
      },
    },
  } as unknown as TaskDeps

  fold(partition: number): Promise<unknown> {
    const load = this.loads.get(partition)
    let asked = load === undefined
    const profiles = {
      missing: () => (asked ? [] : ['ann']),
      load: async () => {
        asked = true
        await load!()
      },
    } as unknown as ProfileCache
    return foldRecords(this.#deps, profiles, { topic: 't', partition } as RecordBatch, 0, records, 0, turn)
  }
}

const pieces = (partition: number) => [`${partition}/0`, `${partition}/1000`, `${partition}/2000`]

describe('tasks that fold at the same time', () => {
  test('fold one after the other, in the order in which they asked', async () => {
    const world = new World()
    await Promise.all([world.fold(2), world.fold(0), world.fold(1)])
    assert.deepEqual(world.folded, [...pieces(2), ...pieces(0), ...pieces(1)])
  })

  test('let sockets be served between the pieces', async () => {
    const world = new World()
    const seen: number[] = []
    const folding = Promise.all([world.fold(0), world.fold(1)])
    while (world.folded.length < 6) {
      await setImmediate()
      if (seen.at(-1) !== world.folded.length) seen.push(world.folded.length)
    }
    await folding
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
  })

  test('do not wait for one whose profiles are being loaded', async () => {
    const world = new World()
    let loaded!: () => void
    world.loads.set(0, () => new Promise((resolve) => (loaded = resolve)))
    const waiting = world.fold(0)
    await world.fold(1)
    assert.deepEqual(world.folded, pieces(1))
    loaded()
    await waiting
    assert.deepEqual(world.folded, [...pieces(1), ...pieces(0)])
  })

  test('do not wait for one that failed', async () => {
    const world = new World()
    world.broken = 0
    const failing = world.fold(0)
    const next = world.fold(1)
    await assert.rejects(failing, /a bug/)
    await next
    assert.deepEqual(world.folded, pieces(1))
  })
})
