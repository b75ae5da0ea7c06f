import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { partitionOfKey } from '../../../log/murmur2.ts'
import { createTestDatabase, skip, type TestDatabase } from '../../../store/clickhouse/test-database.ts'
import { createProfileMover } from './mover.ts'

const numbers = { from: 4, to: 6, position: 100 }
const ids = [...Array.from({ length: 300 }, (_, i) => `c${i}`), 'é~x', '漢', "a'b\\", ' ', 'x'.repeat(257)]

describe('profiles that move to more partitions', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
    const rows: unknown[][] = ids.flatMap((customer, i) => {
      const partition = partitionOfKey(customer, 4)
      const row = (version: number, n: number) => [partition, customer, version, { n }, `state ${n}`, 0, false]
      return [row(5, 1), row(9, i)]
    })
    // Erased ones move too; a stray does not; a checkpoint is no customer.
    rows.push([partitionOfKey('gone', 4), 'gone', 8, {}, '', 8, true])
    rows.push([(partitionOfKey('c0', 4) + 1) % 4, 'c0', 8, {}, 'stray', 0, false], [0, '', 9, {}, '{}', 0, false])
    await database.client.insert({
      table: 'profiles',
      columns: ['partition', 'customer', 'version', 'numbers', 'state', 'erased_before', 'deleted'],
      values: rows,
      format: 'JSONCompactEachRow',
    })
  })
  after(() => database.drop())

  const all = <T>(count: number, of: (partition: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, partition) => of(partition)))

  test('lie where the producers put the key, with all that they hold, however often it is done', async () => {
    const mover = createProfileMover(database.client)
    const census = await all(4, (partition) => mover.census(partition, numbers))
    const sum = (key: 'customers' | 'moving' | 'strays') => census.reduce((total, one) => total + one[key], 0)
    const moving = ids.filter((id) => partitionOfKey(id, 4) !== partitionOfKey(id, 6)).length
    assert.deepEqual([sum('customers'), sum('moving'), sum('strays')], [ids.length, moving, 1])
    const total = async (count: number, of: typeof mover.sumBefore) => {
      const sums = await all(count, (partition) => of(partition, numbers))
      return sums.reduce((a, b) => ({ count: a.count + b.count, hash: BigInt.asUintN(64, a.hash + b.hash) }))
    }
    const old = await total(4, mover.sumBefore)
    assert.equal(old.count, ids.length + 1)
    for (let round = 0; round < 2; round++) {
      await all(4, (partition) => mover.copy(partition, numbers, () => undefined))
      assert.deepEqual(await total(6, mover.sumAfter), old)
      await all(4, (partition) => mover.clear(partition, numbers))
      assert.deepEqual(await total(6, mover.sumAfter), old)
    }
    const rows = await database.select<{ customer: string; partition: number; n: number; state: string }>(
      "SELECT customer, partition, numbers['n'] AS n, state FROM profiles FINAL WHERE customer != '' AND NOT deleted AND state != 'stray'",
    )
    const found = new Map(rows.map(({ customer, ...row }) => [customer, row]))
    assert.equal(rows.length, ids.length)
    for (const [i, customer] of ids.entries()) {
      const home = partitionOfKey(customer, 6)
      assert.deepEqual({ ...found.get(customer) }, { partition: home, n: i, state: `state ${i}` })
    }
    const erased = await database.select<{ partition: number; before: string }>(
      `SELECT partition, toString(erased_before) AS before FROM profiles FINAL WHERE customer = 'gone' AND erased_before = 8`,
    )
    assert.deepEqual({ ...erased[0] }, { partition: partitionOfKey('gone', 6), before: '8' })
  })
})
