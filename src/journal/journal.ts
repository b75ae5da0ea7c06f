import { createHash } from 'node:crypto'
import avro from 'avsc'
import type { OutRecord, RecordBatch } from '../events/log.ts'
import { checkFormat } from '../store/state-error.ts'

/**
 * The journal: one record per slice, in the slice's transaction, of what a replay can't derive from the input. With it, a
 * replay runs under the same clock, policy and settings as the first time, and must get the same digest.
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
  /** The customers whose features were computed from the events before the slice. Such a slice does nothing else. */
  readonly refolded: readonly string[]
  /** Where the slice ends: see `widthOf`. */
  readonly position: number
  /** Content hash of the settings: everything else that decides how events are folded. Empty where it is not known. */
  readonly settings: string
  /** How many of the slice's records were no events; -1 where it is not known. */
  readonly rejected: number
  /** Ascending offsets of events on which the code threw: the fold leaves them out. */
  readonly quarantined: readonly number[]
  /** Timers on which the code threw, as `dueMs customer`: they have fired, and nothing was decided. */
  readonly quarantined_timers: readonly string[]
}

/**
 * How far a slice moves its partition's position: by the offsets that it takes, whatever the topic, plus one where timers
 * fire or features are computed from stored events. So every slice that changes a profile has a position of its own.
 */
export function widthOf(slice: Pick<JournalEntry, 'first_offset' | 'next_offset' | 'fired' | 'refolded'>): number {
  return slice.next_offset - slice.first_offset + (slice.fired.length + slice.refolded.length > 0 ? 1 : 0)
}

/** The digest before the first action. */
export const emptyDigest = ''

/** The digest after a slice's actions: SHA-256 over the previous digest and their ids; the first 128 bits, in hex. */
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

/** This header has the format of an entry; entries of format 2 have no such header. */
const formatHeader = 'beckon.format'
const oldestFormat = 2

/**
 * Plain Avro as in schemas/published/journal.v*.avsc, with its format in a header. An entry is in the partition of the journal
 * that has the same number as its input's.
 * @param schemas of the formats from 2 on. The last one is written; all can be read, with defaults for fields they lack
 */
export function journalCodec(journalTopic: string, schemas: readonly string[]): JournalCodec {
  const types = schemas.map((schema) => avro.Type.forSchema(JSON.parse(schema) as avro.Schema))
  const type = types.at(-1)!
  const resolvers = types.map((written) => type.createResolver(written))
  const newest = oldestFormat + types.length - 1
  const headers = { [formatHeader]: String(newest) }
  return {
    encode: (entry) => ({
      topic: journalTopic,
      partition: entry.partition,
      key: String(entry.partition),
      value: type.toBuffer(entry),
      headers,
    }),
    decode: (batch) =>
      Array.from({ length: batch.count }, (_, i) => {
        const format = formatOf(batch, i)
        checkFormat('the journal', format, oldestFormat, newest)
        return type.fromBuffer(batch.value(i)!, resolvers[format - oldestFormat]) as JournalEntry
      }),
  }
}

function formatOf(batch: RecordBatch, i: number): number {
  const header = batch.headers(i).find(({ name }) => name === formatHeader)
  return header === undefined ? oldestFormat : Number(header.value)
}
