import type { OutRecord, RecordBatch } from '../events/log.ts'
import type { Rejected } from '../ingest/rejected.ts'

/** A larger value is cut: the dead letter must fit where the record did, with its headers on top. */
export const maxValueBytes = 256 * 1024
/** The most bytes of the record's own headers that are kept. */
const maxHeaderBytes = 16 * 1024

/**
 * The copy of a record that could not be used: its key, bytes and headers, and why in `beckon.errors.*`. The messages are
 * fixed texts, so nothing that a producer sent is repeated in a header. A redriven dead letter keeps its first reason chain
 * out: earlier `beckon.errors.*` headers are replaced.
 */
export function deadLetter(topic: string, batch: RecordBatch, i: number, why: Rejected, nowMs: number): OutRecord {
  // Without a prototype: a producer may call a header `constructor` or `__proto__`.
  const headers: Record<string, Buffer | string | Buffer[]> = Object.create(null)
  let bytes = 0
  for (const { name, value } of batch.headers(i)) {
    if (name.startsWith('beckon.errors.')) continue
    bytes += name.length + (value?.length ?? 0)
    if (bytes > maxHeaderBytes) break
    const before = headers[name]
    const kept = value ?? Buffer.alloc(0)
    headers[name] = before === undefined ? kept : [...(Array.isArray(before) ? before : [before as Buffer]), kept]
  }
  const value = batch.value(i)
  const cut = value !== null && value.length > maxValueBytes
  Object.assign(headers, {
    'beckon.errors.reason': why.reason,
    'beckon.errors.detail': why.detail,
    'beckon.errors.topic': batch.topic,
    'beckon.errors.partition': String(batch.partition),
    'beckon.errors.offset': String(batch.offset(i)),
    'beckon.errors.time': String(nowMs),
    ...(why.schemaId >= 0 ? { 'beckon.errors.schema_id': String(why.schemaId) } : {}),
    ...(cut ? { 'beckon.errors.value_bytes': String(value.length) } : {}),
  })
  return { topic, key: batch.key(i), value: cut ? value.subarray(0, maxValueBytes) : value, headers }
}
