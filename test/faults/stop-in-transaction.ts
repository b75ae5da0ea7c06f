import { writeSync } from 'node:fs'
import { Socket } from 'node:net'

/**
 * Loaded into a worker before its program (`node --import`): after SIGUSR2 the process stops itself, as by SIGSTOP, in the
 * midst of its next transaction, just before it sends the request of the API key `STOP_BEFORE`. It says so on stdout first,
 * and once more when it goes on.
 */

const stopBefore = Number(process.env['STOP_BEFORE'])
let armed = false
process.on('SIGUSR2', () => {
  armed = true
})

// A request begins with its length and its API key; to other servers go texts, whose bytes are no such key.
const apiKeyAt = 4
const write = Socket.prototype.write as (...args: unknown[]) => boolean
Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
  const [bytes] = args
  if (armed && Buffer.isBuffer(bytes) && bytes.length > 6 && bytes.readInt16BE(apiKeyAt) === stopBefore) {
    armed = false
    writeSync(1, '{"event":"frozen"}\n')
    process.kill(process.pid, 'SIGSTOP')
    writeSync(1, '{"event":"thawed"}\n')
  }
  return write.apply(this, args)
} as typeof Socket.prototype.write
