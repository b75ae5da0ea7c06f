import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import { schedule } from '../ops/schedule.ts'

const everyMs = 10 * 60_000

interface PlacementWatchOptions {
  /** How many customers had events in more than one partition lately. */
  readonly countSplit: () => Promise<number>
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Tells by a metric and the log of customers whose events lie in more than one partition, of one topic or of two: their
 * producers do not agree on the partition of a key. Each partition then keeps a profile of its own, which knows a part of
 * what they did; it is processed where it is, since any other place would break the order.
 * @returns ends it
 */
export function watchPlacement({ countSplit, metrics, logger }: PlacementWatchOptions): () => void {
  return schedule({
    everyMs,
    firstMs: 0,
    async run() {
      const count = await countSplit()
      metrics.splitCustomers.set(count)
      if (count > 0) logger.warn('customers.split', { count, hint: 'see docs/runbook.md: customers split' })
    },
    // The metric stays as it was.
    onFailure: (error) => logger.warn('customers.not_counted', { error }),
  })
}
