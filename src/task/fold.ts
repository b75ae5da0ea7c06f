import type { RecordBatch } from '../events/log.ts'
import { UnknownSchema } from '../ingest/decode.ts'
import type { Turn } from '../log/log.ts'
import type { Decoded, SliceResult } from '../pipeline.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { TaskDeps } from './deps.ts'
import { patiently } from './patience.ts'

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
): Promise<SliceResult> {
  const { pipeline, logger } = deps
  const { topic, partition } = batch
  const at = { topic, partition }
  const decoded = await decodeAll(deps, batch, from, to, nowMs, turn)
  const missing = profiles.missing(decoded)
  if (missing.length > 0) await patiently(turn, at, logger, () => profiles.load(missing))
  return pipeline.fold(batch, from, decoded, profiles, nowMs)
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
