import { setImmediate } from 'node:timers/promises'
import type { RecordBatch } from '../events/log.ts'
import { UnknownSchema } from '../ingest/decode.ts'
import type { Turn } from '../log/log.ts'
import { type Decoded, emptyOutput, type Output } from '../pipeline.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { SliceChunks } from '../store/slice-rows.ts'
import type { TaskDeps } from './deps.ts'
import { patiently } from './patience.ts'

/** A slice as it leaves the pipeline. */
export interface Folded extends Output {
  readonly rows: readonly SliceChunks[]
}

/** Records are folded piece by piece, so that their events are garbage while they are still young. */
const pieceRecords = 1_000

/**
 * Records [from, to) of a batch through the pipeline, with the schemas fetched that the decoder lacks and the profiles
 * loaded that are not in memory. The profiles change; nothing leaves. One task folds at a time, but for those that wait
 * for a dependency.
 */
export async function foldRecords(
  deps: TaskDeps,
  profiles: ProfileCache,
  batch: RecordBatch,
  from: number,
  to: number,
  nowMs: number,
  turn: Turn,
): Promise<Folded> {
  const { pipeline, folding, fetchSchema, logger } = deps
  const { topic, partition } = batch
  const output = emptyOutput()
  const rows: SliceChunks[] = []
  let leave = await folding.enter()
  const waitFor = async (ask: () => Promise<void>): Promise<void> => {
    leave()
    await patiently(turn, { topic, partition }, logger, ask)
    leave = await folding.enter()
  }
  try {
    for (let start = from; start < to; start += pieceRecords) {
      // Commits and fetches of the other partitions go on between the pieces.
      if (start > from) await setImmediate()
      const decoded = await decodeAll(pipeline, batch, start, Math.min(start + pieceRecords, to), nowMs, (id) =>
        waitFor(() => fetchSchema(topic, id, nowMs)),
      )
      const missing = profiles.missing(decoded)
      if (missing.length > 0) await waitFor(() => profiles.load(missing))
      rows.push(pipeline.fold(batch, start, decoded, profiles, nowMs, output).rows)
    }
  } finally {
    leave()
  }
  return { ...output, rows }
}

async function decodeAll(
  pipeline: TaskDeps['pipeline'],
  batch: RecordBatch,
  from: number,
  to: number,
  nowMs: number,
  fetchSchema: (id: number) => Promise<void>,
): Promise<Decoded[]> {
  for (;;) {
    const decoded = pipeline.decode(batch, from, to, nowMs)
    const unknown = new Set<number>()
    for (const one of decoded) if (one instanceof UnknownSchema) unknown.add(one.id)
    if (unknown.size === 0) return decoded
    for (const id of unknown) await fetchSchema(id)
  }
}
