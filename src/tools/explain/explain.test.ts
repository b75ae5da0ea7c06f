import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { compileEngine } from '../../engine.ts'
import { Event, Properties } from '../../events/event.ts'
import { ConsentStatement } from '../../ingest/consent.ts'
import { TraitStatement } from '../../ingest/traits.ts'
import { journalCodec } from '../../journal/journal.ts'
import { journalSchemas } from '../../schema-files.ts'
import { consentTable } from '../../store/consent-row.ts'
import { decisionsTable } from '../../store/decision-row.ts'
import { eventsTable } from '../../store/event-row.ts'
import { type PastEventColumns, toPastEvent } from '../../store/past-event.ts'
import type { RowChunk } from '../../store/row-binary.ts'
import type { Table } from '../../store/table.ts'
import { Task } from '../../task/task.ts'
import { turn, World } from '../../task/test-world.ts'
import { noEnrichment } from '../../timers/eventless-moment.ts'
import { Deciders } from './deciders.ts'
import { type ExplainDeps, type Explanation, explain } from './explain.ts'
import { formatExplanation } from './format.ts'
import { type RowValues, readRows } from './row-values.ts'
import type { ChangeView } from './shown.ts'
import type { StoredDecision, StoredEvent, StoryStore } from './story.ts'
import { reasonsOfStream, rulesOf, TestStream } from './test-stream.ts'
import { toJson } from './to-json.ts'

const startMs = Date.UTC(2026, 0, 5, 10)
const eventMs = 8_000
const topics = [
  { name: 'events', format: 'json', key: 'customer', tombstones: 'erase' },
  { name: 'taps', format: 'json' },
  { name: 'known', format: 'json', role: 'traits' },
  { name: 'said', format: 'json', role: 'consent' },
]
const folder = mkdtempSync(join(tmpdir(), 'beckon-explain-'))
after(() => rmSync(folder, { recursive: true }))

function configure(i: number, sections: object): string {
  const file = join(folder, `${i}.yaml`)
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  writeFileSync(file, JSON.stringify({ ...servers, topics, ...sections }))
  return file
}

/** What a worker wrote, as the tables would have it. */
class Tables {
  readonly #rows = new Map<string, RowValues>()
  readonly #known = new Map<string, Table>(
    [eventsTable, decisionsTable, consentTable].map((table) => [table.name, table]),
  )

  readonly write = ({ name }: Table, { bytes }: RowChunk): void => {
    const table = this.#known.get(name)
    if (table === undefined) return
    for (const row of readRows(bytes, table.columns)) {
      const key = ['position', 'time', 'trigger', 'customer'].map((column) => row.get(column)?.value).join(' ')
      this.#rows.set(`${name} ${key}`, row)
    }
  }

  of(name: string, customer?: string): RowValues[] {
    const rows = [...this.#rows].filter(([key]) => key.startsWith(`${name} `)).map(([, row]) => row)
    return customer === undefined ? rows : rows.filter((row) => row.get('customer')!.value === customer)
  }

  events(customer: string): StoredEvent[] {
    const events = this.of('events', customer).map(toEvent)
    const consents = this.of('consent', customer).map((row) => toConsent(customer, row))
    return [...events, ...consents].sort((a, b) => a.position - b.position)
  }

  decisions(customer: string): StoredDecision[] {
    return this.of('decisions', customer).map(toDecision)
  }
}

/** Nothing is written any more. */
function memo<Result>(ask: (customer: string) => Result): (customer: string) => Result {
  const answers = new Map<string, Result>()
  return (customer) => {
    const answer = answers.get(customer) ?? ask(customer)
    answers.set(customer, answer)
    return answer
  }
}

const reader =
  (row: RowValues) =>
  <T>(name: string) =>
    row.get(name)!.value as T

