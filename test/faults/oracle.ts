import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ClickHouseClient } from '@clickhouse/client'
import avro from 'avsc'
import type { Click } from '../../bench/clicks.ts'
import { referenceActions } from '../../bench/clicks-reference.ts'
import type { Log } from '../../src/log/log.ts'

/**
 * What must have come out, computed in one batch from the input topic alone and with code that the engine does not
 * share, compared with what did come out.
 */

export interface Verdict {
  readonly events: number
  readonly events_different: number
  readonly actions_expected: number
  readonly actions_found: number
  /** Found once more than the first time. */
  readonly duplicated: number
  /** Expected, and not found with the same customer and time. */
  readonly missing: number
  /** Found, and not expected. */
  readonly unexpected: number
  /** Found behind one of a later event of the same input partition. */
  readonly out_of_order: number
  readonly profiles_compared: number
  readonly profiles_different: number
}

export interface Outcome {
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  readonly topic: string
  readonly actionsTopic: string
  /** Hears of the first few differences. */
  readonly say: (line: string) => void
}

type Event = Pick<Click, 'customer' | 'type' | 'price' | 'timeMs'> & {
  readonly id: string
  readonly offset: number
}

const minuteMs = 60_000
const dedupeWindowMs = 60 * minuteMs
const maxSaid = 10

const clickSchema = fileURLToPath(new URL('../../../bench/clicks.avsc', import.meta.url))

export async function compare({ log, clickhouse, topic, actionsTopic, say }: Outcome): Promise<Verdict> {
  let said = 0
  const differs = (line: string) => {
    if (said++ < maxSaid) say(`different: ${line}`)
  }
  const partitions = Array.from({ length: await log.partitionCount(topic) }, (_, partition) => partition)
  const expected: string[] = []
  const wantedProfiles = new Map<string, string>()
  const wantedEvents = new Map<string, string>()
  for (const partition of partitions) {
    const events = await readEvents(log, topic, partition)
    const isNew = firstTimes(events)
    for (const [i, { offset, id }] of events.entries()) {
      wantedEvents.set(`${partition}/${offset}`, `${id} ${isNew[i]! ? 'new' : 'duplicate'}`)
    }
    const distinct = events.filter((_, i) => isNew[i]!)
    for (const { index, action, customer, timeMs } of referenceActions(distinct)) {
      expected.push(`${partition}/${distinct[index]!.offset} ${action} ${customer} ${timeMs}`)
    }
    for (const [customer, profile] of lastProfiles(distinct)) wantedProfiles.set(`${partition} ${customer}`, profile)
  }

  const found = await readActions(log, actionsTopic)
  const wanted = new Set(expected)
  const seen = new Set<string>()
  const lastPlace = new Map<number, readonly [offset: number, rank: number]>()
  let duplicated = 0
  let unexpected = 0
  let outOfOrder = 0
  for (const { partition, offset, rank, action, customer, time } of found) {
    const line = `${partition}/${offset} ${action} ${customer} ${time}`
    if (seen.has(line)) {
      duplicated++
      differs(`the action ${line} was found again`)
      continue
    }
    seen.add(line)
    if (!wanted.has(line)) {
      unexpected++
      differs(`the action ${line} was not expected`)
    }
    const [lastOffset, lastRank] = lastPlace.get(partition) ?? [-1, 0]
    if (offset < lastOffset || (offset === lastOffset && rank <= lastRank)) {
      outOfOrder++
      differs(`the action ${line} was found behind one of offset ${lastOffset}`)
    }
    lastPlace.set(partition, [offset, rank])
  }
  const missing = expected.filter((line) => !seen.has(line))
  for (const line of missing) differs(`the action ${line} is missing`)

  const profiles = await readProfiles(clickhouse, topic)
  const stored = await readStoredEvents(clickhouse, topic)
  return {
    events: wantedEvents.size,
    events_different: countDifferent('the event', wantedEvents, stored, differs),
    actions_expected: expected.length,
    actions_found: found.length,
    duplicated,
    missing: missing.length,
    unexpected,
    out_of_order: outOfOrder,
    profiles_compared: wantedProfiles.size,
    profiles_different: countDifferent('the profile', wantedProfiles, profiles, differs),
  }
}

function countDifferent(
  what: string,
  wanted: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  differs: (line: string) => void,
): number {
  let different = 0
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    if (wanted.get(key) === found.get(key)) continue
    different++
    differs(`${what} ${key} should be ${wanted.get(key) ?? 'none'}, is ${found.get(key) ?? 'none'}`)
  }
  return different
}

