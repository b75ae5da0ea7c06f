import { setTimeout as sleep } from 'node:timers/promises'
import { firingsOf } from '../journal/commit-metadata.ts'
import { LogError, type Slice, type TopicPartition, type Turn } from '../log/log.ts'
import { type Opened, type TaskDeps, transactionalId } from './deps.ts'
import { Lost } from './failure.ts'
import { backoffMs, beating } from './patience.ts'

/**
 * Commits a slice in one transaction, however often it takes: after an error the producer is thrown away, a new one
 * fences it and ends what it left open, and the committed offset tells whether the slice happened. What is sent again is
 * the same bytes.
 * @returns where the records lie, as `SliceWriter.commit`; empty where only the offset tells that it happened
 * @throws Lost when another owner went on from here; LogError when no retry can help
 */
export async function commitSlice(
  { log, metrics, logger, groupId }: TaskDeps,
  at: TopicPartition,
  opened: Opened,
  slice: Slice,
  turn: Turn,
): Promise<ReadonlyMap<string, number>> {
  for (let attempt = 0; ; attempt++) {
    try {
      if (opened.writer === undefined) {
        opened.writer = await beating(turn, log.openWriter(transactionalId(groupId, at)))
        const committed = await beating(turn, log.committedOffset(groupId, slice.topic, slice.partition))
        const { offset, metadata } = committed
        // Another owner may have come as far, under another clock.
        if (offset === slice.nextOffset && metadata === slice.metadata) return new Map()
        // A group that never committed has no offset.
        const isOurs = offset === opened.nextOffset && firingsOf(metadata) === opened.profiles.firings
        if (offset !== null && !isOurs) throw new Lost('another owner went on from here')
      }
      return await beating(turn, opened.writer.commit(slice))
    } catch (error) {
      await dropWriter(opened, at, logger)
      if (!(error instanceof LogError) || !error.retriable) throw error
      metrics.sliceRetries.inc({ code: error.code })
      logger.warn('slice.retry', { ...at, code: error.code, nextOffset: slice.nextOffset, error })
      await turn.heartbeat()
      if (!turn.isCurrent()) throw new Lost('the partition was lost while a slice was committed')
      await beating(turn, sleep(backoffMs(attempt)))
    }
  }
}

/** Throws the producer away; that it can't say good-bye loses nothing. */
export async function dropWriter(opened: Opened, at: TopicPartition, logger: TaskDeps['logger']): Promise<void> {
  const { writer } = opened
  opened.writer = undefined
  await writer?.close().catch((error) => logger.debug('writer.close', { ...at, error }))
}