function toEvent(row: RowValues): StoredEvent {
  const of = reader(row)
  const map = (name: string) => Object.fromEntries(of<Map<string, unknown>>(name))
  const past = [
    ...[of('customer'), String(of('position')), of('id'), of('type'), String(of('time')), of('url'), of('value')],
    ...[map('numbers'), map('strings'), map('booleans'), map('nested'), map('traits'), of('device'), of('browser')],
    ...[of('os'), of('bot'), of('referrer_class'), of('country'), map('context')],
    ...[of('session_index'), String(of('session_start'))],
  ] as unknown as PastEventColumns
  const place = { topic: of<string>('topic'), partition: of<number>('partition'), offset: of<number>('offset') }
  const stored = { ...place, duplicate: of<boolean>('duplicate'), ...toPastEvent(past) }
  return stored.event.type === '' ? { ...stored, statement: new TraitStatement(stored.event) } : stored
}

function toConsent(customer: string, row: RowValues): StoredEvent {
  const of = reader(row)
  const timeMs = of<number>('time')
  const place = {
    topic: of<string>('topic'),
    partition: 0,
    offset: of<number>('offset'),
    position: of<number>('position'),
  }
  const statement = new ConsentStatement(customer, of('purpose'), of('channel'), of('given'), timeMs)
  const derived = { enrichment: noEnrichment, sessionIndex: 0, sessionStartMs: 0, duplicate: false }
  return { customer, ...place, event: Object.assign(new Event(), { customer, timeMs }), ...derived, statement }
}

function toDecision(row: RowValues): StoredDecision {
  const of = reader(row)
  const place = {
    topic: of<string>('topic'),
    partition: 0,
    offset: of<number>('offset'),
    position: of<number>('position'),
  }
  const when = { timeMs: of<number>('time'), nowMs: of<number>('now'), trigger: of<string>('trigger') }
  return { customer: of('customer'), ...place, ...when, policy: of('policy'), chosen: of('chosen'), columns: row }
}

/** undefined where there is no earlier event to put others behind. */
type Apply = (events: readonly StoredEvent[], position: number) => readonly StoredEvent[] | undefined

/** Makes the change real: in the event itself, or by events more of those that a feature counts. */
function applying({ variable, from, to }: ChangeView): Apply | undefined {
  const [root, ...path] = variable.split('.')
  const counted = { views_5m: 'view', views_15m: 'view', orders: 'buy', adds: 'add' }[root!]
  if (counted !== undefined && typeof from === 'number' && typeof to === 'number' && to > from) {
    return (events, position) => {
      const at = events.findIndex((one) => one.position === position)
      const [before, target] = [events.slice(0, at).findLast(({ statement }) => statement === undefined), events[at]!]
      // They take the places of others' events.
      if (before === undefined || target.position - events[at - 1]!.position <= to - from) return undefined
      const timeMs = Math.max(...events.slice(0, at + 1).map(({ event }) => event.timeMs))
      const more = Array.from({ length: to - from }, (_, i): StoredEvent => {
        const event = copyOf(before.event, { id: `more ${i}`, type: counted, timeMs, traits: Properties.empty })
        const place = { position: target.position - i - 1, offset: target.offset - i - 1 }
        return { ...before, ...place, event, duplicate: false }
      })
      return [...events, ...more].sort((a, b) => a.position - b.position)
    }
  }
  const [name] = path
  if (root !== 'type' && (name === undefined || (root !== 'properties' && root !== 'traits'))) return undefined
  return (events, position) =>
    events.map((one) => {
      if (one.position !== position) return one
      if (name === undefined) return { ...one, event: copyOf(one.event, { type: String(to) }) }
      const of = root === 'traits' ? one.event.traits : one.event.properties
      const entries = of.names.map((key, i) => [key, of.values[i]!] as const).filter(([key]) => key !== name)
      const changed = [...entries, [name, to] as const]
      const properties = new Properties(
        changed.map(([key]) => key),
        changed.map(([, value]) => value),
      )
      return { ...one, event: copyOf(one.event, { [root!]: properties }) }
    })
}

const copyOf = (event: Event, over: object): Event => Object.assign(new Event(), event, over)

