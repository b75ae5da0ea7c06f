import { setImmediate } from 'node:timers/promises'
import type { Place } from '../emit/cause.ts'
import type { RecordBatch } from '../events/log.ts'
import { UnknownSchema } from '../ingest/decode.ts'
import { laterReasons } from '../ingest/rejected.ts'
import type { Turn } from '../log/log.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { Clock, Decoded } from '../slice-input.ts'
import { emptyOutput, isFull, type Output, type Quarantined, type Tally } from '../slice-output.ts'
import type { RowChunk } from '../store/row-binary.ts'
import type { TaskDeps } from './deps.ts'
import type { At } from './opened.ts'
import { patiently } from './patience.ts'

/** A slice as it leaves the pipeline. */
export interface Folded extends Output {
  /** Its events, as rows. */
  readonly events: readonly RowChunk[]
}

/** @param maxBytes of what it will send */
export const nothingFolded = (maxBytes = maxSliceBytes): Folded => ({ ...emptyOutput(maxBytes), events: [] })

/** How many records were no events. */
export function rejectedOf({ deadLetters }: Tally): number {
  let count = 0
  for (const [reason, n] of deadLetters) if (!laterReasons.includes(reason)) count += n
  return count
}

/** Records are folded piece by piece, so that the garbage collector can take their events while they are young. */
const pieceRecords = 1_000
/** Rows are made after this many records, while these are still in the processor's cache. */
const runRecords = 128
/** The most customers whose timers fire in one slice: if a million are due at once, that makes a thousand short slices. */
const maxFired = 1_000
/** Rounds of looking for due customers in one slice: most of those looked at may turn out not to be due. */
const maxLooks = 10
/** Bound for what a slice sends, in memory and in its transaction; one event's actions may exceed it. Then it ends early. */
const maxSliceBytes = 16 * 1024 * 1024

/**
 * Takes records [from, to) of a batch through the pipeline; ends early where their output is enough for a slice. Fetches
 * schemas that the decoder lacks and loads profiles that are not in memory. Changes the profiles, and sends nothing. One task
 * folds at a time; those that wait for a dependency do not count.
 */
export async function foldRecords(
  deps: TaskDeps,
  profiles: ProfileCache,
  batch: RecordBatch,
  from: number,
  to: number,
  nowMs: number,
  turn: Turn,
  leftOut?: Quarantined,
): Promise<Folded & { readonly end: number }> {
  const { pipeline, folding, fetchSchema, logger } = deps
  const { topic, partition } = batch
  const output = emptyOutput(maxSliceBytes)
  const events: RowChunk[] = []
  let leave = await folding.enter()
  const waitFor = async (ask: () => Promise<void>): Promise<void> => {
    leave()
    await patiently(turn, { topic, partition }, logger, ask)
    leave = await folding.enter()
  }
  let end = from
  try {
    while (end < to && (end === from || !isFull(output))) {
      // Lets commits and fetches of other partitions go on between the pieces.
      if (end > from) await setImmediate()
      const decoded = await decodeAll(pipeline, batch, end, Math.min(end + pieceRecords, to), nowMs, (id) =>
        waitFor(() => fetchSchema(topic, id, nowMs)),
      )
      const missing = profiles.missing(decoded)
      if (missing.length > 0) await waitFor(() => profiles.load(missing))
      const { rows, count } = foldPiece(deps, profiles, batch, end, decoded, nowMs, output, leftOut)
      events.push(rows)
      end += count
    }
  } finally {
    leave()
  }
  return { ...output, events, end }
}

/** Takes decoded records through the second half of the pipeline, until the output is full, and makes their rows. */
export function foldPiece(
  { pipeline, sliceRows }: TaskDeps,
  profiles: ProfileCache,
  batch: RecordBatch,
  from: number,
  decoded: readonly Decoded[],
  nowMs: number,
  output: Output,
  leftOut?: Quarantined,
): { readonly rows: RowChunk; readonly count: number } {
  let count = 0
  const rows = sliceRows.ofEvents(batch.topic, batch.partition, (write) => {
    while (count < decoded.length && (count === 0 || !isFull(output))) {
      const run = decoded.slice(count, count + runRecords)
      const folded = pipeline.fold(batch, from + count, run, profiles, nowMs, output, leftOut)
      write(folded.events)
      count += folded.taken
    }
  })
  return { rows, count }
}

/**
 * Runs after a slice's records: fires the customers' timers that are due by the clock, and adds to the slice's output. Once
 * that is full, the remaining customers are left for the next slice.
 * @param end the first offset that the slice does not include
 * @returns the output so far; `fired` are the customers who were handled
 */
export async function fireTimers(
  { pipeline, logger }: TaskDeps,
  profiles: ProfileCache,
  end: Place,
  customers: readonly string[],
  clock: Clock,
  turn: Turn,
  folded: Folded,
  leftOut?: Quarantined,
): Promise<Folded & { readonly fired: readonly string[] }> {
  if (customers.length === 0) return { ...folded, fired: [] }
  await loadAway(profiles, customers, end, logger, turn)
  const { taken: count, ...output } = pipeline.fire(end, customers, profiles, clock, folded, leftOut)
  for (const customer of customers.slice(count)) profiles.schedule(profiles.of(customer))
  return { ...output, events: folded.events, fired: customers.slice(0, count) }
}

/** The customers whose timers are due by the clock, at most as many as one slice takes. */
export async function findDue(
  { logger }: TaskDeps,
  profiles: ProfileCache,
  at: At,
  clockMs: number,
  turn: Turn,
): Promise<string[]> {
  const due: string[] = []
  for (let looks = 0; looks < maxLooks && due.length < maxFired; looks++) {
    const customers = profiles.timers.take(clockMs, maxFired - due.length)
    if (customers.length === 0) break
    if (looks > 0) await setImmediate()
    await loadAway(profiles, customers, at, logger, turn)
    for (const customer of customers) if (profiles.timers.isDue(profiles.of(customer), clockMs)) due.push(customer)
  }
  return due
}

/** Reads the profiles of those customers who are not in memory. */
export async function loadAway(
  profiles: ProfileCache,
  customers: readonly string[],
  at: At,
  logger: TaskDeps['logger'],
  turn: Turn,
): Promise<void> {
  const away = profiles.awayOf(customers)
  if (away.length > 0) await patiently(turn, at, logger, () => profiles.load(away))
}

/** Decodes records [from, to), and fetches the schemas that the decoder lacks. */
export async function decodeAll(
  pipeline: TaskDeps['pipeline'],
  batch: RecordBatch,
  from: number,
  to: number,
  nowMs: number,
  fetchSchema: (id: number) => Promise<void>,
): Promise<Decoded[]> {
  for (;;) {
    const decoded = pipeline.decode(batch, from, to, nowMs)
    const unknown = new Set<number>()
    for (const one of decoded) if (one instanceof UnknownSchema) unknown.add(one.id)
    if (unknown.size === 0) return decoded
    for (const id of unknown) await fetchSchema(id)
  }
}
