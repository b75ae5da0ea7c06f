import { hasRecords } from '../log/has-records.ts'
import type { Log } from '../log/log.ts'
import type { Clock } from '../slice-input.ts'
import type { TaskDeps } from './deps.ts'
import type { At, Opened } from './opened.ts'

/**
 * The clock of a partition: timers due by then fire. It follows the topic that is furthest behind, since that topic may still
 * hold (after an outage, say) the very event whose absence a timer waits for.
 */

/**
 * The clocks of a slice after which its topic is taken up to `takenMs`. It asks the log how far the other topics are taken
 * only where a timer depends on it.
 */
export async function clockBehind(
  { log, topics }: TaskDeps,
  at: At,
  opened: Opened,
  topic: string,
  takenMs: number,
  nowMs: number,
): Promise<Clock> {
  let leastMs = takenMs
  for (const other of topics) {
    if (other === topic) continue
    const isFar = (opened.takenMs.get(other) ?? 0) >= leastMs
    if (!isFar && opened.profiles.timers.mayFire(leastMs) && (await endOf(log, at, opened, other)) !== undefined) {
      opened.takenMs.set(other, nowMs)
    }
    leastMs = Math.min(leastMs, opened.takenMs.get(other) ?? 0)
  }
  return clockOf(opened, nowMs, leastMs)
}

/** How much two readings of the brokers' time may differ; ms. */
const driftMs = 1_000

/** It never goes back, unless it was ahead of the brokers' time: then it was wrong. */
export function clockOf({ clockMs }: Opened, nowMs: number, takenMs: number): Clock {
  const beforeMs = clockMs > nowMs + driftMs ? 0 : clockMs
  return { nowMs, clockMs: Math.max(beforeMs, Math.min(nowMs, takenMs)) }
}

/** The topic's end offset; undefined where it still has a record to take. */
export async function endOf(
  log: Log,
  { partition }: At,
  { offsets }: Opened,
  topic: string,
): Promise<number | undefined> {
  const { high } = await log.offsets(topic, partition)
  const nextOffset = offsets.get(topic)!
  if (high <= nextOffset) return nextOffset
  return (await hasRecords(log, { topic, partition }, nextOffset, high)) ? undefined : high
}
