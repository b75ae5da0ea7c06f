import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { connectForWhole, ResponseBuffer } from './whole-responses.ts'

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

test('responses come out whole and in order, wherever the stream is cut, and are not overwritten', () => {
  const bodies = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      // Larger than the buffer at the start.
      fc.integer({ min: 60_000, max: 140_000 }).map((length) => new Uint8Array(length).fill(length)),
    ),
    { maxLength: 6 },
  )
  const cuts = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(bodies, cuts, (sent, sizes) => {
      const stream = Buffer.concat(sent.map(framed))
      const buffer = new ResponseBuffer()
      const received: Buffer[] = []
      for (let at = 0, k = 0; at < stream.length; k++) {
        const room = buffer.room()
        assert(room.length > 0)
        const count = stream.copy(room, 0, at, at + sizes[k % sizes.length]!)
        at += count
        buffer.took(count, (response) => received.push(response))
      }
      assert.equal(received.length, sent.length)
      for (const [i, response] of received.entries()) assert(response.equals(framed(sent[i]!)))
    }),
    { numRuns: 30 },
  )
})

test('a length that can’t come from a broker is refused before memory is allocated for it', () => {
  for (const bytes of ['HTTP/1.1 400', '\x15\x03\x03\x00\x02\x02', '\xff\xff\xff\xff']) {
    const buffer = new ResponseBuffer()
    const count = buffer.room().write(bytes, 'latin1')
    assert.throws(() => buffer.took(count, () => assert.fail('there is no response')), /speaks no Kafka/)
  }
})

test('a connection emits responses and errors as events, like any socket', async () => {
  const response = framed(Buffer.alloc(200_000, 7))
  const server = createServer((peer) => {
    peer.on('error', () => undefined)
    peer.write(response)
    peer.once('data', () => peer.write('HTTP/1.1 400 Bad Request'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let connected = 0
  const socket = connectForWhole({ host: '127.0.0.1', port, ssl: {}, onConnect: () => connected++ })
  try {
    const [data] = (await once(socket, 'data')) as [Buffer]
    assert.equal(connected, 1)
    assert(response.equals(data))
    socket.write('?')
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /speaks no Kafka/)
  } finally {
    socket.destroy()
    server.close()
  }
})
