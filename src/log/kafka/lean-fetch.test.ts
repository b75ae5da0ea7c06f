import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import type { Cluster } from 'kafkajs'
import { LogError } from '../log.ts'
import { leanResult, useLeanFetch } from './lean-fetch.ts'

// The request and response definitions that a broker object looks up; a kafkajs of another build fails here first.
const require = createRequire(import.meta.url)
const { lookup, requests } = require('kafkajs/src/protocol/requests')
const Encoder = require('kafkajs/src/protocol/encoder')
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0')
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0')

const fetchApi = 1
const asked = { topics: [{ topic: 't', partitions: [{ partition: 4, fetchOffset: '10', maxBytes: 1 }] }] }

/** How a fetch goes with a broker of that highest version, after our wrapping. */
async function exchangeWith(maxVersion: number, onBounds?: (...bounds: unknown[]) => void) {
  const broker = { lookupRequest: lookup({ [fetchApi]: { minVersion: 0, maxVersion } }) }
  const cluster = { findBroker: async () => broker } as unknown as Cluster
  useLeanFetch(cluster, onBounds)
  await cluster.findBroker({ nodeId: '1' })
  await cluster.findBroker({ nodeId: '1' })
  return broker.lookupRequest(fetchApi, requests.Fetch)({ ...asked, maxWaitTime: 1, minBytes: 1, maxBytes: 1 })
}

/** A response of one partition, versions 4 and 11. */
async function response(version: number, records: Buffer, errorCode = 0): Promise<Buffer> {
  const partition = new Encoder().writeInt32(4).writeInt16(errorCode).writeInt64(77).writeInt64(70)
  if (version === 11) partition.writeInt64(0)
  partition.writeArray([])
  if (version === 11) partition.writeInt32(-1)
  partition.writeBytes(records)
  const body = new Encoder().writeInt32(0)
  if (version === 11) body.writeInt16(0).writeInt32(0)
  return body.writeArray([new Encoder().writeString('t').writeArray([partition])]).buffer
}

async function records(): Promise<Buffer> {
  const encoded = ['a', 'b', 'c'].map((key, offsetDelta) =>
    encodeRecord({ offsetDelta, key: Buffer.from(key), value: null }),
  )
  const batch = { firstOffset: 9, lastOffsetDelta: 2, records: encoded }
  return (await RecordBatch(batch)).buffer
}

test('version 11 is read by our reader: the view travels on one message, whose offset is the last one', async () => {
  const heard: unknown[] = []
  const { request, response: reader } = await exchangeWith(12, (...bounds) => heard.push(bounds))
  assert.equal(request.apiVersion, 11)
  const decoded = await reader.parse(await reader.decode(await response(11, await records())))
  const [part] = decoded.responses[0].partitions
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

test('an error of the brokers is kafkajs’s to tell', async () => {
  const { response: reader } = await exchangeWith(11)
  await assert.rejects(async () => reader.parse(await reader.decode(await response(11, Buffer.alloc(0), 6))), {
    type: 'NOT_LEADER_FOR_PARTITION',
  })
})

test('what can’t be read is told for its partition alone', async () => {
  const { response: reader } = await exchangeWith(11)
  const damaged = await records()
  damaged[damaged.length - 1]! ^= 1
  const answers = [await response(11, damaged), await response(11, Buffer.alloc(0), 2)]
  for (const bytes of answers) {
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
  const old = await exchangeWith(4)
  const decoded = await old.response.decode(await response(4, await records()))
  assert.equal(decoded.responses[0].partitions[0].messages.length, 3)
  assert.equal(leanResult(decoded.responses[0].partitions[0]), undefined)
})

test('a kafkajs that works otherwise is left as it is', async () => {
  const broker = {}
  const cluster = { findBroker: async () => broker } as unknown as Cluster
  useLeanFetch(cluster)
  assert.equal(await cluster.findBroker({ nodeId: '1' }), broker)
})
