import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import type { Cluster } from 'kafkajs'
import { LogError } from '../log.ts'
import { ByteWriter } from './byte-writer.ts'
import { KnownLogs } from './known-logs.ts'
import { leanResult, useLeanFetch } from './lean-fetch.ts'

// The request and response definitions that a broker object looks up; a kafkajs of another build fails here first.
const require = createRequire(import.meta.url)
const { lookup, requests } = require('kafkajs/src/protocol/requests')
const Encoder = require('kafkajs/src/protocol/encoder')
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0')
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0')

const fetchApi = 1
const id = '0123456789abcdef0123456789abcdef'
const asked = {
  maxWaitTime: 1,
  minBytes: 1,
  maxBytes: 1,
  isolationLevel: 1,
  topics: [{ topic: 't', partitions: [{ partition: 4, fetchOffset: '10', maxBytes: 1 }] }],
}

/** The exchange for a fetch, after our wrapping, with a broker whose highest version is this. */
async function exchangeWith(maxVersion: number, onBounds?: (...bounds: unknown[]) => void, logs = knownLogs()) {
  const broker = { lookupRequest: lookup({ [fetchApi]: { minVersion: 0, maxVersion } }) }
  const cluster = { findBroker: async () => broker } as unknown as Cluster
  useLeanFetch(cluster, onBounds, logs)
  await cluster.findBroker({ nodeId: '1' })
  await cluster.findBroker({ nodeId: '1' })
  return (args = asked) => broker.lookupRequest(fetchApi, requests.Fetch)(args)
}

function knownLogs(): KnownLogs {
  const logs = new KnownLogs()
  logs.add([{ topic: 't', id, partitions: 5 }])
  return logs
}

interface Part {
  readonly errorCode?: number
  /** Where the log differs from what was read. */
  readonly divergesAt?: number
}

/** A response of one partition: Fetch 13. */
function response(records: Buffer, { errorCode = 0, divergesAt }: Part = {}): Buffer {
  const to = new ByteWriter()
  to.uvarint(0)
  to.int32(0)
  to.int16(0)
  to.int32(0)
  to.uvarint(2)
  to.uuid(id)
  to.uvarint(2)
  to.int32(4)
  to.int16(errorCode)
  for (const offset of [77, 70, 0]) to.int64(offset)
  to.uvarint(0) // null: none aborted
  to.int32(-1)
  to.uvarint(records.length + 1)
  to.raw(records)
  if (divergesAt === undefined) to.uvarint(0)
  else {
    to.uvarint(1)
    to.uvarint(0)
    to.uvarint(13)
    to.int32(2)
    to.int64(divergesAt)
    to.uvarint(0)
  }
  for (const tags of [0, 0]) to.uvarint(tags)
  return to.written
}

async function records(leaderEpoch = 0): Promise<Buffer> {
  const encoded = ['a', 'b', 'c'].map((key, offsetDelta) =>
    encodeRecord({ offsetDelta, key: Buffer.from(key), value: null }),
  )
  const batch = { firstOffset: 9, lastOffsetDelta: 2, records: encoded }
  const bytes: Buffer = (await RecordBatch(batch)).buffer
  bytes.writeInt32BE(leaderEpoch, 12)
  return bytes
}

test('a fetch is read by our reader: the view travels on one message, whose offset is the last one', async () => {
  const heard: unknown[] = []
  const fetch = await exchangeWith(12, (...bounds) => heard.push(bounds))
  const { request, response: reader } = fetch()
  assert.deepEqual([request.apiKey, request.apiVersion], [fetchApi, 13])
  const decoded = await reader.parse(await reader.decode(response(await records())))
  const [part] = decoded.responses[0].partitions
  assert.equal(decoded.responses[0].topicName, 't')
  assert.equal(part.partition, 4)
  assert.equal(part.highWatermark, '77')
  assert.deepEqual(heard, [['t/4', 70, 77]])
  assert.deepEqual(
    part.messages.map(({ offset }: { offset: string }) => offset),
    ['11'],
  )
  const view = leanResult(part)
  assert.ok(view !== undefined && !(view instanceof Error))
  assert.deepEqual([view.topic, view.startOffset, view.nextOffset, view.count], ['t', 10, 12, 2])
  assert.deepEqual([String(view.key(0)), view.offset(0)], ['b', 10])
})

