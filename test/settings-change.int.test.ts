import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadConfig } from '../src/config/load.ts'
import { compileEngine } from '../src/engine.ts'
import type { RecordBatch } from '../src/events/log.ts'
import { type JournalEntry, journalCodec } from '../src/journal/journal.ts'
import { journalSchemas } from '../src/schema-files.ts'
import { type SeenRecord, skip, World } from './harness.ts'

/**
 * Settings change in a rolling restart, with a crash between. What each slice was folded under, the journal says; a count that
 * is made here by hand, with the settings of each slice, must give the same actions and profiles.
 */
describe('settings that change in a rolling restart', { skip }, () => {
  const partitions = 3
  const customers = 12
  let world: World
  let fed = 0
  /** By partition, in order. */
  const log: Fed[][] = Array.from({ length: partitions }, () => [])

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: partitions, actions: partitions, dead_letters: 1, journal: partitions })
  })
  after(() => world?.close())

  /** Only the first slice of a process is saved by itself, so that a crash leaves the others to replay. */
  const configure = (settings: Settings, other: object = {}) =>
    world.writeConfig({
      topics: [
        {
          name: world.topic('events'),
          format: 'json',
          mapping: {
            customer: 'user',
            type: 'event',
            id: 'id',
            time: 'at',
            value: settings.valueFrom,
            user_agent: 'agent',
          },
        },
      ],
      dedupe: { window: `${settings.dedupeMs}ms` },
      enrich: { user_agent: settings.agents, session: { max: `${settings.sessionMaxMs}ms` } },
      features: [
        { name: 'seen', count: {}, window: 'lifetime' },
        { name: 'spent', sum: 'value', window: 'lifetime' },
        { name: 'phones', count: {}, where: 'device == "mobile"', window: 'lifetime' },
      ],
      actions: [
        {
          name: 'third',
          when: 'seen % 3 == 0',
          payload: {
            seen: { cel: 'seen' },
            spent: { cel: 'spent' },
            phones: { cel: 'phones' },
            session: { cel: 'session_index' },
          },
        },
      ],
      slice: { checkpoint: '1h' },
      ...other,
    })
  const first: Settings = { dedupeMs: 5_000, sessionMaxMs: 60_000, agents: true, valueFrom: 'price' }
  const second: Settings = { dedupeMs: 3_600_000, sessionMaxMs: 20_000, agents: false, valueFrom: 'net' }

  /** Every fifth event comes again ten seconds of event time later: within one window, past the other. */
  async function feed(count: number): Promise<void> {
    const messages = []
    for (let i = 0; i < count; i++, fed++) {
      const customer = fed % customers
      const partition = customer % partitions
      const again = fed % 5 === 4 ? log[partition]!.findLast((one) => one.customer === `c${customer}`) : undefined
      const event: Fed = {
        customer: `c${customer}`,
        id: again?.id ?? `m${fed}`,
        atMs: 1_700_000_000_000 + fed * 1_000,
        price: fed % 7,
        net: fed % 3,
      }
      log[partition]!.push(event)
      const { id, atMs, price, net } = event
      const value = JSON.stringify({ user: event.customer, event: 'view', id, at: atMs, price, net, agent: phone })
      messages.push({ partition, key: event.customer, value })
    }
    await world.produce('events', messages)
  }

  it('are those under which each slice is folded again: every action once, and the profiles as the journal says', async () => {
    const [before, then] = [configure(first), configure(second)]
    await feed(240)
    let service = await world.start(before)
    await world.consumed(service, 'events')
    await feed(240)
    await world.consumed(service, 'events')
    await service.kill()

    service = await world.start(then)
    await feed(240)
    await world.consumed(service, 'events')
    await service.kill()

    // Rolling: one of each at a time.
    service = await world.start(before)
    await world.consumed(service, 'events')
    const other = await world.start(then)
    await Promise.all([service, other].map((one) => one.logged('assigned')))
    await feed(240)
    await world.consumed(other, 'events')
    await service.kill()
    await feed(120)
    await world.consumed(other, 'events')
    assert.equal((await other.stop()).code, 0, other.output)
    for (const one of [service, other]) {
      const failed = one.lines.filter(({ event }) => event === 'task.failed')
      assert.deepEqual(failed, [], 'no partition fails')
    }
    await compare([
      [before, first],
      [then, second],
    ])
  })

  async function compare(configs: readonly (readonly [file: string, settings: Settings])[]): Promise<void> {
    const settingsOf = new Map(
      configs.map(([file, settings]) => [compileEngine(loadConfig(file, {})).settings.hash, settings] as const),
    )
    const expected: Row[] = []
    const profiles: Row[] = []
    const entries = (await world.read('journal')).map(entryOf)
    assert.deepEqual(new Set(entries.map(({ settings }) => settings)), new Set(settingsOf.keys()), 'both took a part')
    for (const [partition, events] of log.entries()) {
      const known = new Map<string, Customer>()
      for (const { first_offset: from, next_offset: to, settings } of entries.filter(
        (one) => one.partition === partition,
      )) {
        for (const event of events.slice(from, to)) {
          const customer = known.get(event.customer) ?? newCustomer()
          known.set(event.customer, customer)
          if (!count(customer, event, settingsOf.get(settings)!)) continue
          if (customer.seen % 3 === 0) expected.push({ customer: event.customer, ...said(customer) })
        }
      }
      for (const [customer, state] of known) profiles.push({ customer, ...said(state) })
    }
    const actions = (await world.read('actions')).map(({ value }) => JSON.parse(String(value)))
    assert.equal(new Set(actions.map(({ id }) => id)).size, actions.length, 'each once')
    assert.deepEqual(
      actions.map(({ customer, payload }) => ({ customer, ...payload })).sort(inOrder),
      expected.sort(inOrder),
    )
    const stored = await world.select<Row>(
      `SELECT customer, numbers['seen'] AS seen, numbers['spent'] AS spent, numbers['phones'] AS phones,
         toFloat64(session_index) AS session FROM customers ORDER BY customer`,
    )
    assert.deepEqual(stored, profiles.sort(inOrder))
  }
})

