import { hasRecords } from '../log/has-records.ts'
import type { Log } from '../log/log.ts'
import { Lost, TaskFailure } from './failure.ts'

/** What it means for a task that a topic no longer holds what was taken from it, or what was to be taken next. */

/** The log no longer has what was taken from it: a leader was elected that did not have it. */
export const diverged = (topic: string, end: number, offset: number) =>
  new TaskFailure('diverged', `${topic} was taken to ${offset}, but what was taken is in it to ${end} only`)

/** The log ends before what was taken from it: it was created anew, or a leader was elected that did not have the rest. */
export const tooShort = (topic: string, offset: number, high: number) =>
  new TaskFailure('ahead', `${topic} was taken to ${offset}, but it ends at ${high}: was it deleted and created anew?`)

/** Retention or an operator has deleted records that were not taken yet. */
const cutOff = (topic: string, nextOffset: number, low: number) => {
  const missing = `offsets ${nextOffset} to ${low - 1} are gone from ${topic}`
  return new TaskFailure('gap', `${missing}: the retention was shorter than the outage`)
}

export const cutWithoutCheckpoint = (topic: string, low: number) =>
  new TaskFailure('gap', `${topic} was taken before ${low}, where it begins now, and there is no checkpoint of it`)

export const cutMeanwhile = (topic: string, from: number, low: number) =>
  new TaskFailure('gap', `the replay begins at ${from} of ${topic}, but the topic now begins at ${low}`)

export const createdAnew = (topic: string) =>
  new TaskFailure('ahead', `${topic} was deleted and created anew: its offsets mean something else now`)

/**
 * Finds out how a topic has changed of which a fetch was refused.
 * @param epochOf the epoch of the leader that wrote the last records before `nextOffset`, where it is known
 * @returns undefined where all that was taken is still there, and nothing is missing after it
 */
export async function changeOf(
  log: Log,
  partition: number,
  topic: string,
  nextOffset: number,
  epochOf: () => number | undefined,
): Promise<TaskFailure | undefined> {
  const { low, high } = await log.offsets(topic, partition)
  if (high < nextOffset) return tooShort(topic, nextOffset, high)
  if (low > nextOffset) return cutOff(topic, nextOffset, low)
  const epoch = epochOf()
  const end = epoch === undefined ? nextOffset : await log.endOfEpoch(topic, partition, epoch)
  return end < nextOffset ? diverged(topic, end, nextOffset) : undefined
}

/**
 * Finds out why a batch does not start where the last one ended. Either there were only control records in between, which
 * make no slice; or another owner went on, and the partition came back; or the beginning of the topic was deleted.
 * @throws Lost, TaskFailure for these two
 */
export async function checkGap(
  log: Log,
  partition: number,
  topic: string,
  nextOffset: number,
  startOffset: number,
): Promise<void> {
  const { low } = await log.offsets(topic, partition)
  if (low <= nextOffset) {
    if (!(await hasRecords(log, { topic, partition }, nextOffset, startOffset))) return
    throw new Lost('another owner went on from here')
  }
  throw cutOff(topic, nextOffset, startOffset)
}
