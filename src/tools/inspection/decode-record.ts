import assert from 'node:assert/strict'
import type { Engine } from '../../engine.ts'
import type { RecordBatch } from '../../events/log.ts'
import { type FetchedSchema, UnknownSchema } from '../../ingest/decode.ts'
import type { Rejected } from '../../ingest/rejected.ts'
import type { Decoded } from '../../slice-input.ts'
import { compileStages } from '../../stages.ts'

/** Where the service gets schemas by id. */
export interface SchemaSource {
  schema(id: number, topic: string): Promise<FetchedSchema | Rejected>
}

export type DecodedRecord = Exclude<Decoded, UnknownSchema>

/**
 * Decodes a record as the service does, and fetches the schema if needed.
 * @param registry only called if a record names a schema
 */
export function recordDecoder(engine: Engine, registry: () => SchemaSource | undefined) {
  const { decode } = compileStages(engine, 'json')
  return async (batch: RecordBatch, i: number, nowMs: number): Promise<DecodedRecord> => {
    const decoded = decode(batch, i, nowMs)
    if (!(decoded instanceof UnknownSchema)) return decoded
    const source = registry()
    assert(source !== undefined, 'a topic with schema ids has a registry')
    engine.decoders.get(batch.topic)!.addSchema(decoded.id, await source.schema(decoded.id, batch.topic), nowMs)
    const again = decode(batch, i, nowMs)
    assert(!(again instanceof UnknownSchema), 'the schema was added')
    return again
  }
}
