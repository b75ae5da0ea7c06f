import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ClickHouseClient } from '@clickhouse/client'
import avro from 'avsc'
import { type Log, partitionKey, type TopicPartition } from '../../src/log/log.ts'
import { computeReference, type ReferenceErasure, type ReferenceEvent, type ReferenceSlice } from './reference.ts'

/**
 * What must have come out, computed in one batch from the input topics, and from the journal for the clock of timers, with
 * code that the engine does not share; compared with what did come out.
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
  /** Found behind one that should follow it, of the same partition. */
  readonly out_of_order: number
  readonly timers_fired: number
  /** Fired when they were not due, or were due and did not fire. */
  readonly timers_wrong: number
  readonly erasures: number
  readonly profiles_compared: number
  readonly profiles_different: number
}

export interface Outcome {
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  readonly topics: readonly string[]
  readonly actionsTopic: string
  readonly journalTopic: string
  /** Hears of the first few differences. */
  readonly say: (line: string) => void
}

const maxSaid = 10

const journalSchema = fileURLToPath(new URL('../../../schemas/journal.avsc', import.meta.url))
const clickSchema = fileURLToPath(new URL('../../../bench/clicks.avsc', import.meta.url))

export async function compare({ log, clickhouse, topics, actionsTopic, journalTopic, say }: Outcome): Promise<Verdict> {
  let said = 0
  const differs = (line: string) => {
    if (said++ < maxSaid) say(`different: ${line}`)
  }
  const expected: string[] = []
  let timersFired = 0
  let timersWrong = 0
  let erased = 0
  const wantedProfiles = new Map<string, string>()
  const wantedEvents = new Map<string, string>()
  for (let partition = 0; partition < (await log.partitionCount(topics[0]!)); partition++) {
    const events = new Map<string, (ReferenceEvent | ReferenceErasure)[]>()
    for (const topic of topics) events.set(topic, await readEvents(log, { topic, partition }))
    const { actions, profiles, duplicates, timers, erasures, timerFaults } = computeReference(
      events,
      await readJournal(log, journalTopic, partition),
    )
    timersFired += timers
    erased += erasures
    timersWrong += timerFaults.length
    for (const fault of timerFaults) differs(`partition ${partition}: ${fault}`)
    for (const { topic, offset, action, customer, timeMs } of actions) {
      expected.push(`${partitionKey({ topic, partition })}/${offset} ${action} ${customer} ${timeMs}`)
    }
    for (const [customer, { timeMs, features }] of profiles) {
      wantedProfiles.set(`${partition} ${customer}`, describe(timeMs, features))
    }
    for (const event of [...events.values()].flat()) {
      if ('erases' in event) continue
      const place = partitionKey({ topic: event.topic, partition })
      wantedEvents.set(`${place}/${event.offset}`, eventLine(event.id, duplicates.has(event)))
    }
  }

  const found = await readActions(log, actionsTopic)
  const wanted = new Map(expected.map((line, index) => [line, index]))
  const seen = new Set<string>()
  const last = new Map<number, number>()
  let duplicated = 0
  let unexpected = 0
  let outOfOrder = 0
  for (const { offset, action, customer, time, ...at } of found) {
    const line = `${partitionKey(at)}/${offset} ${action} ${customer} ${time}`
    if (seen.has(line)) {
      duplicated++
      differs(`the action ${line} was found again`)
      continue
    }
    seen.add(line)
    const index = wanted.get(line)
    if (index === undefined) {
      unexpected++
      differs(`the action ${line} was not expected`)
      continue
    }
    const before = last.get(at.partition) ?? -1
    if (index < before) {
      outOfOrder++
      differs(`the action ${line} was found behind ${expected[before]}`)
    }
    last.set(at.partition, index)
  }
  const missing = expected.filter((line) => !seen.has(line))
  for (const line of missing) differs(`the action ${line} is missing`)

  const profiles = await readProfiles(clickhouse)
  const stored = await readStoredEvents(clickhouse)
  return {
    events: wantedEvents.size,
    events_different: countDifferent('the event', wantedEvents, stored, differs),
    actions_expected: expected.length,
    actions_found: found.length,
    duplicated,
    missing: missing.length,
    unexpected,
    out_of_order: outOfOrder,
    timers_fired: timersFired,
    timers_wrong: timersWrong,
    erasures: erased,
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

async function readEvents(
  log: Log,
  { topic, partition }: TopicPartition,
): Promise<(ReferenceEvent | ReferenceErasure)[]> {
  const type = avro.Type.forSchema(JSON.parse(readFileSync(clickSchema, 'utf8')))
  const events: (ReferenceEvent | ReferenceErasure)[] = []
  for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < batch.count; i++) {
      const value = batch.value(i)
      if (value === null) {
        events.push({ erases: String(batch.key(i)), topic, offset: batch.offset(i) })
        continue
      }
      // Behind the five bytes of the wire format.
      const click = type.fromBuffer(value.subarray(5))
      events.push({
        topic,
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

/** The slices of a partition, in order. */
async function readJournal(log: Log, journalTopic: string, partition: number) {
  const type = avro.Type.forSchema(JSON.parse(readFileSync(journalSchema, 'utf8')))
  const slices: ReferenceSlice[] = []
  for await (const batch of log.read(journalTopic, partition, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < batch.count; i++) {
      const { topic, next_offset: nextOffset, clock: clockMs, fired } = type.fromBuffer(batch.value(i)!)
      slices.push({ topic, nextOffset, clockMs, fired })
    }
  }
  return slices
}

/** The form in which profiles are compared. */
function describe(streamTime: number, features: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(features).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${streamTime} ${JSON.stringify(sorted)}`
}

const eventLine = (id: string, duplicate: boolean) => `${id} ${duplicate ? 'duplicate' : 'new'}`

interface FoundAction extends TopicPartition {
  readonly offset: number
  readonly action: string
  readonly customer: string
  readonly time: number
}

/** In the order of the topic; all actions of one partition number lie in one of its partitions. */
async function readActions(log: Log, topic: string): Promise<FoundAction[]> {
  const found: FoundAction[] = []
  for (let partition = 0; partition < (await log.partitionCount(topic)); partition++) {
    for await (const batch of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) {
      for (let i = 0; i < batch.count; i++) found.push(JSON.parse(String(batch.value(i))) as FoundAction)
    }
  }
  return found
}

async function readProfiles(clickhouse: ClickHouseClient): Promise<Map<string, string>> {
  const rows = await select<[number, string, string, Record<string, number>]>(
    clickhouse,
    'SELECT partition, customer, toString(toUnixTimestamp64Milli(stream_time)), numbers FROM customers',
  )
  return new Map(
    rows.map(([partition, customer, time, numbers]) => [`${partition} ${customer}`, describe(Number(time), numbers)]),
  )
}

async function readStoredEvents(clickhouse: ClickHouseClient): Promise<Map<string, string>> {
  const rows = await select<[string, number, string, string, boolean]>(
    clickhouse,
    'SELECT topic, partition, toString(offset), id, duplicate FROM events FINAL',
  )
  const found = new Map<string, string>()
  for (const [topic, partition, offset, id, duplicate] of rows) {
    const place = `${partitionKey({ topic, partition })}/${offset}`
    found.set(place, found.has(place) ? 'there twice' : eventLine(id, duplicate))
  }
  return found
}

async function select<Row>(clickhouse: ClickHouseClient, query: string): Promise<Row[]> {
  const result = await clickhouse.query({ query, format: 'JSONCompactEachRow' })
  return await result.json<Row>()
}
