import { type Log, LogError } from '../log/log.ts'
import { TaskFailure } from './failure.ts'

/** Profiles lie in the partition of their customer's key, so they only fit the number of partitions that they were made with. */

/**
 * Looks up the partitions at the start. The input topics share the profiles, so they must have the same number of partitions,
 * and the journal at least as many.
 * @param counts the numbers of partitions that the stored profiles were made with
 * @returns the partitions of the input topics, and a failure where they can't go on from those profiles
 * @throws LogError `unknown_topic`, `refused`
 */
export async function lookUpPartitions(
  log: Log,
  topics: readonly string[],
  journal: string,
  counts: readonly number[],
): Promise<{ readonly partitions: number; readonly failure?: TaskFailure }> {
  const found = await Promise.all(topics.map((topic) => log.partitionCount(topic)))
  const partitions = found[0]!
  const journaled = await log.partitionCount(journal)
  const list = topics.map((topic, i) => `${topic} has ${found[i]}`).join(', ')
  if (new Set(found).size > 1) {
    throw new LogError('refused', `the input topics must have the same number of partitions: ${list}`)
  }
  // Checked before the journal, since adding partitions to the journal would be the wrong fix.
  const before = counts.find((count) => found.some((now) => now !== count))
  if (before !== undefined) {
    const hint = `the profiles lie in ${before} partitions, and now ${list}: beckon repartition moves them`
    return { partitions, failure: new TaskFailure('partitions', hint) }
  }
  if (journaled < partitions) {
    const hint = `it has ${journaled}, the input topics have ${partitions}`
    throw new LogError('refused', `the journal ${journal} needs at least as many partitions as the input: ${hint}`)
  }
  return { partitions }
}

/** @throws TaskFailure where a checkpoint was written for another number of partitions */
export function checkPartitions(saved: number, partitions: number): void {
  if (saved !== partitions) throw otherPartitions('the topics', saved, `have ${partitions}`)
}

/** @param now a verb and what is there now */
export const otherPartitions = (topics: string, before: number, now: string) =>
  new TaskFailure('partitions', `${topics} had ${before} partitions and now ${now}`)
