import { type Engine, withRules } from './engine.ts'
import type { FeatureSet } from './features/features.ts'
import { completeKinds } from './profiles/complete-kinds.ts'
import type { ClickHouseClient } from './store/clickhouse/client.ts'
import { readGathered } from './store/clickhouse/event-history.ts'
import { readPolicy } from './store/clickhouse/policies.ts'

/**
 * The kinds of stored profiles (`gatheredKey`) that have all features of the engine's rules. The kind that its own policy
 * writes comes first.
 * @throws StoreError
 */
export async function readCompleteKinds(client: ClickHouseClient, engine: Engine): Promise<string[]> {
  const own = { policy: engine.policy.version, features: engine.features }
  return completeKinds(await readGathered(client), own, async (policy): Promise<FeatureSet | undefined> => {
    const text = await readPolicy(client, policy)
    return text === undefined ? undefined : withRules(engine, text)?.features
  })
}