test('the next fetch has the epoch of the last batch, and so does one that asks for the same batch again', async () => {
  const fetch = await exchangeWith(12)
  /** The epoch comes after the partition, the leader's epoch and the offset, and before the log start, bytes and tags. */
  const epochOf = async ({ request }: ReturnType<typeof fetch>) => (await request.encode()).buffer.readInt32BE(60)
  const from = (fetchOffset: string) => ({
    ...asked,
    topics: [{ topic: 't', partitions: [{ partition: 4, fetchOffset, maxBytes: 1 }] }],
  })
  assert.equal(await epochOf(fetch()), -1)
  await fetch().response.decode(response(await records(6)))
  assert.equal(await epochOf(fetch(from('12'))), 6)
  assert.equal(await epochOf(fetch(from('11'))), -1, 'of a place that was never come to nothing is known')
  const later = await records(8)
  later.writeInt32BE(12, 4)
  await fetch(from('12')).response.decode(response(later))
  assert.equal(await epochOf(fetch(from('15'))), 8)
  assert.equal(await epochOf(fetch(from('12'))), 6)
})

test('kafkajs throws other errors of the brokers', async () => {
  const { response: reader } = (await exchangeWith(11))()
  await assert.rejects(async () => reader.parse(await reader.decode(response(Buffer.alloc(0), { errorCode: 6 }))), {
    type: 'NOT_LEADER_FOR_PARTITION',
  })
})

for (const [what, part, code] of [
  ['an offset that is not there', { errorCode: 1 }, 'out_of_range'],
  ['a topic that is gone', { errorCode: 100 }, 'unknown_topic'],
  ['a log that differs from what was read', { divergesAt: 7 }, 'diverged'],
] as const) {
  test(`we report ${what}, since kafkajs would silently start anew`, async () => {
    const { response: reader } = (await exchangeWith(12))()
    const decoded = await reader.parse(await reader.decode(response(Buffer.alloc(0), part)))
    const error = leanResult(decoded.responses[0].partitions[0])
    assert.ok(error instanceof LogError)
    assert.equal(error.code, code)
  })
}

test('a topic with an unknown id is not asked for by its name', async () => {
  const { request } = (await exchangeWith(12, undefined, new KnownLogs()))()
  await assert.rejects(request.encode(), { code: 'unknown_topic' })
})

test('unreadable records are reported for their partition alone', async () => {
  const { response: reader } = (await exchangeWith(11))()
  const damaged = await records()
  damaged[damaged.length - 1]! ^= 1
  for (const bytes of [response(damaged), response(Buffer.alloc(0), { errorCode: 2 })]) {
    const [part] = (await reader.parse(await reader.decode(bytes))).responses[0].partitions
    assert.deepEqual(
      part.messages.map(({ offset }: { offset: string }) => offset),
      ['10'],
    )
    const failure = leanResult(part)
    assert.ok(failure instanceof LogError && failure.code === 'checksum')
    assert.match(failure.message, /offset 10/)
  }
})

test('another version is left to kafkajs', async () => {
  const old = (await exchangeWith(4))()
  assert.equal(old.request.apiVersion, 4)
  const partition = new Encoder().writeInt32(4).writeInt16(0).writeInt64(77).writeInt64(70).writeArray([])
  partition.writeBytes(await records())
  const body = new Encoder().writeInt32(0).writeArray([new Encoder().writeString('t').writeArray([partition])])
  const decoded = await old.response.decode(body.buffer)
  assert.equal(decoded.responses[0].partitions[0].messages.length, 3)
  assert.equal(leanResult(decoded.responses[0].partitions[0]), undefined)
})

test('a kafkajs that works differently is left as it is', async () => {
  const broker = {}
  const cluster = { findBroker: async () => broker } as unknown as Cluster
  useLeanFetch(cluster)
  assert.equal(await cluster.findBroker({ nodeId: '1' }), broker)
})
