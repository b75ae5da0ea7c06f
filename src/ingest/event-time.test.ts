import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Event } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { compileDecoder } from './decode.ts'
import { parseTime, type TimeUnit } from './event-time.ts'
import { compileIngest } from './ingest.ts'
import { defaultMapping, type FieldMapping } from './mapping.ts'
import { Rejected } from './rejected.ts'

const hourMs = 3_600_000
const happenedMs = Date.UTC(2026, 2, 1, 12)

/** What the first stage makes of a record: the event time, or why it is a dead letter. */
function ingested(value: Buffer, format: 'json' | 'avro', schema?: string, mapping: FieldMapping = defaultMapping) {
  const decoder = compileDecoder({ format, mapping, ...(schema && { schema }) })
  assert.ok(!(decoder instanceof Rejected))
  const topics = new Map([['t', { decoder, keyIsCustomer: false, tombstones: 'skip' as const }]])
  const ingest = compileIngest({ topics, correctClockSkew: true, futureMs: hourMs, refusesNegativeQuantity: false })
  const batch = {
    topic: 't',
    partition: 0,
    offset: () => 0,
    key: () => null,
    value: () => value,
  } as unknown as RecordBatch
  const outcome = ingest(batch, 0, happenedMs + 24 * hourMs)
  return outcome instanceof Event ? outcome.timeMs : outcome instanceof Rejected ? outcome.reason : 'neither'
}

const inJson = (times: object) => ingested(Buffer.from(JSON.stringify({ type: 'page', userId: 'u', ...times })), 'json')

const fields = ['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt'] as const
const schema = JSON.stringify({
  type: 'record',
  name: 'E',
  fields: [
    ...['userId', 'type'].map((name) => ({ name, type: 'string' })),
    ...fields.map((name) => ({ name, type: ['null', 'long', 'string'] })),
  ],
})
function inAvro(times: Readonly<Partial<Record<(typeof fields)[number], number | string>>>) {
  const text = (of: string) => [long(BigInt(Buffer.byteLength(of))), Buffer.from(of)]
  const parts = fields.flatMap((name) => {
    const time = times[name]
    if (time === undefined) return [long(0n)]
    return typeof time === 'number' ? [long(1n), long(BigInt(time))] : [long(2n), ...text(time)]
  })
  return ingested(Buffer.concat([...text('u'), ...text('page'), ...parts]), 'avro', schema)
}
function long(value: bigint): Buffer {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128)
  return Buffer.from([...bytes, Number(left)])
}

test('one rule gives the event time, whichever of the four times is missing or unreadable', () => {
  // The client's clock is 25 h behind, the event waited for 5 s, and the collector has corrected `timestamp`.
  const skewMs = -25 * hourMs
  const original = happenedMs + skewMs
  const sentAt = original + 5_000
  const receivedAt = happenedMs + 5_000
  const odd = fc.constantFrom('yesterday', 12, 9e15, '2026-13-01')
  const state = fc.constantFrom('good', 'missing', 'odd')
  fc.assert(
    fc.property(state, state, state, state, odd, (timestamp, originalTimestamp, sent, received, unreadable) => {
      const given = (which: string, ms: number) => (which === 'good' ? ms : which === 'odd' ? unreadable : undefined)
      const canCorrect = sent === 'good' && received === 'good'
      // Where no original time was sent, `timestamp` is the client's own.
      const isCorrected = originalTimestamp !== 'missing'
      const times = {
        timestamp: given(timestamp, isCorrected ? happenedMs : original),
        originalTimestamp: given(originalTimestamp, original),
        sentAt: given(sent, sentAt),
        receivedAt: given(received, receivedAt),
      }
      const wanted =
        originalTimestamp === 'good'
          ? canCorrect || timestamp === 'good'
            ? happenedMs
            : original
          : timestamp !== 'good'
            ? 'bad_time'
            : isCorrected || canCorrect
              ? happenedMs
              : original
      assert.equal(inJson(times), wanted, JSON.stringify(times))
      assert.equal(inAvro(JSON.parse(JSON.stringify(times))), wanted, JSON.stringify(times))
    }),
  )
})

test('a time with a wrong type counts as unreadable', () => {
  for (const odd of [{ at: 1 }, [1], true]) {
    assert.equal(inJson({ timestamp: odd }), 'bad_time')
    assert.equal(inJson({ timestamp: happenedMs, originalTimestamp: odd, sentAt: odd, receivedAt: odd }), happenedMs)
    assert.equal(inJson({ timestamp: odd, originalTimestamp: happenedMs }), happenedMs)
  }
})

test('a time may be a number or its digits in any unit, or a text as programs write it', () => {
  const cases: readonly (readonly [text: string, unit: TimeUnit])[] = [
    ['1772366400123', 'ms'],
    ['1772366400123.9', 'ms'],
    ['1772366400.123', 's'],
    ['1772366400123456', 'us'],
    ['1772366400123456789', 'ns'],
    ['1772366400123999999', 'ns'],
    ['2026-03-01 12:00:00.123456789 UTC', 'ms'],
    ['2026-03-01T17:30:00.123+0530', 'ns'],
    ['2026-03-01T12:00:00.123Z', 'iso'],
  ]
  for (const [text, unit] of cases) assert.equal(parseTime(text, unit), 1_772_366_400_123, `${text} in ${unit}`)
  assert.equal(parseTime('', 'ms'), 0)
  for (const text of ['1772366400123', '1e12']) assert.ok(Number.isNaN(parseTime(text, 'iso')))
  for (const text of ['-1', '1e12', '0x10', '1'.repeat(30), '1772366400123Z'])
    assert.ok(Number.isNaN(parseTime(text, 'ms')), text)
})

test('nanoseconds are read to the ms, as the event time and as a plain property, and never make a dead letter', () => {
  const record = (time: object | string, loaded: object) =>
    JSON.stringify({
      type: 'record',
      name: 'E',
      fields: [
        { name: 'userId', type: 'string' },
        { name: 'type', type: 'string' },
        { name: 'timestamp', type: time },
        { name: 'loadedAt', type: loaded },
      ],
    })
  const nanos = { type: 'long', logicalType: 'timestamp-nanos' }
  const mapping = { ...defaultMapping, time: { from: 'timestamp', unit: 'ns' } } as const
  fc.assert(
    fc.property(fc.bigInt({ min: 946_684_800_000_000_000n, max: 1_772_366_400_000_000_000n }), (ns) => {
      const bytes = Buffer.concat([long(1n), Buffer.from('u'), long(1n), Buffer.from('p'), long(ns), long(-ns)])
      const ms = Number(ns / 1_000_000n)
      assert.equal(ingested(bytes, 'avro', record(nanos, nanos)), ms)
      assert.equal(ingested(bytes, 'avro', record('long', nanos), mapping), ms)
      const decoder = compileDecoder({
        format: 'avro',
        schema: record(nanos, { ...nanos, logicalType: 'local-timestamp-nanos' }),
      })
      assert.ok(!(decoder instanceof Rejected))
      const event = decoder.decode(bytes, 0)
      assert.equal(
        event instanceof Event && event.properties.get('loadedAt'),
        Number(-ns % 1_000_000n === 0n ? -ns / 1_000_000n : -ns / 1_000_000n - 1n),
      )
      const text = JSON.stringify({ type: 'page', userId: 'u', timestamp: String(ns) })
      assert.equal(ingested(Buffer.from(text), 'json', undefined, mapping), ms)
    }),
  )
  assert.equal(
    ingested(Buffer.from('{"type":"page","userId":"u","timestamp":1772366400123456789}'), 'json', undefined, mapping),
    1_772_366_400_123,
  )
})
