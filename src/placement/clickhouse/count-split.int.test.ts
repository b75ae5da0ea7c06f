import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createTestDatabase, skip, type TestDatabase } from '../../store/clickhouse/test-database.ts'
import { countSplitCustomers } from './count-split.ts'

describe('customers in two partitions', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database.drop())

  test('those with profiles of the last hour in two partitions are counted, once each', async () => {
    const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
    const rows = [
      [0, 'split', 1, false, ago(0)],
      [0, 'split', 2, false, ago(0)],
      [3, 'split', 1, false, ago(0)],
      [4, 'split', 1, false, ago(0)],
      [0, 'also', 1, false, ago(0)],
      [1, 'also', 1, false, ago(1_800)],
      [0, 'at home', 1, false, ago(0)],
      [0, 'at home', 2, false, ago(0)],
      [0, 'moved', 1, false, ago(7_200)],
      [1, 'moved', 1, false, ago(0)],
      [0, 'erased here', 1, true, ago(0)],
      [1, 'erased here', 1, false, ago(0)],
      [0, '', 1, false, ago(0)],
      [1, '', 1, false, ago(0)],
    ]
    await database.client.insert({
      table: 'profiles',
      columns: ['partition', 'customer', 'version', 'deleted', 'updated_at'],
      values: rows,
      format: 'JSONCompactEachRow',
    })
    assert.equal(await countSplitCustomers(database.client), 2)

    // All moved at position 1: what is of then or before is where it was, or a copy.
    await database.client.insert({
      table: 'profiles',
      values: [
        { partition: 0, version: 1, state: '{"moved":{"position":1}}' },
        { partition: 0, customer: 'since', version: 2 },
        { partition: 1, customer: 'since', version: 3 },
      ],
      format: 'JSONEachRow',
    })
    assert.equal(await countSplitCustomers(database.client), 1)
  })
})
