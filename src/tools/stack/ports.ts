/** TCP ports of the loopback interface: is one free, who holds it, which one to take. */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give to outgoing connections (Linux: 32768 and up). Such a port might be taken when a server
 * comes back after a moment; or a client that calls it meanwhile would be connected to itself.
 */
const [lowest, highest] = [10_000, 32_000]

/** The first of `count` ports in a row that were free a moment ago. */
export async function freePort(count = 1): Promise<number> {
  for (;;) {
    const first = randomInt(lowest, highest - count)
    if (await areFree(first, count)) return first
  }
}

async function areFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) if (!(await isFree(port))) return false
  return true
}

export async function isFree(port: number): Promise<boolean> {
  try {
    await listenOnce(port)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
}

/** The program that listens on the port, such as `java (pid 12)`; undefined if lsof is missing or may not see it. */
export function portHolder(port: number): string | undefined {
  const { stdout } = spawnSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { encoding: 'utf8' })
  const [, pid, command] = /^p(\d+)\nc(.+)$/m.exec(stdout ?? '') ?? []
  return pid === undefined ? undefined : `${command} (pid ${pid})`
}

async function listenOnce(port: number): Promise<void> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
