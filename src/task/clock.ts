import { hasRecords } from '../log/has-records.ts'
import type { Log } from '../log/log.ts'
import type { Clock } from '../slice-input.ts'
import type { TaskDeps } from './deps.ts'
import type { At, Opened } from './opened.ts'

/**
 * The clock of a partition: timers due by then fire. It goes by the topic that is taken least far, since what lies in it,
 * after an outage for instance, may be the very event whose absence a timer waits for.
 */

/**
 * The clocks of a slice behind which its topic is taken to `takenMs`. How far the others are taken is asked of the log only
 * where a timer hangs on it.
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

/** What two readings of the brokers' time may differ by; ms. */
const driftMs = 1_000

/** It never goes back, but where it was ahead of the brokers' time: then it was a wrong one. */
export function clockOf({ clockMs }: Opened, nowMs: number, takenMs: number): Clock {
  const beforeMs = clockMs > nowMs + driftMs ? 0 : clockMs
  return { nowMs, clockMs: Math.max(beforeMs, Math.min(nowMs, takenMs)) }
}

/** The offset past all that the topic has; undefined where a record of it is still to be taken. */
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
