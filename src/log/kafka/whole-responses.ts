/**
 * Reads each response of a broker straight into a buffer that fits it. A stock connection gets it in chunks of 64 KiB and then
 * joins them: every fetched byte is copied twice, and the garbage collector has twice the memory to look after. Only for
 * connections without TLS; kafkajs makes the others, since decrypted bytes come in chunks anyway.
 */
import { connect, type Socket } from 'node:net'
import type { Broker, ISocketFactory } from 'kafkajs'

const firstBytes = 64 * 1024
/** A read into less room would hardly be worth its call. */
const leastRead = 4 * 1024
/** Several times what a fetch asks for. If the other end is no broker, its first bytes read as a far larger length. */
const maxResponseBytes = 256 * 1024 * 1024
const lengthBytes = 4

/**
 * Memory that a socket reads into: first `room`, then `took`. What it has given away is never written again.
 */
export class ResponseBuffer {
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  /** Where the response that is not complete yet begins. */
  #start = 0
  #end = 0

  /** Where the next bytes go; never empty. */
  room(): Buffer {
    return this.#bytes.subarray(this.#end)
  }

  /**
   * Takes the first `count` bytes of `room` as read.
   * @param give gets each response that is complete now, with its length in front
   * @throws Error where the length can't come from a broker
   */
  took(count: number, give: (response: Buffer) => void): void {
    this.#end += count
    while (this.#end - this.#start >= lengthBytes) {
      const length = this.#bytes.readInt32BE(this.#start)
      if (length < 0 || length > maxResponseBytes) throw new Error('the other end speaks no Kafka, or wants TLS')
      const end = this.#start + lengthBytes + length
      if (end > this.#end) {
        if (end > this.#bytes.length) this.#moveOn(lengthBytes + length)
        return
      }
      const response = this.#bytes.subarray(this.#start, end)
      this.#start = end
      give(response)
    }
    if (this.#bytes.length - this.#end < leastRead) this.#moveOn(firstBytes)
  }

  #moveOn(size: number): void {
    const next = Buffer.allocUnsafeSlow(Math.max(size, firstBytes))
    this.#bytes.copy(next, 0, this.#start, this.#end)
    this.#bytes = next
    this.#end -= this.#start
    this.#start = 0
  }
}

const keepAliveMs = 60_000
/** Sockets whose `data` event always has one whole response. */
const wholeSockets = new WeakSet<Socket>()

/** The socket factory for kafkajs's connections to brokers. */
export const connectForWhole: ISocketFactory = ({ host, port, onConnect }) => {
  const buffer = new ResponseBuffer()
  const give = (response: Buffer) => void socket.emit('data', response)
  const socket: Socket = connect(
    {
      host,
      port,
      onread: {
        buffer: () => buffer.room(),
        callback: (count) => {
          try {
            buffer.took(count, give)
          } catch (error) {
            socket.destroy(error as Error)
          }
          return true
        },
      },
    },
    onConnect,
  )
  socket.setKeepAlive(true, keepAliveMs)
  wholeSockets.add(socket)
  return socket
}

/** What we use of kafkajs's connections. */
interface Connection {
  readonly socket: Socket
  readonly authHandlers: unknown
  readonly requestQueue: { fulfillRequest(response: unknown): void }
  processData(bytes: Buffer): void
}

const taught = new WeakSet<Connection>()

/**
 * Makes a broker's connections pass on a whole response as it is. Otherwise they copy it once more: after every response they
 * keep an empty chunk, and join the next one to it.
 */
export function handWhole(broker: Broker): void {
  const { connectionPool } = broker as { connectionPool?: { pool?: readonly Partial<Connection>[] } }
  for (const one of connectionPool?.pool ?? []) {
    if (one.requestQueue === undefined || one.processData === undefined) continue
    const connection = one as Connection
    if (taught.has(connection)) continue
    taught.add(connection)
    const stock = connection.processData.bind(connection)
    connection.processData = (bytes) => {
      if (connection.authHandlers || !wholeSockets.has(connection.socket)) stock(bytes)
      else {
        connection.requestQueue.fulfillRequest({
          size: bytes.length - lengthBytes,
          correlationId: bytes.readInt32BE(lengthBytes),
          payload: bytes.subarray(2 * lengthBytes),
        })
      }
    }
  }
}
