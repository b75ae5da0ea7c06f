import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { ClickHouseClient } from '@clickhouse/client'
import { RowBuffer, type RowChunk } from '../row-binary.ts'
import type { RowWriter } from '../row-writer.ts'
import { StoreError } from '../store-error.ts'
import type { Table } from '../table.ts'
import { connectClickHouse } from './client.ts'
import { createTestDatabase, skip, type TestDatabase, testUrl } from './test-database.ts'
import { startTestProxy, type TestProxy } from './test-proxy.ts'
import { createWriter } from './writer.ts'

const things: Table = { name: 'things', columns: { n: 'UInt32', text: 'String' } }
const others: Table = { name: 'others', columns: { n: 'UInt32', text: 'String' } }

/** One row each. */
function rowsOf(...rows: readonly [n: number, text: string][]): RowChunk {
  const row = new RowBuffer(64)
  for (const [n, text] of rows) {
    row.u32(n)
    row.string(text)
    row.endRow()
  }
  return row.take()
}

describe('the writer', { skip }, () => {
  let database: TestDatabase
  let proxy: TestProxy
  let client: ClickHouseClient
  let writer: RowWriter
  let seen: { stored: number[]; failed: StoreError[]; quarantined: StoreError[]; onFailed: () => void }

  function start(options: { maxPendingBytes?: number; maxInsertBytes?: number; intervalMs?: number } = {}): RowWriter {
    const observer = {
      stored: (_table: string, rows: number) => seen.stored.push(rows),
      failed: (_table: string, error: StoreError) => {
        seen.failed.push(error)
        seen.onFailed()
      },
      quarantined: (_table: string, error: StoreError) => seen.quarantined.push(error),
    }
    return createWriter({ client, observer, maxPendingBytes: 1e6, intervalMs: 20, maxRetryMs: 300, ...options })
  }

  /** Resolves when the next INSERT has failed. */
  function nextFailure(): Promise<void> {
    return new Promise((resolve) => {
      seen.onFailed = resolve
    })
  }

  async function stored(table = 'things'): Promise<number[]> {
    return (await database.select<{ n: number }>(`SELECT n FROM ${table} FINAL ORDER BY n`)).map(({ n }) => n)
  }

  before(async () => {
    database = await createTestDatabase(false)
    const server = connectClickHouse({ ...database.options, database: 'default' })
    await server.command({ query: `CREATE DATABASE ${database.options.database}` })
    await server.close()
    proxy = await startTestProxy(new URL(testUrl as string))
    client = connectClickHouse({ ...database.options, url: proxy.url })
  })
  after(async () => {
    await client.close()
    await proxy.close()
    await database.drop()
  })
  beforeEach(async () => {
    seen = { stored: [], failed: [], quarantined: [], onFailed: () => {} }
    for (const table of ['things', 'others']) {
      await database.client.command({ query: `DROP TABLE IF EXISTS ${table}` })
      await database.client.command({
        query: `CREATE TABLE ${table} (n UInt32, text String, CONSTRAINT good CHECK text != 'poison')
          ENGINE = ReplacingMergeTree ORDER BY n`,
      })
    }
  })
  afterEach(() => writer.stop())

  test('rows of all partitions go into one insert per table, and are there when whenStored resolves', async () => {
    writer = start()
    for (let n = 0; n < 50; n++) writer.write(things, rowsOf([n, 'a'], [n + 100, 'b']))
    writer.write(others, rowsOf([1, 'c']))
    await writer.whenStored()
    assert.equal((await stored()).length, 100)
    assert.deepEqual(await stored('others'), [1])
    assert.deepEqual(seen.stored.sort(), [1, 100])
    assert.equal(writer.pendingBytes, 0)
  })

  test('an insert holds at most maxInsertBytes, and a batch that is full does not wait', async () => {
    writer = start({ maxInsertBytes: 700, intervalMs: 3_600_000 })
    for (let n = 0; n < 10; n++) writer.write(things, rowsOf([n, 'x'.repeat(200)]))
    while (seen.stored.length < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal((await stored()).length, 9)
    assert.deepEqual(seen.stored, [3, 3, 3])
    assert.equal(await writer.flush(10_000), true)
    assert.equal((await stored()).length, 10)
  })

  test('while the server is down the buffer fills and nothing is lost; it drains when the server is back', async () => {
    writer = start({ maxPendingBytes: 3000 })
    await proxy.away()
    const failure = nextFailure()
    for (let n = 0; n < 20; n++) writer.write(things, rowsOf([n, 'x'.repeat(100)]))
    assert.equal(writer.full, false)
    for (let n = 20; n < 40; n++) writer.write(things, rowsOf([n, 'x'.repeat(100)]))
    assert.equal(writer.full, true)
    let drained = false
    const draining = writer.whenDrained().then(() => {
      drained = true
    })
    await failure
    await nextFailure()
    assert.equal(await writer.flush(50), false)
    assert.equal(drained, false)
    assert.equal(writer.pendingBytes, 40 * 105)
    await proxy.back()
    await draining
    assert.equal(writer.full, false)
    await writer.whenStored()
    assert.equal((await stored()).length, 40)
    assert.ok(seen.failed.every((error) => error.code === 'unavailable' && error.retriable))
  })

  test('an insert whose answer was lost is repeated and its rows count once', async () => {
    writer = start()
    proxy.loseAnswers(true)
    const failure = nextFailure()
    writer.write(things, rowsOf([1, 'a'], [2, 'b']))
    await failure
    // The server has the rows, although the client got a reset.
    assert.deepEqual(await stored(), [1, 2])
    proxy.loseAnswers(false)
    await writer.whenStored()
    assert.deepEqual(await stored(), [1, 2])
    assert.deepEqual(seen.quarantined, [])
  })

  test('a poisoned row is singled out, reported without its text, and all others are stored', async () => {
    writer = start()
    writer.write(things, rowsOf([0, 'a'], [1, 'b'], [2, 'poison'], [3, 'c']))
    writer.write(things, rowsOf([4, 'poison']))
    writer.write(things, rowsOf([5, 'd']))
    await writer.whenStored()
    assert.deepEqual(await stored(), [0, 1, 3, 5])
    assert.equal(seen.quarantined.length, 2)
    for (const error of seen.quarantined) {
      assert.deepEqual([error.code, error.serverCode, error.retriable], ['data', 469, false])
      assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /poison/)
      assert.equal(error.cause, undefined)
    }
  })

  test('a row that is cut short does not damage rows of other chunks', async () => {
    writer = start()
    const { bytes, rowEnds } = rowsOf([1, 'abcdef'])
    writer.write(things, rowsOf([0, 'a']))
    writer.write(things, { bytes: bytes.subarray(0, -2), rowEnds: rowEnds.map((end) => end - 2) })
    writer.write(things, rowsOf([2, 'b']))
    await writer.whenStored()
    assert.deepEqual(await stored(), [0, 2])
    assert.equal(seen.quarantined.length, 1)
  })

  test('when all rows are refused, the rows are not the cause: the rest waits until that is fixed', async () => {
    writer = start()
    await database.client.command({ query: 'ALTER TABLE things ADD CONSTRAINT wrong CHECK n > 1000000' })
    const failure = nextFailure()
    writer.write(things, rowsOf(...Array.from({ length: 150 }, (_, n): [number, string] => [n, 'a'])))
    await failure
    assert.equal(seen.quarantined.length, 100)
    await database.client.command({ query: 'ALTER TABLE things DROP CONSTRAINT wrong' })
    await writer.whenStored()
    assert.deepEqual(
      await stored(),
      Array.from({ length: 50 }, (_, n) => n + 100),
    )
  })

  test('rows wait for a missing table', async () => {
    await database.client.command({ query: 'DROP TABLE things' })
    writer = start()
    const failure = nextFailure()
    writer.write(things, rowsOf([1, 'a']))
    await failure
    assert.deepEqual([seen.failed[0]?.code, seen.failed[0]?.serverCode], ['refused', 60])
    await database.client.command({
      query: 'CREATE TABLE things (n UInt32, text String) ENGINE = ReplacingMergeTree ORDER BY n',
    })
    await writer.whenStored()
    assert.deepEqual(await stored(), [1])
  })

  test('stop ends the retries, and waiting for rows that were not stored rejects', async () => {
    writer = start({ maxPendingBytes: 10 })
    await proxy.away()
    const failure = nextFailure()
    writer.write(things, rowsOf([1, 'a'.repeat(20)]))
    const waits = [writer.whenStored(), writer.whenDrained()].map((wait) => assert.rejects(wait, StoreError))
    await failure
    await writer.stop()
    await Promise.all([...waits, assert.rejects(writer.whenStored(), StoreError)])
    await proxy.back()
  })
})
