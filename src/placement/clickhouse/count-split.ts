import type { ClickHouseClient } from '@clickhouse/client'
import { movedPosition } from '../../store/clickhouse/moved.ts'
import { select } from '../../store/clickhouse/select.ts'

/**
 * Of profiles written in the last hour, and not moved, so that it costs no more memory than an hour's customers take, and so that it is 0
 * again an hour after the producers agree.
 */
const selectSplit = `
SELECT toString(count())
FROM (
  SELECT cityHash64(customer) AS id
  FROM profiles
  WHERE customer != '' AND NOT deleted AND updated_at > now64(3) - INTERVAL 1 HOUR
    AND version > ${movedPosition}
  GROUP BY id
  HAVING min(partition) < max(partition)
)`

/** How many customers had events in more than one partition lately. @throws StoreError */
export async function countSplitCustomers(client: ClickHouseClient): Promise<number> {
  const [row] = await select<readonly [count: string]>(client, {
    query: selectSplit,
    format: 'JSONCompactEachRow',
    settings: { max_threads: 1 },
  })
  return Number(row?.[0])
}
