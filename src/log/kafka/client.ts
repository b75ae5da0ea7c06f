/** Sets up kafkajs: connections, time-outs, and which of its log lines get through. */
import { constants } from 'node:os'
import type { ConnectionOptions } from 'node:tls'
import kafkajs, { type Kafka, type LogEntry, type SASLOptions } from 'kafkajs'
import './quiet-queue.ts'
import { connectForWhole } from './whole-responses.ts'

const { Kafka: KafkaClient, logLevel } = kafkajs

export interface KafkaOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly ssl?: ConnectionOptions | boolean
  readonly sasl?: SASLOptions
  /** The most that one fetch brings from one partition, so also the largest batch; default 4 MiB. */
  readonly maxBytesPerPartition?: number
  /** The most that one fetch brings in all; default 24 MiB. The adapter takes several times that in memory. */
  readonly maxBytes?: number
  /** With `stock`, kafkajs reads the records, which is slow; the default is `lean` (lean-fetch.ts). */
  readonly records?: 'lean' | 'stock'
  readonly onLog?: LogHook
}

/** `event` is one of a few fixed texts; the fields hold names and codes only, never a record's data. */
type LogHook = (level: 'error' | 'warn', event: string, fields: Readonly<Record<string, string | number>>) => void

interface Retry {
  readonly initialRetryTime: number
  readonly maxRetryTime: number
  readonly retries: number
}

/** A client object. @param retry for its connections and metadata */
export function createClient(options: KafkaOptions, retry: Retry): Kafka {
  return new KafkaClient({
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.ssl ? { ssl: options.ssl } : { socketFactory: connectForWhole }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    connectionTimeout: 3000,
    requestTimeout: 15_000,
    retry,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => report(options.onLog, entry),
  })
}

const knownEvents: ReadonlyMap<string, string> = new Map([
  ['The group is rebalancing, re-joining', 'group rebalancing'],
  ['The coordinator is not aware of this member, re-joining the group', 'member unknown to the group'],
  ['Offset out of range, resetting to default offset', 'offset out of range'],
  ['Connection timeout', 'connection timeout'],
])
const socketCodes: ReadonlySet<string> = new Set([...Object.keys(constants.errno), 'ENOTFOUND', 'EAI_AGAIN'])
const knownFields = ['topic', 'partition', 'code', 'type', 'broker']
/** Works by allow-list: kafkajs puts error texts into its messages, and with them records' keys. */
function report(onLog: LogHook | undefined, { level, namespace, log }: LogEntry): void {
  // An error in a broker's response is thrown to the caller, which logs it if it matters.
  if (onLog === undefined || log.message.startsWith('Response ')) return
  const fields: Record<string, string | number> = {}
  for (const name of knownFields) {
    const value: unknown = log[name]
    if (typeof value === 'string' || typeof value === 'number') fields[name] = value
  }
  const socketCode = log.message.split(' ').find((word) => socketCodes.has(word))
  if (socketCode !== undefined) fields['code'] ??= socketCode
  onLog(
    level === logLevel.ERROR ? 'error' : 'warn',
    knownEvents.get(log.message) ?? `kafkajs ${namespace ?? 'error'}`,
    fields,
  )
}
