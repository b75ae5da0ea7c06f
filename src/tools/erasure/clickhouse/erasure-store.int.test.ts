import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeCheckpoint } from '../../../journal/checkpoint.ts'
import { createTestDatabase, skip, type TestDatabase } from '../../../store/clickhouse/test-database.ts'
import type { ErasureStore } from '../erase.ts'
import { createErasureStore } from './erasure-store.ts'

const customer = `c'1\\`
const erased = [
  { partition: 0, before: 11 },
  { partition: 1, before: 4 },
]

describe('what an erasure takes from the tables', { skip }, () => {
  let database: TestDatabase
  let store: ErasureStore
  const insert = (table: string, columns: [string, ...string[]], ...values: unknown[][]) =>
    database.client.insert({ table, columns, values, format: 'JSONCompactEachRow' })

  before(async () => {
    database = await createTestDatabase()
    store = createErasureStore(database.client)
    const events = [
      ['shop', 0, 100, 10, customer],
      ['shop', 0, 101, 11, customer],
      ['taps', 0, 7, 3, customer],
      ['shop', 1, 2, 3, customer],
      ['shop', 1, 3, 4, customer],
      ['shop', 2, 1, 1, customer],
      ['shop', 0, 5, 5, 'another'],
    ]
    const columns: [string, ...string[]] = ['topic', 'partition', 'offset', 'position', 'customer']
    await insert('events', columns, ...events, events[0]!)
    const decided = events.map((row) => [...row, ''])
    const fired = ['shop', 0, 100, 10, customer, 'a timer']
    await insert('decisions', [...columns, 'trigger'], ...decided, fired)
    const acted = events.map((row, i) => [...row, `id-${i}`])
    await insert('actions', [...columns, 'id'], ...acted)
    await insert('consent', columns, ...events)
    const cased = events.map(([, partition, , position, who], i) => [partition, position, who, `id-${i}`, 1])
    const revised = [0, 10, customer, 'id-0', 2]
    await insert('cases', ['partition', 'position', 'customer', 'action_id', 'revision'], ...cased, revised)
    // Of partition 0 the erased profile has come back; that of partition 1 has not. They are inserted one by one, as parts.
    for (const row of [
      [0, customer, 8, 0, false],
      [0, customer, 11, 11, true],
      [0, customer, 14, 11, false],
      [1, customer, 2, 0, false],
      [1, customer, 5, 4, true],
      [2, customer, 2, 0, false],
      [0, 'another', 8, 0, false],
    ]) {
      await insert('profiles', ['partition', 'customer', 'version', 'erased_before', 'deleted'], row)
    }
  })
  after(() => database.drop())

  const left = async (table: string, what: string) =>
    (
      await database.select<{ row: string }>(`SELECT concat(customer, ' ', ${what}) AS row FROM ${table} ORDER BY row`)
    ).map(({ row }) => row)

  test('every table is asked where the customer lies, and whether the service has erased them', async () => {
    assert.deepEqual((await store.partitions(customer)).sort(), [0, 1, 2])
    assert.deepEqual(await store.partitions('nobody'), [])
    assert.deepEqual([await store.profiles(customer), await store.profiles('nobody')], [2, 0])
    const found = await store.erased(customer, [0, 1, 2, 3])
    assert.deepEqual(
      found.toSorted((a, b) => a.partition - b.partition),
      [...erased, { partition: 2, before: 0 }],
    )
  })

  test('a partition is known as far as its checkpoint', async () => {
    assert.deepEqual(await store.progress(3), { position: 0, offsets: {} })
    const offsets = { shop: 12, taps: 3 }
    const state = String(encodeCheckpoint({ offsets, clockMs: 0, digest: '', journalOffset: 0, partitions: 1 }))
    await insert('profiles', ['partition', 'customer', 'version', 'state'], [3, '', 15, state])
    assert.deepEqual(await store.progress(3), { position: 15, offsets })
  })

  test('what lies before the erasure goes, in its partition; nothing else does', async () => {
    // The older profiles may have been merged away.
    const { profiles: _, ...before } = await store.count(customer, erased)
    assert.deepEqual(before, { events: 3, decisions: 4, actions: 3, consent: 3, cases: 3 })
    await store.delete(customer, erased)
    assert.deepEqual(await store.count(customer, erased), {
      events: 0,
      decisions: 0,
      actions: 0,
      consent: 0,
      cases: 0,
      profiles: 0,
    })
    const rest = [`${customer} shop 0 101`, `${customer} shop 1 3`, `${customer} shop 2 1`]
    for (const table of ['events', 'decisions', 'actions', 'consent']) {
      const rows = await left(table, "concat(topic, ' ', toString(partition), ' ', toString(offset))")
      assert.deepEqual(rows, ['another shop 0 5', ...rest], table)
    }
    assert.deepEqual(await left('cases', 'action_id'), ['another id-6', ...[1, 4, 5].map((i) => `${customer} id-${i}`)])
    const profile = "concat(toString(partition), ' ', toString(version))"
    const back = [`${customer} 0 14`, `${customer} 2 2`]
    assert.deepEqual(await left("profiles FINAL WHERE NOT deleted AND customer != ''", profile), [
      'another 0 8',
      ...back,
    ])

    await store.deleteMarks(customer, erased)
    assert.deepEqual(await left("profiles WHERE customer != ''", profile), ['another 0 8', ...back])
    await store.delete('nobody', erased)
  })
})
