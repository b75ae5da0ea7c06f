import { createHash } from 'node:crypto'
import avro from 'avsc'
import type { OutRecord, RecordBatch } from '../events/log.ts'

/**
 * The journal: one record a slice, in the slice's transaction, of what a replay of the input can't derive. With it a
 * replay runs under the same clock and policy as the first time, and must arrive at the same digest.
 */
export interface JournalEntry {
  readonly topic: string
  readonly partition: number
  readonly first_offset: number
  /** Equal to `first_offset` for a slice without events. */
  readonly next_offset: number
  /** The clock that the slice ran under; ms. */
  readonly now: number
  readonly policy: string
  readonly models: Readonly<Record<string, string>>
  /** Rolling hash of the ids of all actions of the partition so far. */
  readonly digest: string
  /** The partition's clock: timers due by then fired, as of then; ms. */
  readonly clock: number
  /** The customers whose timers fired, after the slice's events, in order. */
  readonly fired: readonly string[]
  /** The customers whose features were computed from the events before the slice, which is one of its own. */
  readonly refolded: readonly string[]
  /** Where the slice ends: see `widthOf`. */
  readonly position: number
}

/**
 * How far a slice moves its partition's position: by the offsets that it takes, of whichever topic, and by one where timers
 * fire or features are computed from the events. So every slice that changes a profile has a position of its own.
 */
export function widthOf(slice: Pick<JournalEntry, 'first_offset' | 'next_offset' | 'fired' | 'refolded'>): number {
  return slice.next_offset - slice.first_offset + (slice.fired.length + slice.refolded.length > 0 ? 1 : 0)
}

/** The digest before the first action. */
export const emptyDigest = ''

/** The digest after a slice's actions: SHA-256 over the one before and their ids, the first 128 bits as hex. */
export function rollDigest(digest: string, actionIds: readonly string[]): string {
  if (actionIds.length === 0) return digest
  const hash = createHash('sha256').update(digest)
  for (const id of actionIds) hash.update(id)
  return hash.digest('hex').slice(0, 32)
}

export interface JournalCodec {
  encode(entry: JournalEntry): OutRecord
  decode(batch: RecordBatch): JournalEntry[]
}

/** Bare Avro of schemas/journal.avsc. The journal's partitions are the input's: an entry lies where its input does. */
export function journalCodec(journalTopic: string, schema: string): JournalCodec {
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema)
  return {
    encode: (entry) => ({
      topic: journalTopic,
      partition: entry.partition,
      key: String(entry.partition),
      value: type.toBuffer(entry),
      headers: {},
    }),
    decode: (batch) => Array.from({ length: batch.count }, (_, i) => type.fromBuffer(batch.value(i)!) as JournalEntry),
  }
}
