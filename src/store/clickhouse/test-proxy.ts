import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy in front of the test server, to simulate a server that is down and answers that are lost. */
export interface TestProxy {
  readonly url: string
  /** Cuts every connection and refuses new ones. */
  away(): Promise<void>
  back(): Promise<void>
  /** While set, the server still gets each request, but the client gets a reset instead of the answer. */
  loseAnswers(lost: boolean): void
  close(): Promise<void>
}

export async function startTestProxy(target: URL): Promise<TestProxy> {
  const sockets = new Set<Socket>()
  let lost = false
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      // Resets are what this proxy is for.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (answer) => (lost ? client.resetAndDestroy() : client.write(answer)))
  })
  await listen(server, 0)
  const { port } = server.address() as { port: number }

  async function away(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  return {
    url: `http://127.0.0.1:${port}`,
    away,
    back: () => listen(server, port),
    loseAnswers(value) {
      lost = value
    },
    close: away,
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
}
