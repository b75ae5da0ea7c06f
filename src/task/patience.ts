import { setTimeout as sleep } from 'node:timers/promises'
import type { Turn } from '../log/log.ts'
import type { Logger } from '../ops/logger.ts'
import { StateError } from '../store/state-error.ts'
import { StoreError } from '../store/store-error.ts'
import { Lost } from './failure.ts'
import type { At } from './opened.ts'

/** Waiting without losing the partition: heartbeats go on, and a dependency that is down is asked again. */

const beatMs = 1_000

/**
 * The turn of work that no batch has asked for: kafkajs sends heartbeats itself while no handler runs.
 * @param isCurrent whether the partition is still ours
 */
export const ownTurn = (isCurrent: () => boolean): Turn => ({ heartbeat: async () => undefined, isCurrent })

/** A retry waits 0.1 s, doubled up to 5 s. */
export const backoffMs = (attempt: number) => Math.min(100 * 2 ** attempt, 5_000)

/** Awaits the answer, with heartbeats meanwhile. */
export async function beating<T>(turn: Turn, answer: Promise<T>): Promise<T> {
  const beat = setInterval(() => void turn.heartbeat(), beatMs)
  try {
    return await answer
  } finally {
    clearInterval(beat)
  }
}

/** Awaits the answer, with heartbeats meanwhile; undefined as soon as the turn is over. */
export async function whileCurrent<T>(turn: Turn, answer: Promise<T>): Promise<T | undefined> {
  let beat: NodeJS.Timeout | undefined
  const passed = new Promise<undefined>((resolve) => {
    beat = setInterval(() => {
      void turn.heartbeat()
      if (!turn.isCurrent()) resolve(undefined)
    }, beatMs)
  })
  try {
    return await Promise.race([answer, passed])
  } finally {
    clearInterval(beat)
  }
}

/**
 * Asks until the store or the registry answers.
 * @throws Lost when the partition goes to another meanwhile; StateError, and StoreError where no retry can help
 */
export async function patiently<T>(turn: Turn, at: At, logger: Logger, ask: () => Promise<T>): Promise<T> {
  let met: unknown
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await beating(turn, ask())
      if (met !== undefined) logger.recovered?.(met)
      return answer
    } catch (error) {
      met = error
      const passes = error instanceof StoreError ? error.retriable : !(error instanceof StateError)
      if (!passes) throw error
      if (attempt % 10 === 0) logger.warn('dependency.wait', { ...at, error })
      await beating(turn, sleep(backoffMs(attempt)))
      if (!turn.isCurrent()) throw new Lost('the partition was lost while a dependency was away')
    }
  }
}
