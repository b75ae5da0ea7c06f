import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import { schedule } from '../ops/schedule.ts'

const everyMs = 10 * 60_000

interface PlacementWatchOptions {
  readonly topics: readonly string[]
  /** How many customers of each topic had events in more than one of its partitions lately; topics without any may be left out. */
  readonly countSplit: (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Tells by a metric and the log of customers whose events lie in more than one partition of a topic: their producers do not
 * agree on the partition of a key. Each partition then keeps a profile of its own, which knows a part of what they did; it
 * is processed where it is, since any other place would break the order.
 * @returns ends it
 */
export function watchPlacement({ topics, countSplit, metrics, logger }: PlacementWatchOptions): () => void {
  return schedule({
    everyMs,
    firstMs: 0,
    async run() {
      const counts = await countSplit(topics)
      for (const topic of topics) {
        const count = counts.get(topic) ?? 0
        metrics.splitCustomers.set({ topic }, count)
        if (count > 0) logger.warn('customers.split', { topic, count, hint: 'see docs/runbook.md: customers split' })
      }
    },
    // The metric stays as it was.
    onFailure: (error) => logger.warn('customers.not_counted', { error }),
  })
}
