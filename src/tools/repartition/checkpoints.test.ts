import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import type { TaskDeps } from '../../task/deps.ts'
import { moveCheckpoints } from './checkpoints.ts'
import type { Saved } from './plan.ts'

test('each partition goes back to where it began to take its own records, and knows that it has', async () => {
  const log = new MemoryLog(() => 0)
  await log.createTopics(['a', 'b', 'j'].map((topic) => ({ topic, partitions: 3 })))
  await log.append([{ topic: 'j', partition: 1, key: null, value: null, headers: {} }])
  const deps = { log, topics: ['a', 'b'], journalTopic: 'j', topicId: (topic: string) => topic } as unknown as TaskDeps
  const position = 100
  const moved = { from: 1, position: 5, takenBefore: { a: 3 } }
  const own = { digest: 'd', journalOffset: 9, partitions: 2 }
  const saved: Saved[] = [
    {
      partition: 0,
      position: 50,
      // Of a topic that was taken out of the configuration, too.
      checkpoint: {
        ...own,
        offsets: { a: 20, b: 7, gone: 4 },
        ids: { gone: 'g' },
        clockMs: 30,
        moved,
        move: { to: 3, ownFrom: { a: 12, b: 7 }, position },
      },
    },
    {
      partition: 1,
      position: 60,
      checkpoint: { ...own, offsets: {}, clockMs: 20, move: { to: 3, ownFrom: { a: 0, b: 0 }, position } },
    },
  ]
  const all = { ids: { a: 'a', b: 'b' }, clockMs: 20, digest: '', journalOffset: 0, partitions: 3 }
  const after = (takenBefore: Record<string, number>) => ({ from: 2, position, takenBefore })
  assert.deepEqual(await moveCheckpoints(deps, saved, { from: 2, to: 3, position }), [
    {
      partition: 0,
      position,
      checkpoint: {
        ...all,
        ids: { gone: 'g', a: 'a', b: 'b' },
        offsets: { a: 12, b: 7, gone: 4 },
        moved: after({ a: 20 }),
      },
    },
    { partition: 1, position, checkpoint: { ...all, offsets: { a: 0, b: 0 }, journalOffset: 1, moved: after({}) } },
    { partition: 2, position, checkpoint: { ...all, offsets: { a: 0, b: 0 }, moved: after({}) } },
  ])
})
