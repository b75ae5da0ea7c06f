import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { Slice } from '../../events/log.ts'
import { LogError } from '../log.ts'
import { maxBatchBytes, registerCodecs } from './codecs.ts'
import { type FetchedPartition, isRecordSet, readRecordSet } from './record-set.ts'

// kafkajs's own encoder and decoder are the oracle.
const require = createRequire(import.meta.url)
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0')
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0')
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder')
const Decoder = require('kafkajs/src/protocol/decoder')
await registerCodecs()

interface TestRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Record<string, Buffer>
  readonly timestampDelta?: number
}

interface BatchFields {
  readonly compression?: number
  readonly transactional?: boolean
  readonly producerId?: number
  readonly firstTimestamp?: number
}

async function encode(firstOffset: number, records: readonly TestRecord[], fields: BatchFields = {}): Promise<Buffer> {
  const encoded = records.map((record, offsetDelta) => encodeRecord({ ...record, offsetDelta }))
  const { buffer } = await RecordBatch({
    ...fields,
    firstOffset,
    lastOffsetDelta: records.length - 1,
    maxTimestamp: 5000,
    records: encoded,
  })
  return buffer
}

/** The marker that ends a transaction: a batch of one control record. */
async function marker(offset: number, producerId: number, type: 'abort' | 'commit'): Promise<Buffer> {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const batch = await encode(offset, [{ key, value: Buffer.alloc(6) }], { transactional: true, producerId })
  batch.writeInt16BE(batch.readInt16BE(21) | 0x20, 21)
  return batch
}

function fetched(records: Buffer, more: Partial<FetchedPartition> = {}): FetchedPartition {
  const untilOffset = Number.POSITIVE_INFINITY
  return { topic: 't', partition: 2, startOffset: 0, untilOffset, highWatermark: 99, aborted: [], records, ...more }
}

async function offsetsOf(part: FetchedPartition): Promise<[number[], number]> {
  const batch = await readRecordSet(part)
  return [Array.from({ length: batch.count }, (_, i) => batch.offset(i)), batch.nextOffset]
}

const one = (key: string): TestRecord => ({ key: Buffer.from(key), value: Buffer.from('v') })

test('whatever the records, kafkajs reads the same, in every codec that it can write', async () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)))
  const header = fc.tuple(
    // kafkajs takes these for headers that are there already; ours does not.
    fc.string({ maxLength: 9 }).filter((name) => !(name in Object.prototype)),
    fc.uint8Array({ maxLength: 9 }).map((array) => Buffer.from(array)),
  )
  const record = fc.record({
    key: bytes,
    value: bytes,
    headers: fc.array(header, { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as Record<string, Buffer>),
    timestampDelta: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  })
  const batches = fc.array(fc.tuple(fc.constantFrom(0, 1, 2, 3), fc.array(record, { minLength: 1, maxLength: 20 })), {
    minLength: 1,
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(batches, fc.nat({ max: 2 ** 40 }), async (drawn, base) => {
      const wanted: unknown[] = []
      const parts: Buffer[] = []
      let offset = base
      for (const [compression, records] of drawn) {
        const part = await encode(offset, records, { compression, firstTimestamp: 1_700_000_000_000 })
        parts.push(part)
        for (const message of (await decodeBatch(new Decoder(part))).records) {
          const headers = Object.entries(message.headers).map(([name, value]) => ({ name, value }))
          wanted.push([Number(message.offset), Number(message.timestamp), message.key, message.value, headers])
        }
        offset += records.length
      }
      const batch = await readRecordSet(fetched(Buffer.concat(parts), { startOffset: base }))
      const seen = Array.from({ length: batch.count }, (_, i) => [
        batch.offset(i),
        batch.timestamp(i),
        batch.key(i),
        batch.value(i),
        batch.headers(i),
      ])
      assert.deepEqual(seen, wanted)
      const [key, value] = [new Slice(), new Slice()]
      const bytes = ({ bytes, start, end }: Slice) => bytes?.subarray(start, end) ?? null
      for (let i = 0; i < batch.count; i++) {
        batch.locate!(i, key, value)
        assert.deepEqual([bytes(key), bytes(value)], [batch.key(i), batch.value(i)])
      }
      assert.equal(batch.nextOffset, offset)
    }),
    { numRuns: 60 },
  )
})

test('only what was asked for: records before the start and from the end on are left out', async () => {
  const records = Buffer.concat([
    await encode(10, [one('a'), one('b'), one('c')]),
    await encode(13, [one('d'), one('e')]),
    await encode(15, [one('f')]),
  ])
  assert.deepEqual(await offsetsOf(fetched(records, { startOffset: 11 })), [[11, 12, 13, 14, 15], 16])
  assert.deepEqual(await offsetsOf(fetched(records, { startOffset: 12, untilOffset: 14 })), [[12, 13], 14])
  assert.deepEqual(await offsetsOf(fetched(records, { startOffset: 13, untilOffset: 15 })), [[13, 14], 15])
})

