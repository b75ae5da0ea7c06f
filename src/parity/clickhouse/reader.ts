import type { ClickHouseClient } from '@clickhouse/client'
import type { Value } from '../../events/event.ts'
import { decodeCheckpoint } from '../../journal/checkpoint.ts'
import { select } from '../../store/clickhouse/select.ts'
import { gatheredKey } from '../../store/event-history.ts'
import type { ParityReader, StoredFeatures } from '../parity.ts'

const selectCustomers = `
SELECT DISTINCT customer FROM profiles
WHERE topic IN {topics:Array(String)} AND customer > {after:String}
ORDER BY customer LIMIT {limit:UInt32}`

/** Of a hash with a seed: every customer is as likely as any other. In order, so that a chunk's events lie together. */
const selectSample = `
SELECT customer FROM (
  SELECT DISTINCT customer FROM profiles
  WHERE topic IN {topics:Array(String)} AND customer != ''
  ORDER BY cityHash64(customer, {seed:UInt64}) LIMIT {limit:UInt32}
) ORDER BY customer`

const selectCheckpoints = `
SELECT topic, partition, toString(max(version)), base64Encode(argMax(state, version))
FROM profiles WHERE topic IN {topics:Array(String)} AND customer = ''
GROUP BY topic, partition`

const selectProfiles = `
WITH argMax((numbers, strings, lists, maps, deleted, policy, not_ready), version) AS latest
SELECT topic, partition, customer, toString(max(version)), latest.6, latest.7, latest.1, latest.2, latest.3, latest.4
FROM profiles
WHERE topic IN {topics:Array(String)} AND customer IN {customers:Array(String)}
GROUP BY topic, partition, customer
HAVING NOT latest.5`

/** The events that the profiles include. The list of customers is what the table's order is used for. */
const selectRows = `
SELECT events.* FROM events FINAL
INNER JOIN (
  SELECT cut.1 AS topic, cut.2 AS partition, cut.3 AS customer, cut.4 AS next_offset
  FROM (SELECT arrayJoin(arrayZip(
    {topics:Array(String)}, {partitions:Array(UInt16)}, {customers:Array(String)}, {offsets:Array(UInt64)})) AS cut)
) AS cuts USING (topic, partition, customer)
WHERE customer IN {customers:Array(String)} AND NOT duplicate AND offset < next_offset`

/** A query of a hundred features is longer than the server takes by default; a row's key lies in one month. */
const settings = {
  max_query_size: '10000000',
  max_ast_elements: '1000000',
  max_expanded_ast_elements: '10000000',
  do_not_merge_across_partitions_select_final: 1,
} as const

/**
 * @param topics the input topics whose profiles are looked at
 * @param policy the rules whose features are compared
 * @param complete the kinds of profiles of earlier rules that have all of these (`gatheredKey`)
 */
export function createParityReader(
  client: ClickHouseClient,
  topics: readonly string[],
  policy: string,
  complete: () => Promise<readonly string[]>,
): ParityReader {
  const rowsOf = <Row>(query: string, params: Record<string, unknown>) =>
    select<Row>(client, { query, params, format: 'JSONCompactEachRow', settings })

  return {
    async customers(after, limit) {
      const rows = await rowsOf<[string]>(selectCustomers, { topics, after, limit })
      return rows.map(([customer]) => customer)
    },
    async sample(count, seed) {
      const rows = await rowsOf<[string]>(selectSample, { topics, limit: count, seed })
      return rows.map(([customer]) => customer)
    },
    async profiles(customers) {
      const checkpoints = await rowsOf<CheckpointRow>(selectCheckpoints, { topics })
      const rows = await rowsOf<ProfileRow>(selectProfiles, { topics, customers })
      const kinds = new Set(await complete())
      const saved = new Map(checkpoints.map(([topic, partition, ...of]) => [`${topic} ${partition}`, of]))
      return rows.flatMap((row) => {
        const [topic, partition, , version, writtenBy, notReady] = row
        if (writtenBy !== policy && !kinds.has(gatheredKey({ policy: writtenBy, notReady }))) return []
        const [speaksFor = '0', state = ''] = saved.get(`${topic} ${partition}`) ?? []
        const checkpoint = decodeCheckpoint(Buffer.from(state, 'base64'))
        if (checkpoint === undefined || BigInt(version) > BigInt(speaksFor)) return []
        return [toStoredFeatures(row, checkpoint.offset)]
      })
    },
    async compute({ text }, profiles) {
      const rows = await rowsOf<[string, number, string, ...unknown[]]>(text(selectRows, 'stream_time'), {
        topics: profiles.map(({ topic }) => topic),
        partitions: profiles.map(({ partition }) => partition),
        customers: profiles.map(({ customer }) => customer),
        offsets: profiles.map(({ nextOffset }) => nextOffset),
      })
      return rows.map(([topic, partition, customer, ...cells]) => ({ topic, partition, customer, cells }))
    },
  }
}

type CheckpointRow = readonly [topic: string, partition: number, version: string, stateBase64: string]

type ProfileRow = readonly [
  topic: string,
  partition: number,
  customer: string,
  version: string,
  policy: string,
  notReady: readonly string[],
  ...features: Readonly<Record<string, Value>>[],
]

function toStoredFeatures(row: ProfileRow, nextOffset: number): StoredFeatures {
  const [topic, partition, customer, , , notReady, ...features] = row
  const values = new Map(features.flatMap((map) => Object.entries(map)))
  const value = (feature: string) => values.get(feature) ?? null
  const isReady = (feature: string) => !notReady.includes(feature)
  return { topic, partition, customer, nextOffset, isReady, value }
}
