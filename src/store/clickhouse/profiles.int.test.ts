import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { blankProfile, type ProfileRow, writeCheckpointRow, writeProfileRow } from '../profile-row.ts'
import type { ProfileStore } from '../profile-store.ts'
import { RowBuffer } from '../row-binary.ts'
import { StoreError } from '../store-error.ts'
import { connectClickHouse } from './client.ts'
import { createProfileStore } from './profiles.ts'
import { createTestDatabase, skip, type TestDatabase } from './test-database.ts'

const blank: ProfileRow = { ...blankProfile, version: 1, streamTimeMs: 1_700_000_000_123 }

describe('the profile store', { skip }, () => {
  let database: TestDatabase
  let store: ProfileStore
  const row = new RowBuffer()

  before(async () => {
    database = await createTestDatabase()
    store = createProfileStore(database.client)
  })
  after(() => database.drop())

  async function insert(...profiles: readonly Partial<ProfileRow>[]): Promise<void> {
    for (const profile of profiles) writeProfileRow(row, { ...blank, ...profile })
    await store.insert(row.take())
  }

  test('the state comes back byte for byte, whatever the bytes and the customer', async () => {
    const customers = [
      `'"\\`,
      '\0',
      '\t\n',
      '水😀',
      "'] OR 1=1 --",
      '{customer:String}',
      'null',
      '%00&+',
      'x'.repeat(256),
    ]
    const states = new Map(customers.map((customer) => [customer, randomBytes(1000)]))
    await insert(...customers.map((customer) => ({ customer, state: states.get(customer)! })))
    const read = await store.read(0, [...customers, 'unknown'])
    assert.deepEqual(new Map(read.map(({ customer, state }) => [customer, state])), states)
    assert.deepEqual(
      read.map(({ version, streamTimeMs, deleted }) => [version, streamTimeMs, deleted]),
      customers.map(() => [1, 1_700_000_000_123, false]),
    )
  })

  test('a thousand customers are read in one query', async () => {
    const customers = Array.from({ length: 1000 }, (_, i) => `customer-${i}-${'é'.repeat(50)}`)
    await insert(...customers.map((customer) => ({ customer, state: Buffer.from(customer) })))
    const read = await store.read(0, customers)
    assert.equal(read.length, 1000)
    assert.ok(read.every(({ customer, state }) => state.toString() === customer))
  })

  test('a customer of another partition is not read', async () => {
    await insert({ customer: 'alone', partition: 5 })
    assert.deepEqual(await store.read(4, ['alone']), [])
    assert.equal((await store.read(5, ['alone'])).length, 1)
    assert.deepEqual(await store.read(5, []), [])
  })

  test('the highest version wins, whatever order the rows come in, and a repeated row changes nothing', async () => {
    const at = (position: number) => ({
      customer: 'c',
      version: position,
      state: Buffer.from(`${position}`),
    })
    for (const position of [7, 9, 8, 9]) await insert(at(position))
    const [read] = await store.read(0, ['c'])
    assert.deepEqual([read?.version, read?.state.toString()], [9, '9'])
    const merged = await database.select(`SELECT state FROM profiles FINAL WHERE customer = 'c'`)
    assert.deepEqual(merged, [{ state: '9' }])
  })

  test('a checkpoint is read by its partition, and does not count as a customer', async () => {
    assert.equal(await store.readCheckpoint(77), undefined)
    writeCheckpointRow(row, 77, 5, 1_700_000_000_000, Buffer.from([0, 255]))
    writeProfileRow(row, { ...blank, partition: 77, customer: 'in the same insert', version: 4 })
    await store.insert(row.take())
    const checkpoint = await store.readCheckpoint(77)
    assert.deepEqual([checkpoint?.version, checkpoint?.state], [5, Buffer.from([0, 255])])
    assert.deepEqual(await store.readCustomer(''), [])
    const parts = await database.select('SELECT _part FROM profiles WHERE partition = 77 GROUP BY _part')
    assert.equal(parts.length, 1)
  })

  test('customers with due timers are read piece by piece, and each once', async () => {
    const dueMs = (i: number) => 1_700_000_000_000 + Math.floor(i / 3)
    const partition = 9
    const rows = Array.from({ length: 10 }, (_, i) => ({ customer: `due-${i}`, partition, nextDueMs: dueMs(i) }))
    await insert(...rows, { customer: 'none', partition }, { ...rows[0]!, partition: partition + 1 })
    await insert({ ...rows[9]!, version: 2, nextDueMs: 0 })
    const read: string[] = []
    for (let past = { dueMs: 0, customer: '' }; ; ) {
      const found = await store.readDue(partition, past, 4)
      for (const { customer, dueMs: due } of found) {
        read.push(customer)
        assert.equal(due, dueMs(Number(customer.slice(4))))
      }
      if (found.length < 4) break
      past = found.at(-1)!
    }
    // The last one's timer no longer runs; whether its earlier version is still there is up to merges.
    assert.deepEqual(
      read.filter((customer) => customer !== 'due-9'),
      rows.slice(0, 9).map(({ customer }) => customer),
    )
  })

  test('an erased customer is hidden from people, but still there for recovery', async () => {
    await insert({ customer: 'gone', version: 3, traits: new Map([['email', 'a@b.example']]) })
    await insert({ customer: 'gone', version: 4, deleted: true })
    assert.deepEqual(await store.readCustomer('gone'), [])
    const [read] = await store.read(0, ['gone'])
    assert.deepEqual([read?.version, read?.deleted], [4, true])
  })

  test('readCustomer gives all that a person can read, and exact numbers', async () => {
    const version = 2 ** 40 + 7
    await insert({
      customer: 'readable',
      version,
      numberNames: ['views'],
      numbers: [3],
      stringNames: ['last'],
      strings: ['page'],
      listNames: ['recent'],
      lists: [['a', 'b']],
      mapNames: ['by_category'],
      maps: [[['shoes', 2]]],
      traits: new Map([['plan', 'gold']]),
      nextDueMs: 0,
      state: Buffer.from('private'),
    })
    const [read, ...more] = await store.readCustomer('readable')
    assert.deepEqual(more, [])
    assert.deepEqual(read, {
      partition: 0,
      customer: 'readable',
      version: String(version),
      stream_time: '2023-11-14 22:13:20.123',
      session_index: 0,
      session_start: '1970-01-01 00:00:00.000',
      session_last: '1970-01-01 00:00:00.000',
      session_events: 0,
      session_entry_page: '',
      numbers: { views: 3 },
      strings: { last: 'page' },
      lists: { recent: ['a', 'b'] },
      maps: { by_category: { shoes: 2 } },
      not_ready: [],
      traits: { plan: 'gold' },
      updated_at: read?.['updated_at'],
    })
  })

  test('a failure has its code, and never data of the rows', async () => {
    const nowhere = connectClickHouse({ ...database.options, url: 'http://127.0.0.1:9' })
    const wrong = connectClickHouse({ ...database.options, password: 'wrong-password' })
    const bytes = Buffer.from('marker-of-a-customer')
    const chunk = { bytes, rowEnds: Uint32Array.of(bytes.length) }
    const codes = new Map([
      [nowhere, 'unavailable'],
      [wrong, 'refused'],
      [database.client, 'data'],
    ])
    for (const [client, expected] of codes) {
      await assert.rejects(createProfileStore(client).insert(chunk), (error) => {
        assert.ok(error instanceof StoreError)
        assert.equal(error.code, expected)
        assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /marker|wrong-password/)
        return true
      })
    }
    await nowhere.close()
    await wrong.close()
  })
})
