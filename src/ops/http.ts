import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

/** What a probe says: whether all is well, and the state of each part for people. */
export interface Probe {
  readonly ok: boolean
  readonly detail: Readonly<Record<string, unknown>>
}

export interface OpsServer {
  readonly port: number
  stop(): Promise<void>
}

/**
 * `/metrics` for Prometheus, `/healthz` (restart it when this fails: the process makes no progress) and `/readyz` (its
 * partitions are open). Read only, no bodies are read; listens on loopback unless configured otherwise.
 * @throws the listen error, for instance EADDRINUSE
 */
export async function startOpsServer(
  { host, port }: { host: string; port: number },
  registry: Registry,
  health: () => Probe,
  ready: () => Probe,
): Promise<OpsServer> {
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
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
  server.maxConnections = 64
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
