import type { ClickHouseClient } from '@clickhouse/client'
import type { Value } from '../../events/event.ts'
import { movedPosition } from '../../store/clickhouse/moved.ts'
import { select } from '../../store/clickhouse/select.ts'
import { gatheredKey } from '../../store/event-history.ts'
import type { ParityReader, StoredFeatures } from '../parity.ts'

const selectCustomers = `
SELECT DISTINCT customer FROM profiles
WHERE customer > {after:String}
ORDER BY customer LIMIT {limit:UInt32}`

/** Drawn by a seeded hash: every customer is equally likely. In order, so that a chunk's events lie close together. */
const selectSample = `
SELECT customer FROM (
  SELECT DISTINCT customer FROM profiles
  WHERE customer != ''
  ORDER BY cityHash64(customer, {seed:UInt64}) LIMIT {limit:UInt32}
) ORDER BY customer`

const selectCheckpoints = `
SELECT partition, toString(max(version)) FROM profiles WHERE customer = '' GROUP BY partition`

const selectProfiles = `
WITH argMax((numbers, strings, lists, maps, deleted, policy, not_ready, erased_before), version) AS latest
SELECT partition, customer, toString(max(version)), latest.6, latest.7, toString(latest.8), latest.1, latest.2, latest.3, latest.4
FROM profiles
WHERE customer IN {customers:Array(String)}
GROUP BY partition, customer
HAVING NOT latest.5`

/**
 * The events that the profiles include, in the profile's partition. The list of customers is there so that the query can use
 * the table's order.
 */
const selectRows = `
SELECT events.* REPLACE (PROFILE_IN AS partition) FROM events FINAL
INNER JOIN (
  SELECT cut.1 AS PROFILE_IN, cut.2 AS customer, cut.3 AS erased_before, cut.4 AS version
  FROM (SELECT arrayJoin(arrayZip(
    {partitions:Array(UInt16)}, {customers:Array(String)}, {erasedBefore:Array(UInt64)}, {versions:Array(UInt64)})) AS cut)
) AS cuts USING (customer)
WHERE customer IN {customers:Array(String)} AND NOT duplicate AND position >= erased_before AND position < version
  AND (events.partition = PROFILE_IN OR position < ${movedPosition})`

/** A query of a hundred features is longer than the server's default limits. A row's key is in one monthly partition only. */
const settings = {
  max_query_size: '10000000',
  max_ast_elements: '1000000',
  max_expanded_ast_elements: '10000000',
  do_not_merge_across_partitions_select_final: 1,
} as const

/**
 * @param policy the rules whose features are compared
 * @param complete the kinds of profiles from earlier rules that have all of these features (`gatheredKey`)
 */
export function createParityReader(
  client: ClickHouseClient,
  policy: string,
  complete: () => Promise<readonly string[]>,
): ParityReader {
  const rowsOf = <Row>(query: string, params: Record<string, unknown>) =>
    select<Row>(client, { query, params, format: 'JSONCompactEachRow', settings })

  return {
    async customers(after, limit) {
      const rows = await rowsOf<[string]>(selectCustomers, { after, limit })
      return rows.map(([customer]) => customer)
    },
    async sample(count, seed) {
      const rows = await rowsOf<[string]>(selectSample, { limit: count, seed })
      return rows.map(([customer]) => customer)
    },
    async profiles(customers) {
      const checkpoints = await rowsOf<CheckpointRow>(selectCheckpoints, {})
      const rows = await rowsOf<ProfileRow>(selectProfiles, { customers })
      const kinds = new Set(await complete())
      const saved = new Map(checkpoints.map(([partition, version]) => [partition, Number(version)]))
      return rows.flatMap((row) => {
        const [partition, , version, writtenBy, notReady] = row
        if (writtenBy !== policy && !kinds.has(gatheredKey({ policy: writtenBy, notReady }))) return []
        return Number(version) > (saved.get(partition) ?? 0) ? [] : [toStoredFeatures(row)]
      })
    },
    async compute({ text }, profiles) {
      const rows = await rowsOf<[number, string, ...unknown[]]>(text(selectRows, 'stream_time'), {
        partitions: profiles.map(({ partition }) => partition),
        customers: profiles.map(({ customer }) => customer),
        erasedBefore: profiles.map(({ erasedBefore }) => erasedBefore),
        versions: profiles.map(({ version }) => version),
      })
      return rows.map(([partition, customer, ...cells]) => ({ partition, customer, cells }))
    },
  }
}

type CheckpointRow = readonly [partition: number, version: string]

type ProfileRow = readonly [
  partition: number,
  customer: string,
  version: string,
  policy: string,
  notReady: readonly string[],
  erasedBefore: string,
  ...features: Readonly<Record<string, Value>>[],
]

function toStoredFeatures(row: ProfileRow): StoredFeatures {
  const [partition, customer, version, , notReady, erasedBefore, ...features] = row
  const values = new Map(features.flatMap((map) => Object.entries(map)))
  const value = (feature: string) => values.get(feature) ?? null
  const isReady = (feature: string) => !notReady.includes(feature)
  return { partition, customer, version: Number(version), erasedBefore: Number(erasedBefore), isReady, value }
}
