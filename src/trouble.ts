import type { Config } from './config/schema.ts'
import { RegistryError } from './ingest/registry/registry.ts'
import { LogError } from './log/log.ts'
import type { Dependency, Trouble } from './ops/outages.ts'
import { StoreError, timedOut } from './store/store-error.ts'

/** Which dependency is down or misbehaves, judged by what a call to it threw; undefined where none is to blame. */
export function troubleOf(error: unknown): Trouble | undefined {
  if (error instanceof StoreError) {
    if (error.code === 'data') return undefined
    const hint = error.badLogin ? 'check clickhouse.username and clickhouse.password' : storeHints[error.code]
    const { code, serverCode } = error
    if (error.type === timedOut) return { dependency: 'clickhouse', cause: timedOut, hint: timeoutHint }
    if (serverCode === 0) return { dependency: 'clickhouse', cause: code, hint }
    return { dependency: 'clickhouse', cause: `${code} ${serverCode}`, code: serverCode, hint }
  }
  if (error instanceof RegistryError) {
    const hint = registryHints[error.code]
    return hint === undefined ? undefined : { dependency: 'registry', cause: error.code, hint }
  }
  // Other errors of a broker have log lines of their own.
  if (error instanceof LogError && (error.code === 'unavailable' || error.code === 'unknown_outcome')) {
    return { dependency: 'kafka', cause: 'unavailable', hint: 'are the brokers up? docs/runbook.md' }
  }
  return undefined
}

const storeHints = {
  unavailable: 'is ClickHouse up, and its address right? It is asked again until it answers',
  overloaded: 'ClickHouse asks for patience; its code says why (docs/runbook.md)',
  refused: 'somebody must mend it: a table or a right is missing; its code says which (beckon doctor)',
}

const timeoutHint =
  'it took the connection and gave no answer in time: it is slow, or what is asked for is too much (docs/runbook.md#large-profile)'

const registryHints: Partial<Record<RegistryError['code'], string>> = {
  unavailable: 'is the registry up, and its address right? It is asked again until it answers',
  not_a_registry: 'something else answers at registry.url',
  refused: 'check registry.username and registry.password',
}

/** Addresses of the dependencies, without credentials. */
export function addressesOf({ clickhouse, kafka, registry }: Config): Readonly<Record<Dependency, string>> {
  const host = (url: string | undefined) => (url === undefined ? '' : new URL(url).host)
  return { clickhouse: host(clickhouse.url), kafka: kafka.brokers.join(','), registry: host(registry?.url) }
}