interface Settings {
  readonly dedupeMs: number
  readonly sessionMaxMs: number
  readonly agents: boolean
  readonly valueFrom: 'price' | 'net'
}

interface Fed {
  readonly customer: string
  readonly id: string
  readonly atMs: number
  readonly price: number
  readonly net: number
}

interface Said {
  readonly seen: number
  readonly spent: number
  readonly phones: number
  readonly session: number
}

interface Row extends Said {
  readonly customer: string
}

interface Customer {
  seen: number
  spent: number
  phones: number
  session: number
  startMs: number
  /** Ids, by when they came; those that have left a window are gone. */
  ids: Map<string, number>
}

const newCustomer = (): Customer => ({ seen: 0, spent: 0, phones: 0, session: 0, startMs: 0, ids: new Map() })

/** The events are in order, and no pause ends a session: only the longest one does. @returns whether it counts */
function count(customer: Customer, event: Fed, { dedupeMs, sessionMaxMs, agents, valueFrom }: Settings): boolean {
  const { id, atMs } = event
  customer.ids = new Map([...customer.ids].filter(([, cameMs]) => cameMs >= atMs - dedupeMs))
  if (customer.ids.has(id)) return false
  customer.ids.set(id, atMs)
  if (customer.session === 0 || atMs - customer.startMs >= sessionMaxMs) {
    customer.session++
    customer.startMs = atMs
  }
  customer.seen++
  customer.spent += event[valueFrom]
  if (agents) customer.phones++
  return true
}

const said = ({ seen, spent, phones, session }: Customer): Said => ({ seen, spent, phones, session })
const inOrder = (a: Row, b: Row) => (a.customer < b.customer ? -1 : a.customer > b.customer ? 1 : a.seen - b.seen)

const journal = journalCodec('journal', journalSchemas())

function entryOf({ value, headers }: SeenRecord): JournalEntry {
  const named = Object.entries(headers).map(([name, one]) => ({ name, value: one as Buffer }))
  const batch = { count: 1, value: () => value, headers: () => named } as unknown as RecordBatch
  return journal.decode(batch)[0]!
}

const phone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1'
