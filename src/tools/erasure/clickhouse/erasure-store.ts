import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { decodeCheckpoint } from '../../../journal/checkpoint.ts'
import { toStoreError } from '../../../store/clickhouse/client.ts'
import { createProfileStore } from '../../../store/clickhouse/profiles.ts'
import { select } from '../../../store/clickhouse/select.ts'
import type { Erased, ErasureStore, Rows } from '../erase.ts'

/** The tables that hold customers, each with the columns that identify a row however often it was written. */
const tables = {
  events: 'topic, partition, offset',
  decisions: 'topic, partition, offset, trigger',
  actions: 'id',
  consent: 'topic, partition, offset',
  cases: 'action_id',
}

const of = (place: string) => `customer = {customer:String} AND partition IN {partitions:Array(UInt16)}
  AND arrayExists((p, e) -> partition = p AND ${place}, {partitions:Array(UInt16)}, {befores:Array(UInt64)})`

/** What is before an erasure. All comparisons of positions are here. */
const rowsBefore = of('position < e')
const profilesBefore = of('erased_before < e')
const marks = of('deleted AND erased_before = e')

const selectPartitions = `SELECT DISTINCT partition FROM (${[...Object.keys(tables), 'profiles']
  .map((table) => `SELECT partition FROM ${table} WHERE customer = {customer:String}`)
  .join(' UNION ALL ')})`

const selectErased = `SELECT partition, toString(argMax(erased_before, version)) FROM profiles
WHERE customer = {customer:String} AND partition IN {partitions:Array(UInt16)}
GROUP BY partition`

const selectCounts = `SELECT ${[
  ...Object.entries(tables).map(([table, key]) => `(SELECT uniqExact(${key}) FROM ${table} WHERE ${rowsBefore})`),
  `(SELECT uniqExact(partition) FROM profiles WHERE ${profilesBefore})`,
].join(', ')}`

/** @param client must wait as long as a deletion takes: it rewrites all files in which the customer has rows */
export function createErasureStore(client: ClickHouseClient): ErasureStore {
  const profiles = createProfileStore(client)
  const rowsOf = <Row>(query: string, params: Record<string, unknown>) =>
    select<Row>(client, { query, params, format: 'JSONCompactEachRow' })

  async function remove(table: string, where: string, params: Record<string, unknown>): Promise<void> {
    const queryId = randomUUID()
    try {
      await client.command({
        query: `ALTER TABLE ${table} DELETE WHERE ${where}`,
        query_params: params,
        query_id: queryId,
        // The answer comes when it is done on all replicas.
        clickhouse_settings: { mutations_sync: '2', max_execution_time: 0 },
      })
    } catch (error) {
      throw toStoreError(error, queryId)
    }
  }

  return {
    async partitions(customer) {
      return (await rowsOf<[number]>(selectPartitions, { customer })).map(([partition]) => partition)
    },
    async profiles(customer) {
      return (await profiles.readCustomer(customer)).length
    },
    async progress(partition) {
      const checkpoint = await profiles.readCheckpoint(partition)
      const offsets = checkpoint && decodeCheckpoint(checkpoint.state).offsets
      return { position: checkpoint?.version ?? 0, offsets: offsets ?? {} }
    },
    async erased(customer, partitions) {
      const rows = await rowsOf<[number, string]>(selectErased, { customer, partitions })
      return rows.map(([partition, before]) => ({ partition, before: Number(before) }))
    },
    async count(customer, erased): Promise<Rows> {
      const [found = []] = await rowsOf<readonly string[]>(selectCounts, paramsOf(customer, erased))
      const [events = 0, decisions = 0, actions = 0, consent = 0, cases = 0, olds = 0] = found.map(Number)
      return { events, decisions, actions, consent, cases, profiles: olds }
    },
    async delete(customer, erased) {
      const params = paramsOf(customer, erased)
      for (const table of Object.keys(tables)) await remove(table, rowsBefore, params)
      await remove('profiles', profilesBefore, params)
    },
    deleteMarks: (customer, erased) => remove('profiles', marks, paramsOf(customer, erased)),
  }
}

const paramsOf = (customer: string, erased: readonly Erased[]) => ({
  customer,
  partitions: erased.map(({ partition }) => partition),
  befores: erased.map(({ before }) => before),
})
