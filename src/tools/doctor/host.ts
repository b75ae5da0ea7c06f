/** Checks of this machine and of the configuration. */
import { createServer } from 'node:net'
import { openGeoDatabase } from '../../enrich/mmdb/geo-database.ts'
import { fail, ok, skip, type Verdict, warn } from './check.ts'
import type { World } from './world.ts'

const oldestNode = [20, 19]

export function checkNode(version = process.versions.node, mode = process.env['NODE_ENV']): Verdict {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < oldestNode[0]! || (major === oldestNode[0]! && minor < oldestNode[1]!)) {
    return fail(`Node ${version}`, `install Node ${oldestNode.join('.')} or later`)
  }
  if (mode === 'test') return warn('NODE_ENV is test', 'unset NODE_ENV: the Kafka client gives up early in test mode')
  return ok(`Node ${version}`)
}

export function checkConfig({ config }: World): Verdict {
  return ok(`${config.topics.length} input topics, group ${config.kafka.group}`)
}

export function checkDeclarations(world: World): Verdict {
  const { features, policy } = world.engine()
  return ok(`${features.features.length} features, ${policy.names.length} actions, policy ${policy.version}`)
}

export function checkGeo({ config }: World): Verdict {
  const path = config.enrich.geo_database
  if (path === undefined) return skip('no geo database is configured')
  try {
    const { type, builtAtMs } = openGeoDatabase(path)
    return ok(`${type} of ${new Date(builtAtMs).toISOString().slice(0, 10)}`)
  } catch (error) {
    return fail((error as Error).message, 'set enrich.geo_database to a sound .mmdb file that this user may read')
  }
}

/** What `/readyz` answers; see `ops/http.ts` and `service.ts`. */
interface Readiness {
  readonly ok: boolean
  readonly partitions?: readonly { partition: number; state: string; reason?: string; hint?: string }[]
}

/** Whether the port is free, or a beckon answers there; then also how that one is. */
export async function checkOps({ config }: World): Promise<Verdict> {
  const { host, port } = config.ops
  const taken = await whyNotListen(host, port)
  if (taken === undefined) return ok(`${host}:${port} is free`)
  if (taken !== 'EADDRINUSE') return fail(`can't listen on ${host}:${port}: ${taken}`, 'set ops.host and ops.port')
  const readiness = await askReadiness(host, port)
  if (readiness === undefined) return fail(`another program listens on ${host}:${port}`, 'set ops.port to another one')
  const failed = readiness.partitions?.filter(({ state }) => state === 'failed') ?? []
  const [first] = failed
  if (first === undefined) return ok(`a beckon runs on ${host}:${port}, ${readiness.ok ? 'ready' : 'not ready yet'}`)
  return fail(
    `a beckon runs on ${host}:${port}; ${failed.length} of its partitions have failed, such as ${first.partition}: ${first.reason}: ${first.hint}`,
    `see docs/runbook.md, Partition failed: ${first.reason}`,
  )
}

function whyNotListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })
}

async function askReadiness(host: string, port: number): Promise<Readiness | undefined> {
  try {
    const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    const response = await fetch(`http://${reachable}:${port}/readyz`, { signal: AbortSignal.timeout(3_000) })
    const answer = (await response.json()) as Partial<Readiness> | null
    return typeof answer?.ok === 'boolean' ? (answer as Readiness) : undefined
  } catch {
    // Whatever listens there is not a beckon.
    return undefined
  }
}
