import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteRange } from '../../events/log.ts'
import { LogError } from '../log.ts'
import { maxBatchBytes, registerCodecs } from './codecs.ts'
import { crc32c } from './crc32c.ts'
import { type FetchedPartition, readRecordSet } from './record-set.ts'

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

/** The batch with the right checksum for its present bytes. */
function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17)
  return batch
}

/** The marker that ends a transaction: a batch of one control record. */
async function marker(offset: number, producerId: number, type: 'abort' | 'commit'): Promise<Buffer> {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const batch = await encode(offset, [{ key, value: Buffer.alloc(6) }], { transactional: true, producerId })
  batch.writeInt16BE(batch.readInt16BE(21) | 0x20, 21)
  return sealed(batch)
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
    // kafkajs thinks that headers with these names exist already; our reader does not.
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
      const [key, value] = [new ByteRange(), new ByteRange()]
      const bytes = ({ bytes, start, end }: ByteRange) => bytes?.subarray(start, end) ?? null
      for (let i = 0; i < batch.count; i++) {
        batch.locate!(i, key, value)
        assert.deepEqual([bytes(key), bytes(value)], [batch.key(i), batch.value(i)])
      }
      assert.equal(batch.nextOffset, offset)
    }),
    { numRuns: 60 },
  )
})

test('records before the start and from the end on are left out', async () => {
  const records = Buffer.concat([
    await encode(10, [one('a'), one('b'), one('c')]),
    await encode(13, [one('d'), one('e')]),
    await encode(15, [one('f')]),
  ])
  assert.deepEqual(await offsetsOf(fetched(records, { startOffset: 11 })), [[11, 12, 13, 14, 15], 16])
  assert.deepEqual(await offsetsOf(fetched(records, { startOffset: 12, untilOffset: 14 })), [[12, 13], 14])
  assert.deepEqual(await offsetsOf(fetched(records, { startOffset: 13, untilOffset: 15 })), [[13, 14], 15])
})

test('a batch that is cut off waits for the next fetch; offsets that compaction removed are passed over', async () => {
  const [first, second] = [await encode(0, [one('a'), one('b')]), await encode(2, [one('c')])]
  const cut = Buffer.concat([first, second]).subarray(0, first.length + second.length - 1)
  assert.deepEqual(await offsetsOf(fetched(cut)), [[0, 1], 2])
  // The batch header still covers offsets up to 9.
  first.writeInt32BE(9, 23)
  assert.deepEqual(await offsetsOf(fetched(sealed(first))), [[0, 1], 10])
  const empty = await encode(20, [one('x')])
  empty.writeInt32BE(0, 57)
  assert.deepEqual(await offsetsOf(fetched(sealed(empty), { startOffset: 20 })), [[], 21])
  const range = { startOffset: 10, untilOffset: 15 }
  assert.deepEqual(await offsetsOf(fetched(empty, range)), [[], 15], 'all of the range is gone')
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
  const view = await readRecordSet(fetched(sealed(records)))
  assert.deepEqual(view.headers(0), [
    { name: '__proto__', value },
    { name: '__proto__', value: null },
  ])
  assert.deepEqual([view.key(0), view.value(0)], [null, null])
})

test('all records have the broker’s time if the topic is set up so', async () => {
  const records = await encode(0, [one('a'), one('b')])
  records.writeInt16BE(records.readInt16BE(21) | 0x08, 21)
  const batch = await readRecordSet(fetched(sealed(records)))
  assert.deepEqual([batch.timestamp(0), batch.timestamp(1)], [5000, 5000])
})

const place = /^the record batch at offset 7 of t, partition 2: /

