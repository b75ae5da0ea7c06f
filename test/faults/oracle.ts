import type { ClickHouseClient } from '@clickhouse/client'
import { type Log, partitionKey, type TopicPartition } from '../../src/log/log.ts'
import { dedupeMs } from './config.ts'
import { type Input, readInput } from './input.ts'
import { type JournaledSlice, readJournal } from './journal.ts'
import { computeReference } from './reference.ts'

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
  /** Journal records that do not follow on the one before: of a slice that is there twice, or missing. */
  readonly journal_wrong: number
  /** Every event can be used. */
  readonly dead_letters: number
  /** Acknowledged to the feeder, and not in the log. */
  readonly input_lost: number
}

export interface Outcome {
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  readonly topics: readonly string[]
  readonly partitions: number
  readonly output: { readonly actions: string; readonly dead_letters: string; readonly journal: string }
  /** So many records were acknowledged to the feeder. */
  readonly fed: number
  /**
   * For workers that stopped at a change of the topics: what a topic held that was deleted, if one was. Then only what is
   * journaled is held against the input, and the store is not, which is behind.
   */
  readonly stopped?: { readonly input: Input | undefined } | undefined
  /** Hears of the first few differences. */
  readonly say: (line: string) => void
}

const maxSaid = 10

export async function compare(outcome: Outcome): Promise<Verdict> {
  const { log, clickhouse, topics, partitions, output, fed, stopped, say } = outcome
  let said = 0
  const differs = (line: string) => {
    if (said++ < maxSaid) say(`different: ${line}`)
  }
  const whole = stopped === undefined
  const expected: string[] = []
  let timersFired = 0
  let timersWrong = 0
  let erased = 0
  let journalWrong = 0
  let usualSettings: string | undefined
  const wantedProfiles = new Map<string, string>()
  const wantedEvents = new Map<string, string>()
  const input = await readInput(log, topics, partitions)
  for (let partition = 0; partition < partitions; partition++) {
    const eventsOf = (topic: string) => {
      const key = partitionKey({ topic, partition })
      return stopped?.input?.events.get(key) ?? input.events.get(key)!
    }
    const events = new Map(topics.map((topic) => [topic, eventsOf(topic)]))
    const { slices, faults } = await readJournal(log, output.journal, partition)
    // The first slices ran by the usual settings.
    usualSettings ??= slices[0]?.settings
    const settled = slices.map((slice) => withDedupe(slice, usualSettings))
    const { actions, profiles, duplicates, timers, erasures, timerFaults } = computeReference(events, settled, whole)
    journalWrong += faults.length
    for (const fault of faults) differs(`journal ${partition}: ${fault}`)
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

  const found = await readActions(log, output.actions)
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

  const profiles = whole ? await readProfiles(clickhouse) : wantedProfiles
  const stored = whole ? await readStoredEvents(clickhouse) : wantedEvents
  let inputLost = 0
  for (let number = 0; number < fed; number++) if (whole && !input.numbers.has(number)) inputLost++
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
    journal_wrong: journalWrong,
    dead_letters: await countRecords(log, output.dead_letters),
    input_lost: inputLost,
  }
}

const withDedupe = (slice: JournaledSlice, usualSettings: string | undefined) => ({
  ...slice,
  dedupeMs: slice.settings === usualSettings ? dedupeMs.usual : dedupeMs.shorter,
})

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

async function countRecords(log: Log, topic: string): Promise<number> {
  let records = 0
  for (let partition = 0; partition < (await log.partitionCount(topic)); partition++) {
    for await (const { count } of log.read(topic, partition, 0, Number.MAX_SAFE_INTEGER)) records += count
  }
  return records
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
