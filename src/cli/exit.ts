import { ConfigError } from '../config/fault.ts'
import { RegistryError } from '../ingest/registry/registry.ts'
import { LogError } from '../log/log.ts'
import { ClockError } from '../ops/clock-watch.ts'
import { MigrationError } from '../store/clickhouse/migrate.ts'
import { StoreError } from '../store/store-error.ts'

/** How a command ends: 0 done, 1 failed, 2 wrong usage or config, 70 a bug. */
export const exitCode = { done: 0, failed: 1, usage: 2, bug: 70 } as const

/** A command could not do what it was asked; the message says why. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(message: string, code: number = exitCode.failed) {
    super(message)
    this.exitCode = code
  }
}

/** An error as people should read it: never just a stack, and with the remedy if we know one. */
export function explainError(error: unknown): { readonly message: string; readonly code: number } {
  if (error instanceof ConfigError) {
    const n = error.faults.length
    return {
      message: `${error.message}\n${n} ${n === 1 ? 'fault' : 'faults'}`,
      code: exitCode.usage,
    }
  }
  if (error instanceof CommandError) return { message: error.message, code: error.exitCode }
  if (error instanceof MigrationError) return { message: error.message, code: exitCode.failed }
  if (error instanceof LogError)
    return { message: `Kafka: ${error.message}${hints[error.code] ?? ''}`, code: exitCode.failed }
  if (error instanceof StoreError) {
    return { message: `${error.message}${storeHint(error)}`, code: exitCode.failed }
  }
  if (error instanceof RegistryError) {
    const mend = error.code === 'refused' ? 'registry.username and registry.password' : 'the section registry'
    return { message: `Schema Registry: ${error.message}; check ${mend}`, code: exitCode.failed }
  }
  if (error instanceof ClockError) return { message: error.message, code: exitCode.failed }
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return { message: `${error.message}; set ops.port to another one`, code: exitCode.failed }
  }
  const stack = error instanceof Error ? error.stack : String(error)
  return { message: `a bug in beckon, please report it: ${stack}`, code: exitCode.bug }
}

function storeHint({ badLogin, code }: StoreError): string {
  if (badLogin) return '; check clickhouse.username and clickhouse.password'
  return storeHints[code] ?? ''
}

const storeHints: Readonly<Record<string, string>> = {
  refused: '; have the tables been made (beckon migrate)?',
  unavailable: '; is clickhouse.url right, and is ClickHouse up (beckon doctor)?',
}

const hints: Readonly<Record<string, string>> = {
  unknown_topic: '; create it, or correct its name (beckon doctor checks all of them)',
  unavailable: '; is kafka.brokers right, and are the brokers up (beckon doctor)?',
  refused: '; check kafka.sasl, kafka.tls and the rights of this user',
}
