import { randomUUID } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { ClickHouseClient } from '@clickhouse/client'
import { Event } from '../../../events/event.ts'
import { ConsentStatement } from '../../../ingest/consent.ts'
import { TraitStatement } from '../../../ingest/traits.ts'
import { toStoreError } from '../../../store/clickhouse/client.ts'
import { movedPositionOfPartition } from '../../../store/clickhouse/moved.ts'
import { readPolicy, readSettings } from '../../../store/clickhouse/policies.ts'
import { select } from '../../../store/clickhouse/select.ts'
import { decisionsTable } from '../../../store/decision-row.ts'
import { type PastEventColumns, pastEventColumns, toPastEvent } from '../../../store/past-event.ts'
import { noEnrichment } from '../../../timers/eventless-moment.ts'
import { type RowValues, readRows } from '../row-values.ts'
import type { StoredDecision, StoredEvent, StoredMark, StoryStore } from '../story.ts'

const ofCustomer = 'customer = {customer:String}'

const selectAction = `
SELECT customer, topic, partition, toString(offset), toString(position), toString(toUnixTimestamp64Milli(time)), action, trigger
FROM actions WHERE id = {id:String} LIMIT 1`

const decisionColumns = Object.keys(decisionsTable.columns)
  .map((name) => `\`${name}\``)
  .join(', ')

const selectDecisionsAt = `
SELECT ${decisionColumns} FROM decisions FINAL
WHERE ${ofCustomer} AND time = fromUnixTimestamp64Milli({timeMs:Int64}) AND position = {position:UInt64}
ORDER BY trigger`

const selectLastDecision = `
SELECT ${decisionColumns} FROM decisions
WHERE ${ofCustomer} AND time <= fromUnixTimestamp64Milli({atMs:Int64})
ORDER BY time DESC, position DESC, trigger DESC LIMIT 1`

const selectMarks = `
SELECT partition, toString(argMax(erased_before, version)), argMax(deleted, version), toString(max(version))
FROM profiles WHERE ${ofCustomer} GROUP BY partition ORDER BY partition`

const selectPartitions = `
SELECT DISTINCT partition FROM (
  SELECT partition FROM events WHERE ${ofCustomer} UNION ALL SELECT partition FROM decisions WHERE ${ofCustomer}
) ORDER BY partition`

const selectMoved = `SELECT toString(${movedPositionOfPartition})`

const selectEvents = `
SELECT topic, partition, toString(offset), duplicate, ${pastEventColumns}
FROM events
WHERE ${ofCustomer} AND (partition = {partition:UInt16} OR position < ${movedPositionOfPartition})
  AND position < {until:UInt64} AND position >= {from:UInt64}
ORDER BY position
LIMIT {most:UInt32}`

const selectConsent = `
SELECT topic, partition, toString(offset), toString(position), purpose, channel, given, toString(toUnixTimestamp64Milli(time))
FROM consent FINAL
WHERE ${ofCustomer} AND (partition = {partition:UInt16} OR position < ${movedPositionOfPartition}) AND position < {until:UInt64}
ORDER BY position`

/** The most rows of one query; the next one goes on after them. */
const most = 50_000

