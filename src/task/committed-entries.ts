import { setTimeout as sleep } from 'node:timers/promises'
import { type JournalEntry, widthOf } from '../journal/journal.ts'
import type { Turn } from '../log/log.ts'
import type { TaskDeps } from './deps.ts'
import { Lost, TaskFailure } from './failure.ts'
import { cutWithoutCheckpoint } from './log-changes.ts'
import type { Opened } from './opened.ts'
import { beating } from './patience.ts'

/** Where the committed slices end. */
export interface End {
  readonly offsets: ReadonlyMap<string, number>
  /** They end at this position or past it. */
  readonly position: number
}

export function isAt(end: End, { offsets, position }: Pick<Opened, 'offsets' | 'position'>): boolean {
  return position >= end.position && [...end.offsets].every(([topic, offset]) => offsets.get(topic) === offset)
}

/** The longest that a transaction stays open, plus some time to write its markers. */
const transactionMs = 20_000
const retryMs = 250

/**
 * The entries from the checkpoint to the end. An open transaction may hide the end of the journal until it finishes or times
 * out.
 */
export async function readJournal(
  deps: TaskDeps,
  partition: number,
  opened: Opened,
  end: End,
  turn: Turn,
): Promise<JournalEntry[]> {
  const patientUntil = performance.now() + transactionMs
  for (;;) {
    const found = await readEntries(deps, partition, opened, end)
    if (isAt(end, found)) return found.entries
    if (performance.now() > patientUntil) throw missing(found.position, end.position)
    await beating(turn, sleep(retryMs))
    if (!turn.isCurrent()) throw new Lost('the partition was lost while it was opened')
  }
}

/** The entries that can be read now, and where they lead; they must follow each other without a gap. */
async function readEntries(
  { log, journal, journalTopic }: TaskDeps,
  partition: number,
  opened: Opened,
  end: End,
): Promise<Pick<Opened, 'offsets' | 'position'> & { entries: JournalEntry[] }> {
  const entries: JournalEntry[] = []
  const offsets = new Map(opened.offsets)
  let { position } = opened
  for await (const batch of log.read(journalTopic, partition, opened.journalOffset, Number.MAX_SAFE_INTEGER)) {
    for (const entry of journal.decode(batch)) {
      const { topic, first_offset: first, next_offset: next } = entry
      if (entry.position <= position) continue
      const until = end.offsets.get(topic)
      if (until === undefined) throw unknownTopic(topic)
      // Another owner has committed it since.
      if (next > until) return { entries, offsets, position }
      const start = opened.offsets.get(topic)!
      if (opened.untaken.has(topic) && first < start) throw cutWithoutCheckpoint(topic, start)
      if (first !== offsets.get(topic) || entry.position !== position + widthOf(entry)) {
        throw missing(position, entry.position)
      }
      entries.push(entry)
      offsets.set(topic, next)
      position = entry.position
    }
  }
  return { entries, offsets, position }
}

const unknownTopic = (topic: string) =>
  new TaskFailure('topics', `${topic} was taken since the checkpoint, and is not consumed any more: see the runbook`)

const missing = (from: number, to: number) =>
  new TaskFailure('journal', `the journal does not hold positions ${from} to ${to}: was its retention too short?`)
