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

  test('those of one topic with profiles of the last hour in two partitions are counted, once each', async () => {
    const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
    const rows = [
      ['shop', 0, 'split', 1, false, ago(0)],
      ['shop', 0, 'split', 2, false, ago(0)],
      ['shop', 3, 'split', 1, false, ago(0)],
      ['shop', 4, 'split', 1, false, ago(0)],
      ['shop', 0, 'also', 1, false, ago(0)],
      ['shop', 1, 'also', 1, false, ago(1_800)],
      ['shop', 0, 'at home', 1, false, ago(0)],
      ['shop', 0, 'at home', 2, false, ago(0)],
      ['shop', 0, 'moved', 1, false, ago(7_200)],
      ['shop', 1, 'moved', 1, false, ago(0)],
      ['shop', 0, 'erased here', 1, true, ago(0)],
      ['shop', 1, 'erased here', 1, false, ago(0)],
      ['shop', 0, '', 1, false, ago(0)],
      ['shop', 1, '', 1, false, ago(0)],
      ['taps', 1, 'at home', 1, false, ago(0)],
      ['not ours', 0, 'x', 1, false, ago(0)],
      ['not ours', 1, 'x', 1, false, ago(0)],
    ]
    await database.client.insert({
      table: 'profiles',
      columns: ['topic', 'partition', 'customer', 'version', 'deleted', 'updated_at'],
      values: rows,
      format: 'JSONCompactEachRow',
    })
    assert.deepEqual(await countSplitCustomers(database.client, ['shop', 'taps']), new Map([['shop', 2]]))
  })
})
