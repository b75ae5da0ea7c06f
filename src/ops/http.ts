import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Registry } from 'prom-client'

/** The answer to a probe: whether all is well, and details for people. */
export interface Probe {
  readonly ok: boolean
  readonly detail: Readonly<Record<string, unknown>>
}

export interface OpsServer {
  readonly port: number
  stop(): Promise<void>
}

const maxConnections = 64

/**
 * `/metrics` for Prometheus, `/healthz` (if it fails, restart: the process makes no progress) and `/readyz` (its partitions are
 * open). Read only; reads no bodies; listens on loopback unless configured otherwise. Idle connections can't lock others out:
 * when there are too many, the oldest idle one is closed.
 * @throws the listen error, for instance EADDRINUSE
 */
export async function startOpsServer(
  { host, port }: { host: string; port: number },
  registry: Registry,
  health: () => Probe,
  ready: () => Probe,
): Promise<OpsServer> {
  const limits = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }
  /** In the order in which they came. */
  const open = new Set<Socket>()
  const answering = new Set<Socket>()
  const server = createServer(limits, (request, response) => {
    const { socket } = request
    answering.add(socket)
    response.once('close', () => answering.delete(socket))
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('cache-control', 'no-store')
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? '' : body)
    }
    const probe = ({ ok, detail }: Probe) =>
      answer(ok ? 200 : 503, 'application/json', `${JSON.stringify({ ok, ...detail })}\n`)
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'text/plain', 'GET only\n')
    switch (request.url?.split('?', 1)[0]) {
      case '/metrics':
        registry.metrics().then(
          (text) => answer(200, registry.contentType, text),
          () => answer(500, 'text/plain', 'the metrics could not be collected\n'),
        )
        return
      case '/healthz':
        return probe(health())
      case '/readyz':
        return probe(ready())
      default:
        return answer(404, 'text/plain', 'there is /metrics, /healthz and /readyz\n')
    }
  })
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (open.size <= maxConnections) return
    const silent = [...open].find((each) => !answering.has(each)) ?? socket
    open.delete(silent)
    silent.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
