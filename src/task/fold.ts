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
 * loaded that are not in memory. The profiles change; nothing leaves.
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
  const { pipeline, logger } = deps
  const { topic, partition } = batch
  const output = emptyOutput()
  const rows: SliceChunks[] = []
  for (let start = from; start < to; start += pieceRecords) {
    const decoded = await decodeAll(deps, batch, start, Math.min(start + pieceRecords, to), nowMs, turn)
    const missing = profiles.missing(decoded)
    if (missing.length > 0) await patiently(turn, { topic, partition }, logger, () => profiles.load(missing))
    rows.push(pipeline.fold(batch, start, decoded, profiles, nowMs, output).rows)
  }
  return { ...output, rows }
}

async function decodeAll(
  { pipeline, logger, fetchSchema }: TaskDeps,
  batch: RecordBatch,
  from: number,
  to: number,
  nowMs: number,
  turn: Turn,
): Promise<Decoded[]> {
  const { topic, partition } = batch
  for (;;) {
    const decoded = pipeline.decode(batch, from, to, nowMs)
    const unknown = new Set<number>()
    for (const one of decoded) if (one instanceof UnknownSchema) unknown.add(one.id)
    if (unknown.size === 0) return decoded
    for (const id of unknown) {
      await patiently(turn, { topic, partition }, logger, () => fetchSchema(topic, id, nowMs))
    }
  }
}
