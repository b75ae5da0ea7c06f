import '../quiet-queue.ts'
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import type { Broker } from 'kafkajs'
import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Answered, Request } from './request.ts'
import { send } from './send.ts'

// A broker object as kafkajs makes it, connected to a server that answers what the test wants.
const require = createRequire(import.meta.url)
const BrokerObject = require('kafkajs/src/broker')
const ConnectionPool = require('kafkajs/src/network/connectionPool')
const createSocket = require('kafkajs/src/network/socketFactory')

interface Text extends Answered {
  readonly text: string
}

const echo: Request<string, Text> = {
  name: 'Echo',
  api: 99,
  version: 2,
  encode(text) {
    const to = new ByteWriter()
    to.string(text)
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    return { throttleMs: from.int32(), text: from.string() }
  },
}

const sockets = new Set<Socket>()
/** Answers with the text that it was sent, except `close` and `short`; notes what it was sent. */
const heard: unknown[] = []
const server = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    for (let at = 0; at < data.length; ) {
      const size = data.readInt32BE(at)
      const from = new ByteReader(data.subarray(at + 4, at + 4 + size))
      at += 4 + size
      const [api, version, correlation, client, text] = [
        from.int16(),
        from.int16(),
        from.int32(),
        from.string(),
        from.string(),
      ]
      heard.push([api, version, client, text])
      if (text === 'close') return socket.destroy()
      const answer = new ByteWriter()
      answer.int32(0)
      answer.int32(correlation)
      answer.int32(0)
      if (text !== 'short') answer.string(text)
      answer.written.writeInt32BE(answer.length - 4, 0)
      socket.write(answer.written)
    }
  })
})

const noLogger: object = { debug() {}, info() {}, warn() {}, error() {}, namespace: () => noLogger }

function brokerObject(versions: object | null): Broker {
  const { port } = server.address() as { port: number }
  const settings = {
    host: '127.0.0.1',
    port,
    clientId: 'us',
    logger: noLogger,
    socketFactory: createSocket(),
    connectionTimeout: 1000,
    requestTimeout: 1000,
  }
  return new BrokerObject({ connectionPool: new ConnectionPool(settings), logger: noLogger, versions })
}

before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
after(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

test('requests go out in order over one connection, and each gets its own answer', async () => {
  heard.length = 0
  const broker = brokerObject({ 99: { minVersion: 0, maxVersion: 3 } })
  await broker.connect()
  const answers = await Promise.all(['one', 'two', 'three'].map((text) => send(broker, echo, text)))
  assert.deepEqual(
    answers.map(({ text }) => text),
    ['one', 'two', 'three'],
  )
  assert.deepEqual(
    heard,
    ['one', 'two', 'three'].map((text) => [99, 2, 'us', text]),
  )
  await broker.disconnect()
})

test('a lost connection, and an answer that ends too early, reject', async () => {
  const broker = brokerObject({ 99: { minVersion: 0, maxVersion: 3 } })
  await broker.connect()
  await assert.rejects(send(broker, echo, 'short'), RangeError)
  const before = heard.length
  const [lost, behind] = await Promise.allSettled(['close', 'behind'].map((text) => send(broker, echo, text)))
  assert.deepEqual([lost?.status, behind?.status], ['rejected', 'rejected'])
  assert.equal(heard.slice(before).filter((entry) => String(entry).endsWith('close')).length, 1, 'it is sent once')
  await broker.disconnect()
})

test('a broker that does not speak the version is refused, before anything is sent', async () => {
  for (const versions of [{}, { 99: { minVersion: 3, maxVersion: 9 } }, { 99: { minVersion: 0, maxVersion: 1 } }]) {
    const broker = brokerObject(versions)
    await assert.rejects(send(broker, echo, 'x'), { code: 'refused', message: /Echo/ })
  }
})

test('a kafkajs with other broker objects is refused', async () => {
  for (const broker of [{}, { connectionPool: {}, versions: {} }, { connectionPool: { send() {} } }]) {
    await assert.rejects(send(broker as unknown as Broker, echo, 'x'), { code: 'refused', message: /kafkajs/ })
  }
})
