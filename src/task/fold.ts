import { setImmediate } from 'node:timers/promises'
import type { Place } from '../emit/cause.ts'
import type { RecordBatch } from '../events/log.ts'
import { UnknownSchema } from '../ingest/decode.ts'
import { laterReasons } from '../ingest/rejected.ts'
import type { Turn } from '../log/log.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { Clock, Decoded } from '../slice-input.ts'
import { emptyOutput, type Output, type Quarantined, type Tally } from '../slice-output.ts'
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

/** Records are folded piece by piece, so that their events are garbage while they are still young. */
const pieceRecords = 1_000
/** Rows are made after so many, while what was folded is still in the processor's cache. */
const runRecords = 128
/** Customers whose timers fire in one slice, so that a million that are due at once are a thousand short slices. */
const maxFired = 1_000
/** Most of those that are looked at may not be due after all: so many at most in one slice. */
const maxLooks = 10
/** What a slice sends, in memory and in its transaction; with one event's actions more. A slice ends early past it. */
const maxSliceBytes = 16 * 1024 * 1024

/**
 * Records of [from, to) of a batch, up to where what they send is enough for a slice, through the pipeline, with the schemas fetched that the decoder lacks and the profiles
 * loaded that are not in memory. The profiles change; nothing leaves. One task folds at a time, but for those that wait
 * for a dependency.
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
    while (end < to && (end === from || output.bytes <= output.maxBytes)) {
      // Commits and fetches of the other partitions go on between the pieces.
      if (end > from) await setImmediate()
      const decoded = await decodeAll(pipeline, batch, end, Math.min(end + pieceRecords, to), nowMs, (id) =>
        waitFor(() => fetchSchema(topic, id, nowMs)),
      )
      const missing = profiles.missing(decoded)
      if (missing.length > 0) await waitFor(() => profiles.load(missing))
      const { rows, taken } = foldPiece(deps, profiles, batch, end, decoded, nowMs, output, leftOut)
      events.push(rows)
      end += taken
    }
  } finally {
    leave()
  }
  return { ...output, events, end }
}

/** Decoded records through the second half of the pipeline, up to where what they send is enough, and their rows. */
export function foldPiece(
  { pipeline, sliceRows }: TaskDeps,
  profiles: ProfileCache,
  batch: RecordBatch,
  from: number,
  decoded: readonly Decoded[],
  nowMs: number,
  output: Output,
  leftOut?: Quarantined,
): { readonly rows: RowChunk; readonly taken: number } {
  let taken = 0
  const rows = sliceRows.ofEvents(batch.topic, batch.partition, (write) => {
    while (taken < decoded.length && (taken === 0 || output.bytes <= output.maxBytes)) {
      const run = decoded.slice(taken, taken + runRecords)
      const folded = pipeline.fold(batch, from + taken, run, profiles, nowMs, output, leftOut)
      write(folded.events)
      taken += folded.taken
    }
  })
  return { rows, taken }
}

/**
 * Behind the records of a slice: fires the timers of those customers that are due by the clock, and adds to what the slice
 * gave. Where that is enough for a slice, those behind are left for the next one.
 * @param end the first offset that the slice does not include
 * @returns also who of them has had their turn
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
  const { taken, ...output } = pipeline.fire(end, customers, profiles, clock, folded, leftOut)
  for (const customer of customers.slice(taken)) profiles.schedule(profiles.of(customer))
  return { ...output, events: folded.events, fired: customers.slice(0, taken) }
}

/** The customers whose timers are due by the clock, so many as one slice takes. */
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

/** Reads the profiles of those who are not in memory. */
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

/** With the schemas fetched that the decoder lacks. */
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
