import { setTimeout as sleep } from 'node:timers/promises'
import { LogError, type Slice, type SliceWriter, type Turn } from '../log/log.ts'
import { type Committed, readCommitted, transactionalId } from './committed.ts'
import type { TaskDeps } from './deps.ts'
import { Lost } from './failure.ts'
import type { At, Opened } from './opened.ts'
import { backoffMs, beating } from './patience.ts'

/**
 * Commits a slice in one transaction, with as many tries as it takes. After an error the producer is thrown away. A new one
 * fences it and ends the transaction it left open; then the committed offset tells whether the slice happened. A retry sends
 * the same bytes.
 * @returns the offsets of the records, as `SliceWriter.commit`; empty where only the committed offset shows that it happened
 * @throws Lost when another owner has gone on from here; LogError when no retry can help
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
        // Compares the metadata too: another owner may have committed the same offset with another clock.
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

/** Whether no other owner has gone on from where this task is. */
export function isOurs({ byTopic, position }: Committed, opened: Opened): boolean {
  const found = [...byTopic].filter(([, { offset }]) => offset !== null)
  // A group that never committed has no offset.
  if (found.length === 0) return true
  return position === opened.position && found.every(([topic, { offset }]) => offset === opened.offsets.get(topic))
}

/** Throws the producer away. */
export async function dropWriter(opened: Opened, at: At, logger: TaskDeps['logger']): Promise<void> {
  const { writer } = opened
  opened.writer = undefined
  if (writer !== undefined) await closeWriter(writer, at, logger)
}

/** Nothing is lost where it can't close cleanly. */
export async function closeWriter(writer: SliceWriter, at: At, logger: TaskDeps['logger']): Promise<void> {
  await writer.close().catch((error) => logger.debug('writer.close', { ...at, error }))
}