export function createStoryStore(client: ClickHouseClient): StoryStore {
  const rowsOf = <Row>(query: string, params: Record<string, unknown>) =>
    select<Row>(client, { query, params, format: 'JSONCompactEachRow' })

  async function decisions(query: string, params: Record<string, unknown>): Promise<StoredDecision[]> {
    const queryId = randomUUID()
    try {
      const { stream } = await client.exec({
        query: `${query} FORMAT RowBinary`,
        query_params: params,
        query_id: queryId,
      })
      return readRows(await buffer(stream), decisionsTable.columns).map(toDecision)
    } catch (error) {
      throw toStoreError(error, queryId)
    }
  }

  return {
    async action(id) {
      const [row] = await rowsOf<ActionColumns>(selectAction, { id })
      if (row === undefined) return undefined
      const [customer, topic, partition, offset, position, timeMs, action, trigger] = row
      const place = { topic, partition, offset: Number(offset), position: Number(position) }
      return { customer, ...place, timeMs: Number(timeMs), action, trigger }
    },
    decisionsAt: ({ customer, timeMs, position }) => decisions(selectDecisionsAt, { customer, timeMs, position }),
    lastDecision: async (customer, atMs) => (await decisions(selectLastDecision, { customer, atMs }))[0],
    async marks(customer) {
      const rows = await rowsOf<MarkColumns>(selectMarks, { customer })
      return rows.map(
        ([partition, erasedBefore, deleted, version]): StoredMark => ({
          partition,
          erasedBefore: Number(erasedBefore),
          deleted,
          version: Number(version),
        }),
      )
    },
    async partitions(customer) {
      return (await rowsOf<[number]>(selectPartitions, { customer })).map(([partition]) => partition)
    },
    async movedPosition(partition) {
      return Number((await rowsOf<[string]>(selectMoved, { partition }))[0]![0])
    },
    async events(customer, partition, until) {
      const events: StoredEvent[] = []
      for (let from = 0, count: number = most; count === most; ) {
        const params = { customer, partition, until, from, most }
        const rows = await rowsOf<EventColumns>(selectEvents, params)
        count = rows.length
        for (const row of rows) {
          const event = toEvent(row)
          // Rows that a replay wrote again, and no merge has removed yet.
          if (event.position >= from) events.push(event)
          from = event.position + 1
        }
      }
      const consents = await rowsOf<ConsentColumns>(selectConsent, { customer, partition, until })
      return [...events, ...consents.map((row) => toConsent(customer, row))].sort((a, b) => a.position - b.position)
    },
    policy: (hash) => readPolicy(client, hash),
    settings: (hash) => readSettings(client, hash),
  }
}

type ActionColumns = readonly [
  customer: string,
  topic: string,
  partition: number,
  offset: string,
  position: string,
  timeMs: string,
  action: string,
  trigger: string,
]
type MarkColumns = readonly [partition: number, erasedBefore: string, deleted: boolean, version: string]
type ConsentColumns = readonly [
  topic: string,
  partition: number,
  offset: string,
  position: string,
  purpose: string,
  channel: string,
  given: boolean,
  timeMs: string,
]
type EventColumns = readonly [
  topic: string,
  partition: number,
  offset: string,
  duplicate: boolean,
  ...past: PastEventColumns,
]

/** A row without a type is a statement of traits. */
function toEvent([topic, partition, offset, duplicate, ...past]: EventColumns): StoredEvent {
  const stored = { topic, partition, offset: Number(offset), duplicate, ...toPastEvent(past) }
  return stored.event.type === '' ? { ...stored, statement: new TraitStatement(stored.event) } : stored
}

function toConsent(customer: string, columns: ConsentColumns): StoredEvent {
  const [topic, partition, offset, position, purpose, channel, given, timeMs] = columns
  const place = { topic, partition, offset: Number(offset), position: Number(position) }
  const statement = new ConsentStatement(customer, purpose, channel, given, Number(timeMs))
  const event = Object.assign(new Event(), { customer, timeMs: Number(timeMs) })
  const derived = { enrichment: noEnrichment, sessionIndex: 0, sessionStartMs: 0, duplicate: false }
  return { customer, ...place, event, ...derived, statement }
}

function toDecision(columns: RowValues): StoredDecision {
  const of = <T>(name: string) => columns.get(name)!.value as T
  return {
    customer: of('customer'),
    topic: of('topic'),
    partition: of('partition'),
    offset: of('offset'),
    position: of('position'),
    timeMs: of('time'),
    trigger: of('trigger'),
    nowMs: of('now'),
    policy: of('policy'),
    chosen: of('chosen'),
    columns,
  }
}
