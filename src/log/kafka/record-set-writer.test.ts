import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Message } from 'kafkajs'
import type { OutRecord } from '../../events/log.ts'
import { ByteWriter } from './byte-writer.ts'
import { readRecordSet } from './record-set.ts'
import { type OutBatch, writeRecordBatch } from './record-set-writer.ts'

// kafkajs's own encoder and decoder are the oracle.
const require = createRequire(import.meta.url)
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0')
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0')
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder')
const Decoder = require('kafkajs/src/protocol/decoder')

async function stockBytes({ records, timeMs, ...fields }: OutBatch): Promise<Buffer> {
  const own = records.map(({ timestampMs = timeMs }) => timestampMs)
  const encoded = records.map((record, offsetDelta) => {
    return encodeRecord({ ...record, offsetDelta, timestampDelta: own[offsetDelta]! - timeMs })
  })
  const times = { firstTimestamp: timeMs, maxTimestamp: Math.max(...own) }
  return (await RecordBatch({ ...fields, ...times, lastOffsetDelta: encoded.length - 1, records: encoded })).buffer
}

function ourBytes(batch: OutBatch): Buffer {
  const to = new ByteWriter()
  writeRecordBatch(to, batch)
  return to.written
}

const producer = {
  timeMs: 1_790_000_000_000,
  transactional: true,
  producerId: 4001,
  producerEpoch: 7,
  firstSequence: 9,
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
/** All characters, including lone surrogates. */
const text = (maxLength: number) => fc.oneof(fc.string({ maxLength }), fc.string({ unit: 'binary', maxLength }))
const headerValue = fc.oneof(text(40), bytes(40))
// kafkajs's decoder thinks that headers with these names exist already.
const headerName = text(30).filter((name) => !(name in Object.prototype))
const record: fc.Arbitrary<OutRecord> = fc.record(
  {
    topic: fc.constant('t'),
    key: fc.option(fc.oneof(text(100), bytes(100))),
    value: fc.option(bytes(300)),
    timestampMs: fc.nat({ max: 2 ** 43 }),
    headers: fc.dictionary(headerName, fc.oneof(headerValue, fc.array(headerValue, { maxLength: 3 })), { maxKeys: 4 }),
  },
  { requiredKeys: ['topic', 'key', 'value', 'headers'] },
)
const batch: fc.Arbitrary<OutBatch> = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 80 }),
  timeMs: fc.nat({ max: 2 ** 43 }),
  transactional: fc.boolean(),
  producerId: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  producerEpoch: fc.nat({ max: 2 ** 15 - 1 }),
  firstSequence: fc.nat({ max: 2 ** 31 - 1 }),
})

test('whatever the records, the bytes are those that kafkajs writes', async () => {
  await fc.assert(
    fc.asyncProperty(batch, async (drawn) => {
      assert.deepEqual(ourBytes(drawn), await stockBytes(drawn))
    }),
  )
})

test('whatever the records, kafkajs’s reader and ours read what was written', async () => {
  await fc.assert(
    fc.asyncProperty(batch, async (drawn) => {
      const wanted = drawn.records.map(({ key, value, headers, timestampMs = drawn.timeMs }, i) => [
        i,
        timestampMs,
        asBytes(key),
        value,
        Object.entries(headers).flatMap(([name, values]) =>
          [values!].flat().map((one) => ({ name: String(Buffer.from(name)), value: asBytes(one) })),
        ),
      ])
      const bytes = ourBytes(drawn)
      const view = await readRecordSet({
        topic: 't',
        partition: 0,
        startOffset: 0,
        untilOffset: Number.POSITIVE_INFINITY,
        highWatermark: 0,
        aborted: [],
        records: bytes,
      })
      const seen = Array.from({ length: view.count }, (_, i) => [
        view.offset(i),
        view.timestamp(i),
        view.key(i),
        view.value(i),
        view.headers(i),
      ])
      assert.deepEqual(seen, wanted)
      const decoded = await decodeBatch(new Decoder(bytes))
      assert.equal(Number(decoded.producerId), drawn.producerId)
      assert.equal(decoded.inTransaction, drawn.transactional)
      assert.deepEqual(
        decoded.records.map((record: Message & { offset: string }) => [
          Number(record.offset),
          Number(record.timestamp),
          record.key,
          record.value,
        ]),
        wanted.map((fields) => fields.slice(0, 4)),
      )
    }),
  )
})

test('it is right at lengths where a varint grows by a byte, for texts and for bytes, up to the largest record', async () => {
  for (const size of [0, 23, 24, 25, 63, 64, 8191, 8192, 2 ** 20 - 1, 2 ** 20]) {
    const records: OutRecord[] = [
      { topic: 't', key: 'k'.repeat(size), value: Buffer.alloc(size, 1), headers: { h: 'é'.repeat(size / 2) } },
      { topic: 't', key: null, value: null, headers: {} },
    ]
    const drawn = { ...producer, records }
    assert.ok(ourBytes(drawn).equals(await stockBytes(drawn)), `${size} bytes`)
  }
})

function asBytes(value: Buffer | string | null | undefined): Buffer | null {
  return typeof value === 'string' ? Buffer.from(value) : (value ?? null)
}
