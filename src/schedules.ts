import { readCompleteKinds } from './complete-kinds.ts'
import type { Config } from './config/schema.ts'
import type { Engine } from './engine.ts'
import type { Held } from './ops/held.ts'
import type { Metrics } from './ops/metrics.ts'
import type { Outages } from './ops/outages.ts'
import { watchWork } from './ops/work.ts'
import { createParityReader } from './parity/clickhouse/reader.ts'
import { watchParity } from './parity/watch.ts'
import { countSplitCustomers } from './placement/clickhouse/count-split.ts'
import { watchPlacement } from './placement/watch.ts'
import { featureQueries } from './sql/features.ts'
import type { ClickHouseClient } from './store/clickhouse/client.ts'

/** Starts what the service does on a schedule beside the stream, whatever the rules are. @param held gets what ends it */
export function startSchedules(clickhouse: ClickHouseClient, metrics: Metrics, logger: Outages, held: Held): void {
  held.add(watchWork({ metrics, logger }))
  held.add(watchPlacement({ countSplit: () => countSplit(clickhouse, logger), metrics, logger }))
}

/** Starts to compare the engine's features with SQL, where that is configured. @returns what ends it */
export function startParity(
  engine: Engine,
  clickhouse: ClickHouseClient,
  metrics: Metrics,
  logger: Outages,
): () => void {
  const { parity } = engine.config
  return parity ? watchParity({ ...parityOf(engine, parity, clickhouse), metrics, logger }) : () => undefined
}

async function countSplit(clickhouse: ClickHouseClient, logger: Outages): Promise<number> {
  const count = await countSplitCustomers(clickhouse)
  // While nothing is inserted, this may be the only sign that ClickHouse answers.
  logger.answered('clickhouse')
  return count
}

function parityOf(engine: Engine, { every, sample }: NonNullable<Config['parity']>, clickhouse: ClickHouseClient) {
  const { config, features, policy, rules } = engine
  return {
    everyMs: every,
    sample,
    queries: featureQueries(rules.features, features, config.enrich.session.idle),
    reader: createParityReader(clickhouse, policy.version, () => readCompleteKinds(clickhouse, engine)),
  }
}
