import { readFileSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import { connectRegistry, type Registry } from '../ingest/registry/registry.ts'
import { openKafkaLog } from '../log/kafka/kafka-log.ts'
import type { Log } from '../log/log.ts'
import type { Logger } from '../ops/logger.ts'
import type { ClickHouseClient } from '../store/clickhouse/client.ts'
import { connectClickHouse } from '../store/clickhouse/client.ts'
import { kafkaOptions } from './kafka-options.ts'

/** Connects to the servers in the configuration. Secrets do not leave this file. */

/** How long a query that reads or changes a large table may be silent; ms. */
export const largeTableMs = 6 * 3_600_000

/** @param requestMs how long an answer may take, if not the usual time */
export function connectStore({ clickhouse }: Config, requestMs?: number): ClickHouseClient {
  const waits = requestMs === undefined ? {} : { requestMs }
  return connectClickHouse({ ...clickhouse, ...waits })
}

/** A line that repeats one from the last minute is logged at level debug. */
const quietMs = 60_000

/** @throws LogError `unavailable` or `refused` */
export function connectLog(config: Config, logger: Logger): Promise<Log> {
  const saidMs = new Map<string, number>()
  const isRepeated = (line: string) => {
    const nowMs = performance.now()
    const beforeMs = saidMs.get(line) ?? Number.NEGATIVE_INFINITY
    saidMs.set(line, nowMs)
    return nowMs - beforeMs < quietMs
  }
  return openKafkaLog({
    ...kafkaOptions(config),
    onLog: (level, event, { topic, partition, code, type, broker }) =>
      logger[isRepeated([event, topic, partition, broker].join(' ')) ? 'debug' : level](
        `kafka.${event.replaceAll(' ', '_')}`,
        {
          ...(broker === undefined ? {} : { address: String(broker) }),
          ...(topic === undefined ? {} : { topic: String(topic) }),
          ...(partition === undefined ? {} : { partition: Number(partition) }),
          ...(code === undefined ? {} : { code }),
          ...(type === undefined ? {} : { type: String(type) }),
        },
      ),
  })
}

export function connectRegistryOf({ registry }: Config): Registry | undefined {
  if (registry === undefined) return undefined
  const { url, username, password, tls } = registry
  return connectRegistry({ url, username, password, ca: tls && readFileSync(tls.ca_file, 'utf8') })
}
