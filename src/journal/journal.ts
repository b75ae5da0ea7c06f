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
  /** The customers whose features were computed from the events before `next_offset`; in a slice of its own. */
  readonly refolded: readonly string[]
  /** Slices of the partition so far in which timers fired or features were so computed, this one included. */
  readonly firings: number
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
  /** The entries of one input partition; those of other topics in the same journal partition are left out. */
  decode(batch: RecordBatch, topic: string): JournalEntry[]
}

/** Bare Avro of schemas/journal.avsc. The journal's partitions are the input's: an entry lies where its input does. */
export function journalCodec(journalTopic: string, schema: string): JournalCodec {
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema)
  return {
    encode: (entry) => ({
      topic: journalTopic,
      partition: entry.partition,
      key: `${entry.topic}-${entry.partition}`,
      value: type.toBuffer(entry),
      headers: {},
    }),
    decode(batch, topic) {
      const entries: JournalEntry[] = []
      for (let i = 0; i < batch.count; i++) {
        const entry = type.fromBuffer(batch.value(i)!) as JournalEntry
        if (entry.topic === topic) entries.push(entry)
      }
      return entries
    },
  }
}