async function readEvents(log: Log, topic: string, partition: number): Promise<Event[]> {
  const type = avro.Type.forSchema(JSON.parse(readFileSync(clickSchema, 'utf8')))
  const events: Event[] = []
  for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < batch.count; i++) {
      // Behind the five bytes of the wire format.
      const click = type.fromBuffer(batch.value(i)!.subarray(5))
      events.push({
        offset: batch.offset(i),
        id: click.event_id,
        customer: click.user_id,
        type: click.event_type,
        price: click.price,
        timeMs: click.event_time,
      })
    }
  }
  return events
}

/** Whether each event is the first of its id: an id counts for an hour of the customer's stream time after it came. */
function firstTimes(events: readonly Event[]): boolean[] {
  const streamTimes = new Map<string, number>()
  const ids = new Map<string, number>()
  return events.map(({ id, customer, timeMs }) => {
    const nowMs = Math.max(timeMs, streamTimes.get(customer) ?? 0)
    const key = `${customer} ${id}`
    const firstMs = ids.get(key)
    if (firstMs !== undefined && firstMs >= nowMs - dedupeWindowMs) return false
    ids.set(key, nowMs)
    streamTimes.set(customer, nowMs)
    return true
  })
}

/** Each customer's features as of the largest event time, in the form of `describe`. */
function lastProfiles(events: readonly Event[]): Map<string, string> {
  const byCustomer = new Map<string, Event[]>()
  for (const event of events) {
    const own = byCustomer.get(event.customer)
    if (own === undefined) byCustomer.set(event.customer, [event])
    else own.push(event)
  }
  const profiles = new Map<string, string>()
  for (const [customer, own] of byCustomer) {
    const streamTime = own.reduce((latest, { timeMs }) => Math.max(latest, timeMs), 0)
    const inWindow = (type: Click['type'], paneMs: number, panes: number) =>
      own.filter((event) => {
        const age = Math.floor(streamTime / paneMs) - Math.floor(event.timeMs / paneMs)
        return event.type === type && age < panes
      })
    // In ten-thousandths, so that the sum is exact.
    const spent = inWindow('purchase', 60 * minuteMs, 24).reduce((sum, { price }) => sum + Math.round(price * 1e4), 0)
    const features = {
      views_5m: inWindow('view', minuteMs, 5).length,
      carts_1h: inWindow('add_to_cart', 5 * minuteMs, 12).length,
      purchases_1h: inWindow('purchase', 5 * minuteMs, 12).length,
      spend_24h: spent / 1e4,
    }
    profiles.set(customer, describe(streamTime, features))
  }
  return profiles
}

function describe(streamTime: number, features: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(features).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${streamTime} ${JSON.stringify(sorted)}`
}

interface FoundAction {
  readonly partition: number
  readonly offset: number
  readonly rank: number
  readonly action: string
  readonly customer: string
  readonly time: number
}

/** In the order of the topic; all actions of an input partition lie in one of its partitions. */
async function readActions(log: Log, topic: string): Promise<FoundAction[]> {
  const found: FoundAction[] = []
  for (let partition = 0; partition < (await log.partitionCount(topic)); partition++) {
    for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
      for (let i = 0; i < batch.count; i++) found.push(JSON.parse(String(batch.value(i))) as FoundAction)
    }
  }
  return found
}

async function readProfiles(clickhouse: ClickHouseClient, topic: string): Promise<Map<string, string>> {
  const rows = await select<[number, string, string, Record<string, number>]>(
    clickhouse,
    `SELECT partition, customer, toString(toUnixTimestamp64Milli(stream_time)), numbers
     FROM customers WHERE topic = {topic:String}`,
    topic,
  )
  return new Map(
    rows.map(([partition, customer, time, numbers]) => [`${partition} ${customer}`, describe(Number(time), numbers)]),
  )
}

async function readStoredEvents(clickhouse: ClickHouseClient, topic: string): Promise<Map<string, string>> {
  const rows = await select<[number, string, string, boolean]>(
    clickhouse,
    'SELECT partition, toString(offset), id, duplicate FROM events FINAL WHERE topic = {topic:String}',
    topic,
  )
  const found = new Map<string, string>()
  for (const [partition, offset, id, duplicate] of rows) {
    const place = `${partition}/${offset}`
    const line = `${id} ${duplicate ? 'duplicate' : 'new'}`
    found.set(place, found.has(place) ? 'there twice' : line)
  }
  return found
}

async function select<Row>(clickhouse: ClickHouseClient, query: string, topic: string): Promise<Row[]> {
  const result = await clickhouse.query({ query, query_params: { topic }, format: 'JSONCompactEachRow' })
  return await result.json<Row>()
}
