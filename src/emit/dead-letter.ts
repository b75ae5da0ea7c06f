import type { OutRecord, RecordBatch, RecordHeader } from '../events/log.ts'
import type { Rejected } from '../ingest/rejected.ts'

/** How much of a record its dead letter keeps; bytes. */
export interface Keeps {
  readonly value: number
  readonly key: number
  /** For all headers together, with their names. */
  readonly headers: number
}

/** Everything, up to what a dead letter can hold: it must fit where the record did, with our headers on top. */
export const whole: Keeps = { value: 256 * 1024, key: 16 * 1024, headers: 16 * 1024 }
/** If a slice has too many dead letters: just enough to tell whose record it is and what it looks like. */
export const headOnly: Keeps = { value: 128, key: 256, headers: 0 }
/** What a header takes besides its name and its value. */
const headerOverheadBytes = 8

/**
 * The copy of a record that could not be used: its key, value and headers, and the reason in `beckon.errors.*`. The messages
 * are fixed texts, so these headers repeat nothing that a producer sent. If a redriven record fails again, its earlier
 * `beckon.errors.*` headers are replaced. If a part was cut, a header says how long it was.
 */
export function deadLetter(
  topic: string,
  batch: RecordBatch,
  i: number,
  why: Rejected,
  nowMs: number,
  keeps = whole,
): OutRecord {
  const headers = keptHeaders(batch.headers(i), keeps.headers)
  const [key, value] = [batch.key(i), batch.value(i)]
  Object.assign(headers, {
    'beckon.errors.reason': why.reason,
    'beckon.errors.detail': why.detail,
    'beckon.errors.topic': batch.topic,
    'beckon.errors.partition': String(batch.partition),
    'beckon.errors.offset': String(batch.offset(i)),
    'beckon.errors.time': String(nowMs),
    'beckon.errors.timestamp': String(batch.timestamp(i)),
    ...(why.schemaId >= 0 ? { 'beckon.errors.schema_id': String(why.schemaId) } : {}),
    ...(value !== null && value.length > keeps.value ? { 'beckon.errors.value_bytes': String(value.length) } : {}),
    ...(key !== null && key.length > keeps.key ? { 'beckon.errors.key_bytes': String(key.length) } : {}),
  })
  return { topic, key: head(key, keeps.key), value: head(value, keeps.value), headers }
}

const head = (bytes: Buffer | null, length: number) =>
  bytes !== null && bytes.length > length ? bytes.subarray(0, length) : bytes

function keptHeaders(own: readonly RecordHeader[], maxBytes: number): Record<string, Buffer | string | Buffer[]> {
  // Without a prototype: a producer may call a header `constructor` or `__proto__`.
  const headers: Record<string, Buffer | string | Buffer[]> = Object.create(null)
  let bytes = 0
  for (const { name, value } of own) {
    if (name.startsWith('beckon.errors.')) continue
    bytes += headerOverheadBytes + Buffer.byteLength(name) + (value?.length ?? 0)
    if (bytes > maxBytes) continue
    const before = headers[name]
    const kept = value ?? Buffer.alloc(0)
    headers[name] = before === undefined ? kept : [...(Array.isArray(before) ? before : [before as Buffer]), kept]
  }
  if (bytes > maxBytes) headers['beckon.errors.header_bytes'] = String(bytes)
  return headers
}
