import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import avro from 'avsc'
import { parse } from 'yaml'
import { type Click, generateClicks } from '../bench/clicks.ts'
import { type ReferenceAction, referenceActions } from '../bench/clicks-reference.ts'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { type SeenRecord, skip, World } from './harness.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const partitions = 6

/** What an action's value holds; see schemas/action.avsc. */
interface ActionValue {
  readonly id: string
  readonly action: string
  readonly customer: string
  readonly time: number
  readonly event_id: string
  readonly event_type: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

describe('a topic of foreign Avro events, by configuration alone', { skip }, () => {
  let world: World
  let clicks: Click[]
  /** Where each click lies: keyed by customer, and partitioned as Java's producer does. */
  let places: { partition: number; offset: number }[]
  let expected: ReferenceAction[]
  let actionRecords: SeenRecord[]
  let actions: ActionValue[]

  before(async () => {
    clicks = [...generateClicks({ count: 200_000, customers: 10_000, seed: 3 })]
    expected = referenceActions(clicks)
    const ends = new Array<number>(partitions).fill(0)
    places = clicks.map(({ customer }) => {
      const partition = partitionOfKey(customer, partitions)
      return { partition, offset: ends[partition]!++ }
    })

    world = await World.open()
    await world.createTopics({ clicks: partitions, actions: partitions, dead_letters: 1 })
    const records = clicks.map(({ customer, value }, i) => ({ key: customer, value, partition: places[i]!.partition }))
    await world.produce('clicks', records)
    const { topics, features, actions: declared, arbitration } = parse(readFileSync(path('bench/clicks.yaml'), 'utf8'))
    const service = await world.start(
      world.writeConfig({
        topics: [{ ...topics[0], name: world.topic('clicks'), schema: path('bench/clicks.avsc') }],
        output: {
          actions: world.topic('actions'),
          dead_letters: world.topic('dead_letters'),
          journal: world.topic('journal'),
          format: 'wire',
          schema_id: 9,
        },
        features,
        actions: declared,
        arbitration,
      }),
    )
    await world.consumed(service, 'clicks')
    await world.stored(service)
    assert.deepEqual(await service.stop(), { code: 0, signal: null })

    actionRecords = await world.read('actions')
    const type = avro.Type.forSchema(JSON.parse(readFileSync(path('schemas/action.avsc'), 'utf8')))
    actions = actionRecords.map(({ value }) => {
      assert.deepEqual([...value!.subarray(0, 5)], [0, 0, 0, 0, 9])
      return type.fromBuffer(value!.subarray(5)) as ActionValue
    })
  })
  after(() => world?.close())

  it('gives the actions of the reference to the last one, each at the event that caused it', () => {
    const late = clicks.filter(({ timeMs, loggedMs }) => timeMs < loggedMs).length
    assert.ok(late > 1500 && late < 2500, `${late} late events`)
    assert.ok(expected.length > 5000, `${expected.length} actions`)
    const line = (
      customer: string,
      action: string,
      { partition, offset }: { partition: number; offset: number },
      time: number,
    ) => `${partition} ${String(offset).padStart(9)} ${action} ${customer} ${time}`
    assert.deepEqual(
      actions.map((a) => line(a.customer, a.action, a, a.time)).sort(),
      expected.map(({ customer, action, index, timeMs }) => line(customer, action, places[index]!, timeMs)).sort(),
    )
  })

  it('row 47: keeps the order of each customer in one partition', () => {
    const byCustomer = new Map<string, { partition: number; offsets: number[] }>()
    for (const [i, { customer, offset }] of actions.entries()) {
      const { partition, key } = actionRecords[i]!
      assert.equal(String(key), customer)
      const of = byCustomer.get(customer) ?? { partition, offsets: [] }
      byCustomer.set(customer, of)
      assert.equal(partition, of.partition)
      of.offsets.push(offset)
    }
    for (const [customer, { offsets }] of byCustomer) {
      assert.deepEqual(
        offsets,
        offsets.toSorted((a, b) => a - b),
        customer,
      )
    }
  })

  it('names each action by its place in the input, and describes it as a CloudEvent', () => {
    for (const [i, action] of actions.entries()) {
      const { topic, partition, offset, action: name } = action
      const hash = createHash('sha256').update([topic, partition, offset, name].join('\n')).digest('hex')
      assert.equal(action.id, hash.slice(0, 32))
      const headers = Object.fromEntries(
        Object.entries(actionRecords[i]!.headers).map(([key, value]) => [key, String(value)]),
      )
      assert.deepEqual(headers, {
        ce_specversion: '1.0',
        ce_id: action.id,
        ce_source: `/beckon/${topic}/${partition}`,
        ce_type: `beckon.action.${name}`,
        ce_time: new Date(action.time).toISOString(),
        'content-type': 'application/avro',
      })
    }
    assert.equal(new Set(actions.map(({ id }) => id)).size, actions.length)
  })

  it('has the same actions in ClickHouse', async () => {
    const rows = await world.select<Record<string, string>>(
      `SELECT id, action, customer, toString(toUnixTimestamp64Milli(time)) AS time, event_id, event_type, topic,
         toString(partition) AS partition, offset FROM actions FINAL ORDER BY id`,
    )
    const fields = [
      'id',
      'action',
      'customer',
      'time',
      'event_id',
      'event_type',
      'topic',
      'partition',
      'offset',
    ] as const
    assert.deepEqual(
      rows.map((row) => fields.map((field) => row[field])),
      actions.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map((action) => fields.map((field) => String(action[field]))),
    )
  })

  it('has every event in ClickHouse, at its place and as it was sent', async () => {
    const rows = await world.select<[number, string, string, string, string, number, boolean]>(
      `SELECT tuple(partition, offset, customer, type, toString(toUnixTimestamp64Milli(time)), numbers['price'], late OR duplicate) AS row
       FROM events FINAL ORDER BY partition, offset`,
    )
    const line = (row: readonly unknown[]) => row.join(' ')
    const wanted = clicks.map(({ customer, type, timeMs, price }, i) => ({
      ...places[i]!,
      row: [customer, type, timeMs, price, false],
    }))
    wanted.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
    assert.equal(rows.length, wanted.length)
    for (const [i, { partition, offset, row }] of wanted.entries()) {
      assert.equal(line((rows[i] as unknown as { row: unknown[] }).row), line([partition, offset, ...row]))
    }
  })
})
