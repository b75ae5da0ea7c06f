import { pino } from 'pino'
import { readableLine } from './readable.ts'

/**
 * The log: one JSON line per event, or a readable line at a terminal. Only an allow-list gets in: an event code, fields from a
 * closed set, and an error's name, code and type. Never an error's message (kafkajs's had the record's key, ClickHouse's the
 * row's bytes), and never a payload.
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** The call that had failed with this error got an answer after all; only for a logger that tracks outages. */
  recovered?(error: unknown): void
}

/** The only fields that a log line may have. */
export interface LogFields {
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly nextOffset?: number
  readonly position?: number
  readonly code?: string | number
  readonly type?: string
  readonly reason?: string
  readonly table?: string
  readonly action?: string
  readonly count?: number
  readonly ms?: number
  readonly bytes?: number
  readonly events?: number
  readonly actions?: number
  readonly deadLetters?: number
  readonly lag?: number
  readonly state?: string
  readonly version?: string
  readonly file?: string
  readonly address?: string
  /** What to do about it. */
  readonly hint?: string
  readonly error?: unknown
}

interface LineStream {
  write(line: string): void
}

function terminal(): LineStream | undefined {
  if (!process.stdout.isTTY) return undefined
  return { write: (line) => void process.stdout.write(readableLine(line)) }
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

/** @param stream gets the lines as JSON; by default stdout, with readable lines if that is a terminal */
export function createLogger(level: LogLevel, stream: LineStream | undefined = terminal()): Logger {
  const options = {
    level,
    base: { app: 'beckon', pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'event',
  }
  const logger = stream ? pino(options, stream) : pino(options)
  const line =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, fields: LogFields = {}) => {
      const { error, ...rest } = fields
      logger[method](error === undefined ? rest : { ...rest, error: describeError(error) }, event)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** What is safe to log about an error. Not its message, since messages repeat data; stack frames only name code. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const { name, code, type, stack, cause } = error as Error & { code?: unknown; type?: unknown }
  const frames = (stack ?? '').split('\n').filter((frame) => frame.startsWith('    at '))
  return {
    name,
    ...(code === undefined ? {} : { code }),
    ...(type === undefined ? {} : { type }),
    at: frames.slice(0, 4).map((frame) => frame.trim().replace(/\(.*[/\\]/, '(')),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  }
}
