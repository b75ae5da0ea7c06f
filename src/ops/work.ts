import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { schedule } from './schedule.ts'

interface WorkWatchOptions {
  readonly everyMs?: number
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Logs once a minute what was done in that time, in one line: events, actions, dead letters, and the present lag if known.
 * @returns call it to end that
 */
export function watchWork({ everyMs = 60_000, metrics, logger }: WorkWatchOptions): () => void {
  let before: Counts = { events: 0, actions: 0, deadLetters: 0 }
  return schedule({
    everyMs,
    async run() {
      const now = {
        events: (await sum(metrics.eventsConsumed)) ?? 0,
        actions: (await sum(metrics.actions)) ?? 0,
        deadLetters: (await sum(metrics.deadLetters)) ?? 0,
      }
      const lag = await sum(metrics.consumerLag)
      logger.info('work', {
        events: now.events - before.events,
        actions: now.actions - before.actions,
        deadLetters: now.deadLetters - before.deadLetters,
        ...(lag === undefined ? {} : { lag }),
        ms: everyMs,
      })
      before = now
    },
    onFailure: (error) => logger.warn('work.not_counted', { error }),
  })
}

interface Counts {
  readonly events: number
  readonly actions: number
  readonly deadLetters: number
}

/** The sum over all labels; undefined where there are none. */
async function sum(metric: { get(): Promise<{ values: { value: number }[] }> }): Promise<number | undefined> {
  const { values } = await metric.get()
  return values.length === 0 ? undefined : values.reduce((total, { value }) => total + value, 0)
}
