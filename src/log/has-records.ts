import type { Log, TopicPartition } from './log.ts'

/** Whether [fromOffset, untilOffset) has a committed record: transactions leave offsets without one. */
export async function hasRecords(
  log: Log,
  { topic, partition }: TopicPartition,
  fromOffset: number,
  untilOffset: number,
): Promise<boolean> {
  for await (const { count } of log.read(topic, partition, fromOffset, untilOffset)) if (count > 0) return true
  return false
}
