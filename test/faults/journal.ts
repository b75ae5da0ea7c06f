import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import avro from 'avsc'
import type { Log } from '../../src/log/log.ts'

const schemaFile = fileURLToPath(new URL('../../../schemas/journal.avsc', import.meta.url))

/** What the journal says of a slice. */
export interface JournaledSlice {
  readonly topic: string
  readonly nextOffset: number
  /** Timers due by then fire. */
  readonly clockMs: number
  /** Whose timers fired, behind the slice's events. */
  readonly fired: readonly string[]
  /** Names the settings that it was folded by. */
  readonly settings: string
  /** When the broker took the record, by its own clock. */
  readonly appendedMs: number
}

/** The slices of a partition, in order, and where one does not follow on the one before: it is there twice, or missing. */
export async function readJournal(log: Log, journalTopic: string, partition: number) {
  const type = avro.Type.forSchema(JSON.parse(readFileSync(schemaFile, 'utf8')))
  const slices: JournaledSlice[] = []
  const faults: string[] = []
  const next = new Map<string, number>()
  let position = 0
  for await (const batch of log.read(journalTopic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < batch.count; i++) {
      const entry = type.fromBuffer(batch.value(i)!)
      const { topic, first_offset: first, next_offset: nextOffset, clock: clockMs, fired, refolded, settings } = entry
      slices.push({ topic, nextOffset, clockMs, fired, settings, appendedMs: batch.timestamp(i) })
      position += nextOffset - first + (fired.length + refolded.length > 0 ? 1 : 0)
      if (first !== (next.get(topic) ?? 0) || entry.position !== position) {
        faults.push(`${topic} ${first} to ${nextOffset}, position ${entry.position} instead of ${position}`)
      }
      next.set(topic, nextOffset)
      position = entry.position
    }
  }
  return { slices, faults }
}
