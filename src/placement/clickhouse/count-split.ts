import type { ClickHouseClient } from '@clickhouse/client'
import { select } from '../../store/clickhouse/select.ts'

/**
 * Of profiles written in the last hour, so that it costs no more memory than an hour's customers take, and so that it is 0
 * again an hour after the producers agree.
 */
const selectSplit = `
SELECT topic, toString(count())
FROM (
  SELECT topic, cityHash64(customer) AS id
  FROM profiles
  WHERE topic IN {topics:Array(String)} AND customer != '' AND NOT deleted AND updated_at > now64(3) - INTERVAL 1 HOUR
  GROUP BY topic, id
  HAVING min(partition) < max(partition)
)
GROUP BY topic`

/** How many customers had events in more than one partition of a topic lately, by topic. @throws StoreError */
export async function countSplitCustomers(
  client: ClickHouseClient,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await select<readonly [topic: string, count: string]>(client, {
    query: selectSplit,
    params: { topics },
    format: 'JSONCompactEachRow',
    settings: { max_threads: 1 },
  })
  return new Map(rows.map(([topic, count]) => [topic, Number(count)]))
}