test('a batch that is cut off waits for the next fetch; compaction moves on past offsets that are gone', async () => {
  const [first, second] = [await encode(0, [one('a'), one('b')]), await encode(2, [one('c')])]
  const cut = Buffer.concat([first, second]).subarray(0, first.length + second.length - 1)
  assert.deepEqual(await offsetsOf(fetched(cut)), [[0, 1], 2])
  // The batch header still covers offsets up to 9.
  first.writeInt32BE(9, 23)
  assert.deepEqual(await offsetsOf(fetched(first)), [[0, 1], 10])
  const empty = await encode(20, [one('x')])
  empty.writeInt32BE(0, 57)
  assert.deepEqual(await offsetsOf(fetched(empty, { startOffset: 20 })), [[], 21])
})

test('aborted transactions are left out, committed ones of the same producer are not; markers never show', async () => {
  const inTransaction = (producerId: number) => ({ transactional: true, producerId })
  const records = Buffer.concat([
    await encode(0, [one('7 aborts')], inTransaction(7)),
    await encode(1, [one('8 commits')], inTransaction(8)),
    await encode(2, [one('not transactional, of the same producer id')], { producerId: 7 }),
    await encode(3, [one('7 aborts')], inTransaction(7)),
    await marker(4, 7, 'abort'),
    await encode(5, [one('7 commits'), one('7 commits')], inTransaction(7)),
    await marker(7, 8, 'commit'),
    await marker(8, 7, 'commit'),
    await encode(9, [one('7 aborts again')], inTransaction(7)),
    await marker(10, 7, 'abort'),
  ])
  const aborted = [
    { producerId: 7, firstOffset: 0 },
    { producerId: 7, firstOffset: 9 },
  ]
  assert.deepEqual(await offsetsOf(fetched(records, { aborted })), [[1, 2, 5, 6], 11])
})

test('headers of any name, repeated ones and null values are kept in order', async () => {
  const [name, value] = [Buffer.from('__proto__'), Buffer.from('x')]
  // Length, attributes, time and offset deltas, null key, null value, two headers.
  const head = Buffer.from([0, 0, 0, 0, 1, 1, 4])
  const first = Buffer.concat([Buffer.from([18]), name, Buffer.from([2]), value])
  const second = Buffer.concat([Buffer.from([18]), name, Buffer.from([1])])
  const record = Buffer.concat([head, first, second])
  record[0] = (record.length - 1) * 2
  const batch = await encode(0, [one('to be replaced')])
  const records = Buffer.concat([batch.subarray(0, 61), record])
  records.writeInt32BE(records.length - 12, 8)
  const view = await readRecordSet(fetched(records))
  assert.deepEqual(view.headers(0), [
    { name: '__proto__', value },
    { name: '__proto__', value: null },
  ])
  assert.deepEqual([view.key(0), view.value(0)], [null, null])
})

test('the broker’s time stands for all records where the topic says so', async () => {
  const records = await encode(0, [one('a'), one('b')])
  records.writeInt16BE(records.readInt16BE(21) | 0x08, 21)
  const batch = await readRecordSet(fetched(records))
  assert.deepEqual([batch.timestamp(0), batch.timestamp(1)], [5000, 5000])
})

test('older formats are told apart', async () => {
  const records = await encode(0, [one('a')])
  assert.ok(isRecordSet(records))
  assert.ok(isRecordSet(Buffer.alloc(0)))
  records[16] = 1
  assert.ok(!isRecordSet(records))
})

test('a batch that unpacks to more than the bound is unreadable', async () => {
  const records = await encode(0, [{ key: null, value: Buffer.alloc(maxBatchBytes + 1) }], { compression: 1 })
  await assert.rejects(readRecordSet(fetched(records)), { name: 'LogError', code: 'unreadable' })
})

test('corrupt bytes are unreadable: no other error, no endless loop, no byte from outside', async () => {
  const clean = Buffer.concat([
    await encode(0, [one('a'), { key: null, value: null, headers: { h: Buffer.from('x') } }]),
    await encode(2, [one('b'), one('c')], { compression: 1 }),
    await encode(4, [one('d')], { compression: 2 }),
    await encode(5, [one('e')], { compression: 3 }),
  ])
  const mutation = fc.tuple(fc.nat({ max: clean.length - 1 }), fc.integer({ min: 0, max: 255 }))
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
      const records = Buffer.from(clean)
      for (const [at, byte] of mutations) records[at] = byte
      if (!isRecordSet(records)) return
      try {
        const batch = await readRecordSet(fetched(records))
        for (let i = 0; i < batch.count; i++) {
          const size = (batch.key(i)?.length ?? 0) + (batch.value(i)?.length ?? 0) + batch.headers(i).length
          assert.ok(size <= 3 * clean.length)
        }
      } catch (error) {
        assert.ok(error instanceof LogError && error.code === 'unreadable', String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