describe('what a worker decided', () => {
  const tables = new Tables()
  const files = rulesOf(startMs).map((sections, i) => configure(i, sections))
  const engines = files.map((file) => compileEngine(loadConfig(file, {})))
  let world: World
  let deps: ExplainDeps
  let nowMs = startMs
  const gone = 'c3'
  let erasedBefore = 0
  const explanations: Explanation[] = []

  before(async () => {
    mock.method(Date, 'now', () => nowMs)
    world = new World(files[0]!)
    world.hasEvents = true
    await world.open()
    const stream = new TestStream((n) => startMs + n * eventMs)
    let fed = 0
    const taken = new Map(topics.map(({ name }) => [name, 0]))
    const append = (topic: string, { key, value }: { key: string; value: string | null }) =>
      world.log.append([{ topic, partition: 0, key, value: value === null ? null : Buffer.from(value), headers: {} }])
    for (const file of files) {
      const own = world.deps(file)
      const history = {
        ...own.history,
        async *events(_partition: number, { customers, beforePosition }: Parameters<typeof own.history.events>[1]) {
          const past = customers.flatMap((customer) => tables.events(customer))
          yield past.filter((one) => one.position < beforePosition && !one.duplicate && one.statement === undefined)
        },
      }
      const task = new Task(0, { ...own, history, rows: { ...own.rows, write: tables.write } })
      const takeAll = async () => {
        for (const { name } of topics) {
          const { high } = await world.log.offsets(name, 0)
          const from = taken.get(name)!
          if (high > from) await task.onBatch(await world.batch(from, high, name), turn)
          taken.set(name, high)
        }
        for (let i = 0; i < 3; i++) {
          task.tick()
          for (let k = 0; k < 20; k++) await new Promise(setImmediate)
        }
      }
      for (let round = 0; round < 12; round++) {
        for (let i = 0; i < 12; i++) await append(i % 3 === 0 ? 'taps' : 'events', stream.event())
        await append('known', stream.traits())
        await append('said', stream.consent())
        await append('said', stream.consent())
        fed += 12
        nowMs = startMs + fed * eventMs
        if (file === files[2] && round === 6) {
          await append('events', { key: gone, value: null })
          await takeAll()
          erasedBefore = Math.max(...tables.of('events').map((row) => Number(row.get('position')!.value))) + 1
        }
        await takeAll()
      }
      await task.close(false)
    }
    const [eventsOf, decisionsOf] = [memo(tables.events.bind(tables)), memo(tables.decisions.bind(tables))]
    const store: StoryStore = {
      action: async () => undefined,
      decisionsAt: async ({ customer, timeMs, position }) =>
        decisionsOf(customer).filter((one) => one.timeMs === timeMs && one.position === position),
      lastDecision: async (customer, atMs) =>
        decisionsOf(customer)
          .filter(({ timeMs }) => timeMs <= atMs)
          .sort((a, b) => b.timeMs - a.timeMs || b.position - a.position)[0],
      marks: async (customer) =>
        customer === gone ? [{ partition: 0, erasedBefore, deleted: false, version: 0 }] : [],
      partitions: async () => [0],
      movedPosition: async () => 0,
      events: async (customer, _partition, until) => eventsOf(customer).filter((one) => one.position < until),
      policy: async (hash) => engines.find(({ policy }) => policy.version === hash)?.policyText,
      settings: async (hash) => engines.find(({ settings }) => settings.hash === hash)?.settings.text,
    }
    const codec = journalCodec('beckon.journal', journalSchemas())
    const journal = { log: world.log, topic: 'beckon.journal', codec }
    deps = { store, journal, deciders: new Deciders(engines.at(-1)!, store) }
  })
  after(() => mock.restoreAll())

  it('is derived again from what it stored, to the byte', async () => {
    const rows = tables.of('decisions').map(toDecision)
    const others: unknown[] = []
    let erased = 0
    for (const row of rows) {
      const found = await explain(deps, { key: row })
      assert(found !== undefined)
      if ('decision' in found && found.equal) explanations.push(found)
      else if ('what' in found && found.what === 'erased' && row.customer === gone) erased++
      else others.push({ position: row.position, trigger: row.trigger, customer: row.customer, found })
    }
    assert.deepEqual(others.slice(0, 3), [])
    assert.equal(explanations.length + erased, rows.length)
    assert(erased > 0)
    assert.equal(new Set(rows.map(({ policy }) => policy)).size, files.length)
    for (const trigger of ['no buy in 20m after add', 'became true as time passed']) {
      assert(
        rows.some((row) => row.trigger.includes(trigger)),
        trigger,
      )
    }
  })

  it('has one reason for each candidate, and all reasons that there are', () => {
    const reasons = new Set(explanations.flatMap(({ candidates = [] }) => candidates.map(({ reason }) => reason)))
    assert.deepEqual(
      reasonsOfStream.filter((reason) => !reasons.has(reason)),
      [],
    )
  })

  it('has its smallest changes: applied to the event, the verdict is another', async () => {
    const taken = new Map<string, number>()
    const failed: unknown[] = []
    for (const { decision, candidates = [] } of explanations) {
      for (const { action, reason, change } of candidates) {
        if (change === undefined || decision.trigger !== '' || decision.customer === gone) continue
        const kind = `${action} ${reason} ${change.variable}`
        if ((taken.get(kind) ?? 0) === 4) continue
        const apply = applying(change)
        if (apply === undefined) continue
        const { customer, position } = decision
        const events = apply(await deps.store.events(customer, 0, position + 1), position)
        if (events === undefined) continue
        const store: StoryStore = { ...deps.store, decisionsAt: async () => [], events: async () => [...events] }
        const found = await explain({ ...deps, store }, { key: decision })
        assert(found !== undefined && 'decision' in found)
        taken.set(kind, (taken.get(kind) ?? 0) + 1)
        const after = found.candidates?.find((one) => one.action === action)
        if (after?.reason === reason) failed.push({ decision, action, reason, change, after })
      }
    }
    assert.deepEqual(failed, [])
    assert(taken.size >= 5)
  })

  it('is not guessed where something is missing: it says what, and what the row says', async () => {
    const ofFirstRules = explanations.find(({ decision }) => decision.policy === engines[0]!.policy.version)!
    const ofTimer = explanations.find(({ decision }) => decision.trigger.includes('no buy'))!
    const without = (over: Partial<StoryStore>): ExplainDeps => {
      const store = { ...deps.store, ...over }
      return { ...deps, store, deciders: new Deciders(engines.at(-1)!, store) }
    }
    const empty = { offsets: async () => ({ low: 0, high: 0 }), read: world.log.read.bind(world.log) }
    const cases: readonly (readonly [string, ExplainDeps, Explanation])[] = [
      ['policy', without({ policy: async () => undefined }), ofFirstRules],
      ['events', without({ events: async () => [] }), ofFirstRules],
      ['journal', { ...deps, journal: { ...deps.journal, log: empty } }, ofTimer],
    ]
    for (const [what, those, { decision }] of cases) {
      const found = await explain(those, { key: decision })
      assert(found !== undefined && 'decision' in found, what)
      assert.deepEqual([found.stored, found.equal, found.candidates], [true, false, undefined])
      assert(
        found.missing.some((one) => one.what === what),
        what,
      )
      assert.deepEqual(
        found.row!.filter(({ reason }) => reason === 'chosen').map(({ action }) => action),
        decision.chosen,
      )
    }
  })

  it('is told in words and as JSON', () => {
    for (const one of explanations) {
      const { customer, chosen } = one.decision
      const lines = formatExplanation(one)
      assert.match(lines[0]!, new RegExp(`^${customer} got ${chosen.length === 0 ? 'nothing' : chosen[0]}`))
      assert(lines.includes('  derived again    from the events; it is what was stored, to the byte'))
      for (const { action, reason } of one.candidates!) {
        assert(lines.some((line) => line.startsWith(action) && line.includes(`: ${reason.replaceAll('_', ' ')}`)))
      }
      assert.equal(lines.join(' ').includes('undefined'), false)
      assert.equal(JSON.parse(JSON.stringify(toJson(one))).decision.customer, customer)
    }
  })
})
