import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from '../log/log.ts'
import { backfill, type Host } from './backfill.ts'
import type { TaskDeps } from './deps.ts'
import { Lost } from './failure.ts'
import type { Opened } from './opened.ts'

/** After a fault the backfill rests that long, twice as long after the next one in a row, up to what a cause that passes is noticed by. */
const firstRestMs = 5_000
const longestRestMs = 10 * 60_000

/**
 * Backfills until all features are ready, or the partition is closed. A fault of ours would come again at once, and may
 * have closed the partition: so the stream goes on for longer and longer before the next try, over openings too.
 */
export class BackfillRounds {
  readonly #deps: TaskDeps
  readonly #partition: number
  /** How often in a row it met with a fault, and from when on it is tried again; by the monotonic clock, ms. */
  #faults = 0
  #fromMs = 0

  constructor(deps: TaskDeps, partition: number) {
    this.#deps = deps
    this.#partition = partition
  }

  /** Ends when all is ready, or with the opening. */
  async run(opened: Opened, host: Host): Promise<void> {
    const { logger } = this.#deps
    const partition = this.#partition
    while (host.turn.isCurrent()) {
      const restMs = this.#fromMs - performance.now()
      if (restMs > 0) {
        await sleep(restMs, undefined, { ref: false })
        continue
      }
      try {
        await backfill(this.#deps, partition, opened, host)
        this.#faults = 0
        return
      } catch (error) {
        if (error instanceof Lost || error instanceof LogError) return
        const ms = Math.min(firstRestMs * 2 ** this.#faults++, longestRestMs)
        this.#fromMs = performance.now() + ms
        logger.error('backfill.failed', { partition, ms, error })
      }
    }
  }
}
