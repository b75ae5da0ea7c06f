import { setTimeout as sleep } from 'node:timers/promises'
import { LogError, type Slice, type Turn } from '../log/log.ts'
import { type Committed, readCommitted, transactionalId } from './committed.ts'
import type { TaskDeps } from './deps.ts'
import { Lost } from './failure.ts'
import type { At, Opened } from './opened.ts'
import { backoffMs, beating } from './patience.ts'

/**
 * Commits a slice in one transaction, however often it takes: after an error the producer is thrown away, a new one
 * fences it and ends what it left open, and the committed offset tells whether the slice happened. What is sent again is
 * the same bytes.
 * @returns where the records lie, as `SliceWriter.commit`; empty where only the offset tells that it happened
 * @throws Lost when another owner went on from here; LogError when no retry can help
 */
export async function commitSlice(
  deps: TaskDeps,
  at: At,
  opened: Opened,
  slice: Slice,
  turn: Turn,
): Promise<ReadonlyMap<string, number>> {
  const { log, metrics, logger, groupId } = deps
  for (let attempt = 0; ; attempt++) {
    try {
      if (opened.writer === undefined) {
        opened.writer = await beating(turn, log.openWriter(transactionalId(groupId, slice.partition)))
        const committed = await beating(turn, readCommitted(deps, slice.partition))
        const { offset, metadata } = committed.byTopic.get(slice.topic)!
        // Another owner may have come as far, under another clock.
        if (offset === slice.nextOffset && metadata === slice.metadata) return new Map()
        if (!isOurs(committed, opened)) throw new Lost('another owner went on from here')
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

/** Whether nobody went on from where this task is. */
function isOurs({ byTopic, position }: Committed, opened: Opened): boolean {
  const found = [...byTopic].filter(([, { offset }]) => offset !== null)
  // A group that never committed has no offset.
  if (found.length === 0) return true
  return position === opened.position && found.every(([topic, { offset }]) => offset === opened.offsets.get(topic))
}

/** Throws the producer away; that it can't say good-bye loses nothing. */
export async function dropWriter(opened: Opened, at: At, logger: TaskDeps['logger']): Promise<void> {
  const { writer } = opened
  opened.writer = undefined
  await writer?.close().catch((error) => logger.debug('writer.close', { ...at, error }))
}
