import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from '../log/log.ts'
import { backfill, type Host } from './backfill.ts'
import type { TaskDeps } from './deps.ts'
import { Lost } from './failure.ts'
import type { Opened } from './opened.ts'

/** Rest after a fault; doubled with each further one in a row. Within the longest, we notice that its cause is gone. */
const firstRestMs = 5_000
const longestRestMs = 10 * 60_000

/**
 * Backfills until all features are ready, or the partition is closed. A fault in our own code would come again at once, and
 * may have closed the partition. So after each further fault the backfill rests for longer, even across openings, while the
 * stream goes on.
 */
export class BackfillRounds {
  readonly #deps: TaskDeps
  readonly #partition: number
  /** Faults in a row, and when to try again; by the monotonic clock, ms. */
  #faults = 0
  #fromMs = 0

  constructor(deps: TaskDeps, partition: number) {
    this.#deps = deps
    this.#partition = partition
  }

  /** Ends when all features are ready, or when the partition is closed. */
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
