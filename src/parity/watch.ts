import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import { schedule } from '../ops/schedule.ts'
import type { FeatureQueries } from '../sql/features.ts'
import { checkParity, type ParityReader } from './parity.ts'
import { summarize } from './tally.ts'

export interface ParityWatchOptions {
  readonly everyMs: number
  /** Customers per run. */
  readonly sample: number
  readonly queries: FeatureQueries
  readonly reader: ParityReader
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Checks a new sample of customers at each interval, and reports through metrics and the log. A run that fails says so and
 * leaves the metrics as they were; nothing else is affected.
 * @returns a function that ends the watch; a run under way stops before its next chunk
 */
export function watchParity({ everyMs, sample, queries, reader, metrics, logger }: ParityWatchOptions): () => void {
  for (const { name } of queries.untold) logger.warn('parity.untold', { reason: name, hint: 'this feature has no SQL' })
  return schedule({
    everyMs,
    async run(ended) {
      const tallies = await checkParity(queries, reader, { sample: { count: sample, seed: Date.now() }, signal: ended })
      if (ended.aborted) return
      const { compared, different } = summarize(tallies)
      metrics.parityCompared.set(compared)
      metrics.parityDifferent.set(different)
      metrics.parityLastRun.set(Date.now() / 1000)
      for (const tally of tallies) {
        if (tally.different === 0) continue
        logger.error('parity.different', { reason: tally.feature, count: tally.different, hint: 'see docs/parity.md' })
      }
      logger.info('parity.checked', { count: compared })
    },
    onFailure: (error) => logger.warn('parity.failed', { error }),
  })
}