test('an unreadable batch says where and why: checksum, format, codec, size, or garbage', async () => {
  const good = await encode(7, [one('a'), one('b')])
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }
  const bomb = await encode(7, [{ key: null, value: Buffer.alloc(maxBatchBytes + 1) }], { compression: 1 })
  const cases: [what: string, records: Buffer, code: string, message: RegExp][] = [
    [
      'a byte of a record',
      changed((bytes) => bytes.writeUInt8(bytes.at(-2)! ^ 1, bytes.length - 2)),
      'checksum',
      /bytes/,
    ],
    ['a byte of the header', changed((bytes) => bytes.writeUInt8(bytes[22]! ^ 0x20, 22)), 'checksum', /bytes/],
    ['the checksum', changed((bytes) => bytes.writeUInt8(bytes[17]! ^ 1, 17)), 'checksum', /bytes/],
    ['an older format', changed((bytes) => bytes.writeUInt8(1, 16)), 'unreadable', /format 1/],
    ['a format to come', changed((bytes) => bytes.writeUInt8(3, 16)), 'unreadable', /format 3/],
    ['a codec to come', sealed(changed((bytes) => bytes.writeUInt8(5, 22))), 'unreadable', /codec/],
    ['another codec than its own', sealed(changed((bytes) => bytes.writeUInt8(1, 22))), 'unreadable', /gzip/],
    ['more than the bound', bomb, 'unreadable', /gzip/],
    ['fewer records than it says', sealed(changed((bytes) => bytes.writeInt32BE(3, 57))), 'unreadable', /record/],
    ['a length beyond the response', good.subarray(0, -1), 'unreadable', /beyond/],
    ['a length of nothing', changed((bytes) => bytes.writeInt32BE(0, 8)), 'unreadable', /header/],
    ['less than a header', good.subarray(0, 20), 'unreadable', /beyond/],
    ['only what was before', await encode(5, [one('a')]), 'unreadable', /nothing/],
  ]
  for (const [what, records, code, message] of cases) {
    await assert.rejects(readRecordSet(fetched(records, { startOffset: 7 })), (error: LogError) => {
      assert.equal(error.code, code, what)
      assert.match(error.message, place, what)
      assert.match(error.message, message, what)
      return true
    })
    // The records before it are read, and the next fetch begins with it.
    const before = await encode(5, [one('x'), one('y')])
    const both = Buffer.concat([before, records])
    assert.deepEqual(await offsetsOf(fetched(both, { startOffset: 5 })), [[5, 6], 7], what)
  }
})

async function someBatches(): Promise<Buffer[]> {
  return [
    await encode(0, [one('a'), { key: null, value: null, headers: { h: Buffer.from('x') } }]),
    await encode(2, [one('b'), one('c')], { compression: 1 }),
    await encode(4, [one('d')], { compression: 2 }),
    await encode(5, [one('e')], { compression: 3 }),
  ]
}

/** The records before the fault; none if the fault is in the first. */
async function keysOf(records: Buffer): Promise<(string | undefined)[]> {
  try {
    const batch = await readRecordSet(fetched(records))
    return Array.from({ length: batch.count }, (_, i) => batch.key(i)?.toString())
  } catch (error) {
    assert.ok(error instanceof LogError && ['unreadable', 'checksum'].includes(error.code), String(error))
    return []
  }
}

test('a batch with a changed byte is never read, nor is what comes after it', async () => {
  const batches = await someBatches()
  const clean = Buffer.concat(batches)
  const all = await keysOf(clean)
  const counts = [0, 2, 4, 5]
  let start = 0
  for (const [i, batch] of batches.entries()) {
    for (let at = 8; at < batch.length; at++) {
      if (at >= 12 && at < 16) continue // the leader's epoch, which nobody reads
      const records = Buffer.from(clean)
      records[start + at]! ^= 1 << (at % 8)
      assert.deepEqual(await keysOf(records), all.slice(0, counts[i]), `byte ${at} of batch ${i}`)
    }
    start += batch.length
  }
})

test('bytes that a producer wrote wrong are unreadable: no other error, no endless loop, no byte from outside', async () => {
  const batches = await someBatches()
  const clean = Buffer.concat(batches)
  const mutation = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 1000 }), fc.integer({ min: 0, max: 255 }))
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
      const made = batches.map((batch) => Buffer.from(batch))
      for (const [i, at, byte] of mutations) made[i]![21 + (at % (made[i]!.length - 21))] = byte
      try {
        const batch = await readRecordSet(fetched(Buffer.concat(made.map(sealed))))
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
