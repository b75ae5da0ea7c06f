import { type JournalCodec, type JournalEntry, widthOf } from '../../journal/journal.ts'
import type { Log } from '../../log/log.ts'
import type { Step, StoredEvent } from './story.ts'

/**
 * The slices that concerned one customer, from the journal: those with an event of theirs, a timer that fired, or features that
 * were computed, and the first under other rules. It reads the topic without a group and changes nothing.
 */
export interface Journal {
  readonly log: Pick<Log, 'read' | 'offsets'>
  readonly topic: string
  readonly codec: JournalCodec
}

/** A stretch of one partition's journal: positions [from, until). */
export interface Stretch {
  readonly partition: number
  readonly from: number
  readonly until: number
}

export interface Steps {
  readonly steps: readonly Step[]
  /** Positions that the journal does not have, though the customer had an event before their end. */
  readonly missing: readonly { readonly from: number; readonly to: number }[]
}

/**
 * @param events the customer's, in order of position
 * @throws LogError, StateError where the journal's format is of a later version
 */
export async function readSteps(
  journal: Journal,
  customer: string,
  stretch: Stretch,
  events: readonly StoredEvent[],
): Promise<Steps> {
  const steps: Step[] = []
  const missing: { from: number; to: number }[] = []
  let next = 0
  let reached = stretch.from
  let policy = ''
  /** The events before a position of which the journal tells nothing. */
  const passOver = (position: number) => {
    if (position > reached) missing.push({ from: reached, to: position })
    const from = next
    while (next < events.length && events[next]!.position < position) next++
    if (next > from) steps.push({ entry: undefined, start: events[from]!.position, events: events.slice(from, next) })
  }
  for await (const entry of entriesFrom(journal, stretch)) {
    const start = entry.position - widthOf(entry)
    if (start >= stretch.until) break
    if (start > reached) passOver(start)
    reached = entry.position
    const from = next
    while (next < events.length && events[next]!.position < entry.position) next++
    const own = events.slice(from, next)
    const isConcerned = own.length > 0 || entry.fired.includes(customer) || entry.refolded.includes(customer)
    if (isConcerned || entry.policy !== policy) steps.push({ entry, start, events: own })
    policy = entry.policy
  }
  const last = events.at(-1)
  if (last !== undefined && next < events.length) passOver(last.position + 1)
  return { steps, missing }
}

/** The slices that end past the stretch's begin, in order. One without a position is of a version that had none. */
async function* entriesFrom(
  { log, topic, codec }: Journal,
  { partition, from }: Stretch,
): AsyncGenerator<JournalEntry> {
  const { low, high } = await log.offsets(topic, partition)
  const start = await findOffset({ log, topic, codec }, { partition, from }, low, high)
  for await (const batch of log.read(topic, partition, start, high)) {
    for (const entry of codec.decode(batch)) if (entry.position > from) yield entry
  }
}

/** Within so many offsets it reads on instead of halving. */
const nearOffsets = 2_000

/** An offset at or before the first slice that ends past a position: positions rise with the offsets. */
async function findOffset(
  { log, topic, codec }: Journal,
  { partition, from }: Pick<Stretch, 'partition' | 'from'>,
  low: number,
  high: number,
): Promise<number> {
  let [below, above] = [low, high]
  while (above - below > nearOffsets) {
    const middle = (below + above) >> 1
    let isBefore = false
    for await (const batch of log.read(topic, partition, middle, above)) {
      const [entry] = codec.decode(batch)
      if (entry === undefined) continue
      isBefore = entry.position <= from
      break
    }
    if (isBefore) below = middle
    else above = middle
  }
  return below
}
