import { readFileSync } from 'node:fs'
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { StoreError, type StoreErrorCode, timedOut } from '../store-error.ts'
import { accessTo } from './local-access.ts'

export type { ClickHouseClient }

export interface ClickHouseOptions {
  readonly url: string
  readonly database: string
  readonly username: string
  readonly password: string
  /** A PEM file with the authority to trust; by default the system's. */
  readonly tls?: { readonly ca_file: string } | undefined
  /** How long an answer may take; ms, 30 s if not given. */
  readonly requestMs?: number
}

/**
 * A client whose inserts are stored once acknowledged, and change no value. The server's time limit is below the client's, so a
 * query that the client gave up does not keep running. Without a login in the options, a local stack's password is used.
 */
export function connectClickHouse(options: ClickHouseOptions): ClickHouseClient {
  const isNamed = options.username !== 'default' || options.password !== ''
  const { url, username, password } = (isNamed ? undefined : accessTo(options.url)) ?? options
  return createClient({
    url,
    database: options.database,
    username,
    password,
    ...(options.tls ? { tls: { ca_cert: readFileSync(options.tls.ca_file) } } : {}),
    application: 'beckon',
    request_timeout: options.requestMs ?? 30_000,
    max_open_connections: 4,
    // Below every server's own limit: the lowest default has been 3 s.
    keep_alive: { enabled: true, idle_socket_ttl: 2500, eagerly_destroy_stale_sockets: true },
    // Its messages carry row data.
    log: { level: ClickHouseLogLevel.OFF },
    // A thousand customer ids do not fit into a URL.
    use_multipart_params_auto: true,
    clickhouse_settings: {
      async_insert: 0,
      wait_for_async_insert: 1,
      // Replacing rows within one insert costs the server more than the rest of the insert; FINAL and merges do it anyway.
      optimize_on_insert: 0,
      input_format_skip_unknown_fields: 0,
      input_format_null_as_default: 0,
      // With the default of 100, the replay of a long history would be refused for ever: tables are partitioned by month.
      max_partitions_per_insert_block: '0',
      // JSON numbers are exact only up to 2^53.
      output_format_json_quote_64bit_integers: 1,
      max_execution_time: 25,
      // Then an error comes in the status of the response, never in the middle of its rows.
      wait_end_of_query: 1,
    },
  })
}

/** Errors that go away by themselves: time, memory, disk, parts, quotas, replicas, Keeper, a server that shuts down. */
const overloaded = new Set([
  95, 159, 160, 201, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 286, 289, 319, 364, 394, 425, 439, 574,
  700, 745, 999,
])

/** Errors caused by the rows: unreadable, too long, or against a constraint. */
const data = new Set([6, 26, 27, 32, 33, 38, 41, 69, 70, 72, 117, 128, 131, 190, 321, 349, 407, 441, 467, 469, 691])

/** Turns whatever a call of the client threw into a StoreError. Drops the cause, since its message may hold row data. */
export function toStoreError(error: unknown, queryId: string): StoreError {
  if (error instanceof ClickHouseError) {
    const serverCode = Number(error.code)
    const code: StoreErrorCode = overloaded.has(serverCode) ? 'overloaded' : data.has(serverCode) ? 'data' : 'refused'
    return new StoreError(code, serverCode, error.type ?? '', queryId)
  }
  return new StoreError('unavailable', 0, silence(error), queryId)
}

function silence(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  if ('code' in error) return String(error.code)
  // The client's own message; it has no code.
  return error.message === 'Timeout error.' ? timedOut : 'no answer'
}
