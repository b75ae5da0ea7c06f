import { commitMetadata } from '../journal/commit-metadata.ts'
import { rollDigest, widthOf } from '../journal/journal.ts'
import { LogError, partitionKey, type Turn } from '../log/log.ts'
import { countSlice } from '../ops/metrics.ts'
import type { Clock } from '../slice-input.ts'
import { commitSlice } from './commit.ts'
import type { TaskDeps } from './deps.ts'
import { type Folded, fireTimers, nothingFolded, rejectedOf } from './fold.ts'
import { type At, advance, type Opened, originOf } from './opened.ts'
import { beating } from './patience.ts'

/** What a slice has taken from the log. */
export interface Taken {
  readonly topic: string
  readonly nextOffset: number
  /** Epoch of the leader that wrote its last record; -1 where that is not known. */
  readonly epoch: number
  readonly folded: Folded
  /** By the monotonic clock. */
  readonly beganMs: number
}

/** For a slice without records: it is booked under the first topic. */
export function noRecords({ topics }: TaskDeps, { offsets, epochs }: Opened): Taken {
  const topic = topics[0]!
  const epoch = epochs.get(topic) ?? -1
  return { topic, nextOffset: offsets.get(topic)!, epoch, folded: nothingFolded(), beganMs: performance.now() }
}

/** The brokers' time; ms. Asks them for it if it is not known. */
export async function brokersMs({ log, groupId }: TaskDeps, turn: Turn): Promise<number> {
  const known = log.nowMs()
  if (known !== undefined) return known
  await beating(turn, log.askTime(groupId))
  const learnt = log.nowMs()
  if (learnt === undefined) throw new LogError('unavailable', "this machine's clock jumps while the brokers are asked")
  return learnt
}

/** The customers that a slice handles besides its records. */
export interface Asked {
  /** Their timers may fire, in this order. */
  readonly due: readonly string[]
  /** Their features were computed from stored events, and are put in place by this slice. */
  readonly refolded?: readonly string[]
}

/**
 * The second half of a slice: fires the timers after its records, commits everything in one transaction, moves the task on,
 * and gives the rows to the writer.
 * @returns when it was committed, by the monotonic clock, ms; and how many events or timers were undone after a throw
 * @throws Lost, LogError as `commitSlice`; ProcessingError
 */
export async function finishSlice(
  deps: TaskDeps,
  at: At,
  opened: Opened,
  taken: Taken,
  { due, refolded = [] }: Asked,
  clock: Clock,
  turn: Turn,
): Promise<{ readonly committedMs: number; readonly undone: number }> {
  const { rows, sliceRows, metrics } = deps
  const { profiles } = opened
  const { topic, nextOffset: offset, beganMs } = taken
  profiles.origin = originOf(opened, topic)
  const end = { topic, partition: at.partition, offset }
  const { fired, ...folded } = await fireTimers(deps, profiles, end, due, clock, turn, taken.folded)
  const foldedMs = performance.now()
  await commit(deps, at, opened, taken, folded, { fired, refolded }, clock, turn)
  const committedMs = performance.now()
  sliceRows.store(rows, folded)
  metrics.sliceSeconds.observe({ stage: 'fold' }, (foldedMs - beganMs) / 1000)
  metrics.sliceSeconds.observe({ stage: 'commit' }, (committedMs - foldedMs) / 1000)
  tell(deps, at, topic, folded)
  return { committedMs, undone: folded.undone }
}

async function commit(
  deps: TaskDeps,
  at: At,
  opened: Opened,
  { topic, nextOffset, epoch }: Taken,
  { records, actions, tally, quarantined }: Folded,
  customers: { readonly fired: readonly string[]; readonly refolded: readonly string[] },
  { nowMs, clockMs }: Clock,
  turn: Turn,
): Promise<void> {
  const { groupId, journal, journalTopic, policy, settings } = deps
  const { partition } = at
  const digest = rollDigest(
    opened.digest,
    actions.map(({ id }) => id),
  )
  const width = { first_offset: opened.offsets.get(topic)!, next_offset: nextOffset, ...customers }
  const position = opened.position + widthOf(width)
  const leftOut = {
    rejected: rejectedOf(tally),
    quarantined: quarantined.offsets,
    quarantined_timers: quarantined.timers,
  }
  const rules = { policy, models: {}, settings }
  const entry = { topic, partition, ...width, now: nowMs, clock: clockMs, ...rules, ...leftOut, digest, position }
  const metadata = commitMetadata(nowMs, position, epoch)
  const slice = { records: [...records, journal.encode(entry)], groupId, topic, partition, nextOffset, metadata }
  const written = await commitSlice(deps, at, opened, slice, turn)
  advance(opened, { topic, nextOffset, position, clockMs, digest })
  if (epoch >= 0) opened.epochs.set(topic, epoch)
  const journaled = written.get(partitionKey({ topic: journalTopic, partition }))
  if (journaled !== undefined) opened.journalOffset = journaled + 1
}

function tell({ metrics, logger }: TaskDeps, at: At, topic: string, { tally, faults }: Folded): void {
  countSlice(metrics, topic, tally)
  for (const [action, count] of tally.tooLarge) logger.warn('action.too_large', { topic, ...at, action, count })
  for (const error of faults) logger.error('event.processing', { topic, ...at, error })
}
