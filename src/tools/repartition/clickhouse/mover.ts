import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { toStoreError } from '../../../store/clickhouse/client.ts'
import { select } from '../../../store/clickhouse/select.ts'
import { profilesTable } from '../../../store/profile-row.ts'
import type { Census, Numbers, ProfileMover, Sum } from '../mover.ts'

/** The partition of a customer's key, like `partitionOfKey`. */
const homeOf = (partitions: string) => `bitAnd(kafkaMurmurHash(customer), 2147483647) % ${partitions}`
const homeBefore = homeOf('{from:UInt32}')
const homeAfter = homeOf('{to:UInt32}')

/** All columns but the key. */
const held = Object.keys(profilesTable.columns).filter((name) => !['partition', 'customer', 'version'].includes(name))

const ofPartition = "partition = {partition:UInt16} AND customer != ''"
const isBefore = `version < {position:UInt64} AND ${homeBefore} = partition`
const moves = `${isBefore} AND ${homeAfter} != partition`
/** Read in the table's order, so only a few rows are in memory. */
const latest = 'ORDER BY customer, version DESC LIMIT 1 BY customer'

const selectCensus = `
SELECT toString(countIf(home)), toString(countIf(home AND moves)), toString(countIf(NOT home)) FROM (
  SELECT ${homeBefore} = {partition:UInt16} AS home, ${homeAfter} != {partition:UInt16} AS moves
  FROM profiles WHERE ${ofPartition} AND version < {position:UInt64} GROUP BY customer HAVING NOT argMax(deleted, version)
)`

const selectPage = `
SELECT max(customer), toUInt32(count()) FROM (
  SELECT customer FROM profiles WHERE ${ofPartition} AND customer > {after:String}
  GROUP BY customer ORDER BY customer LIMIT {limit:UInt32}
)`

const copyPage = `
INSERT INTO profiles (partition, customer, version, ${held.join(', ')})
SELECT toUInt16(${homeAfter}), customer, {position:UInt64}, ${held.join(', ')}
FROM profiles
WHERE ${ofPartition} AND customer > {after:String} AND customer <= {last:String} AND ${moves}
${latest}`

const sumOf = (rows: string) => `
SELECT toString(count()), toString(sum(cityHash64(customer, ${held.join(', ')}))) FROM (${rows})`

const selectBefore = sumOf(
  `SELECT customer, ${held.join(', ')} FROM profiles WHERE ${ofPartition} AND ${isBefore} ${latest}`,
)

const selectAfter = sumOf(`SELECT * FROM (
  SELECT * FROM profiles WHERE ${ofPartition} AND version <= {position:UInt64} AND ${homeAfter} = partition ${latest}
) WHERE version = {position:UInt64} OR ${homeBefore} = partition`)

/** Like an erasure, this hides what came before, also from a profile that may later appear here again. */
const clearAll = `
INSERT INTO profiles (partition, customer, version, erased_before, deleted)
SELECT {partition:UInt16}, customer, {position:UInt64}, {position:UInt64}, true
FROM profiles WHERE ${ofPartition} AND ${moves} GROUP BY customer`

/** Profiles per INSERT: some 20 MB. */
const pageCustomers = 20_000
/** No limit of time. */
const settings = { optimize_aggregation_in_order: 1, max_execution_time: 0 } as const

/** @param client must wait as long as reading a partition's profiles takes */
export function createProfileMover(client: ClickHouseClient): ProfileMover {
  async function rowOf<Row>(query: string, params: Record<string, unknown>): Promise<Row> {
    return (await select<Row>(client, { query, params, format: 'JSONCompactEachRow', settings }))[0]!
  }
  async function run(query: string, params: Record<string, unknown>): Promise<void> {
    const queryId = randomUUID()
    try {
      await client.command({ query, query_params: params, query_id: queryId, clickhouse_settings: settings })
    } catch (error) {
      throw toStoreError(error, queryId)
    }
  }
  const sum = async (query: string, partition: number, numbers: Numbers): Promise<Sum> => {
    const [count, hash] = await rowOf<[string, string]>(query, { partition, ...numbers })
    return { count: Number(count), hash: BigInt(hash) }
  }

  return {
    async census(partition, numbers): Promise<Census> {
      const counts = await rowOf<[string, string, string]>(selectCensus, { partition, ...numbers })
      const [customers, moving, strays] = counts.map(Number) as [number, number, number]
      return { customers, moving, strays }
    },
    async copy(partition, numbers, onProgress) {
      let done = 0
      for (let after = ''; ; ) {
        const page = { partition, after, limit: pageCustomers }
        const [last, count] = await rowOf<[string, number]>(selectPage, page)
        if (count > 0) await run(copyPage, { partition, ...numbers, after, last })
        done += count
        onProgress(done)
        if (count < pageCustomers) return
        after = last
      }
    },
    sumBefore: (partition, numbers) => sum(selectBefore, partition, numbers),
    sumAfter: (partition, numbers) => sum(selectAfter, partition, numbers),
    clear: (partition, numbers) => run(clearAll, { partition, ...numbers }),
  }
}
