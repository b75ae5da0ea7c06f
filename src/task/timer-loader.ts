import { setTimeout as sleep } from 'node:timers/promises'
import type { ProfileCache } from '../profiles/cache.ts'
import type { TaskDeps } from './deps.ts'
import type { At } from './opened.ts'

const retryMs = 5_000

/** Loads whose timers are due next, in parallel to the slices; tries again while the store is down. */
export class TimerLoader {
  readonly #deps: TaskDeps
  readonly #at: At
  #isLoading = false
  /** The error of the last try, if it failed. */
  #met: unknown

  constructor(deps: TaskDeps, at: At) {
    this.#deps = deps
    this.#at = at
  }

  /** Never rejects. */
  async loadWhenLacking(profiles: ProfileCache): Promise<void> {
    const { log, logger } = this.#deps
    if (this.#isLoading || !profiles.timers.areLacking(log.nowMs() ?? 0)) return
    this.#isLoading = true
    try {
      await profiles.loadTimers()
      if (this.#met !== undefined) logger.recovered?.(this.#met)
      this.#met = undefined
    } catch (error) {
      this.#met = error
      logger.warn('dependency.wait', { ...this.#at, error })
      await sleep(retryMs, undefined, { ref: false })
    }
    this.#isLoading = false
  }
}
