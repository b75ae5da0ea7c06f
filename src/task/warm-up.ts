import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { ProfileCache } from '../profiles/cache.ts'
import { emptyOutput } from '../slice-output.ts'
import type { TaskDeps } from './deps.ts'
import { decodeAll, foldPiece } from './fold.ts'

/** Of all topics together. After 30,000 the next events were still slower; many more would not fit into the time. */
const maxRecords = 80_000
const pieceRecords = 1_000
const maxMs = 1_000

const nowhere = { write: () => undefined }

/**
 * Before it joins the group, folds the last records of the input topics into throwaway profiles, for a second at most. That
 * lets V8 compile the code for real events. Otherwise the first hundred thousand events of a partition that is taken over
 * take twice as long, while others wait. It sends nothing, and a failure does no harm: whatever is missing is waited for later,
 * where it is needed.
 */
export async function warmUp(deps: TaskDeps): Promise<void> {
  const ended = new AbortController()
  const startMs = Date.now()
  const warmed = foldLast(deps, ended.signal).then(
    (count) => deps.logger.debug('warm', { count, ms: Date.now() - startMs }),
    (error) => deps.logger.debug('warm.failed', { error }),
  )
  await Promise.race([warmed, sleep(maxMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined)])
  ended.abort()
}

/** @returns how many records it folded */
async function foldLast(deps: TaskDeps, ended: AbortSignal): Promise<number> {
  const { log, topics, partitions, pipeline, sliceRows, store, fetchSchema } = deps
  const profiles = new ProfileCache(store, 0, deps, async () => undefined, true)
  const each = Math.ceil(maxRecords / topics.length / partitions)
  let position = 0
  let folded = 0
  for (const topic of topics) {
    for (let partition = 0; partition < partitions && !ended.aborted; partition++) {
      const { low, high } = await log.offsets(topic, partition)
      for await (const batch of log.read(topic, partition, Math.max(low, high - each), high)) {
        // So that no profile mistakes a record for one that it already has.
        profiles.origin = position - batch.startOffset
        position += batch.nextOffset - batch.startOffset
        for (let from = 0; from < batch.count; from += pieceRecords) {
          const nowMs = Date.now()
          const to = Math.min(from + pieceRecords, batch.count)
          const decoded = await decodeAll(pipeline, batch, from, to, nowMs, (id) => fetchSchema(topic, id, nowMs))
          if (ended.aborted) return folded
          const output = emptyOutput()
          const { rows } = foldPiece(deps, profiles, batch, from, decoded, nowMs, output)
          sliceRows.store(nowhere, { ...output, events: [rows] })
          folded += to - from
          await setImmediate()
        }
      }
    }
    profiles.snapshot(position, Buffer.alloc(0))
  }
  return folded
}
