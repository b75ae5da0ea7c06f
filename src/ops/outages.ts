import type { LogFields, Logger } from './logger.ts'

export type Dependency = 'clickhouse' | 'kafka' | 'registry'

/** What an error says of a dependency. */
export interface Trouble {
  readonly dependency: Dependency
  /** Not the same trouble where this differs: silence, a refusal. */
  readonly cause: string
  /** What the dependency itself said, where it did. */
  readonly code?: string | number
  readonly hint: string
}

interface Outage {
  readonly sinceMs: number
  readonly causes: Set<string>
  /** Runs since somebody was answered. */
  settling?: NodeJS.Timeout | undefined
}

/**
 * A logger that tells of each outage when it begins, with address and cause, and when it is over, with its length in ms: the
 * warnings of all that meet with it in between are for debugging. A cause that is another one than before is told too. It is over
 * when somebody was answered and nobody has met with it since for a while: some may be answered while others are not.
 */
export class Outages implements Logger {
  readonly #logger: Logger
  readonly #addresses: Readonly<Record<Dependency, string>>
  readonly #troubleOf: (error: unknown) => Trouble | undefined
  readonly #settleMs: number
  readonly #open = new Map<Dependency, Outage>()

  /**
   * @param addresses without credentials
   * @param settleMs longer than any pause between two tries
   */
  constructor(
    logger: Logger,
    addresses: Readonly<Record<Dependency, string>>,
    troubleOf: (error: unknown) => Trouble | undefined,
    settleMs = 10_000,
  ) {
    this.#logger = logger
    this.#addresses = addresses
    this.#troubleOf = troubleOf
    this.#settleMs = settleMs
  }

  debug(event: string, fields?: LogFields): void {
    this.#logger.debug(event, fields)
  }

  info(event: string, fields?: LogFields): void {
    this.#logger.info(event, fields)
  }

  warn(event: string, fields?: LogFields): void {
    this.#logger[this.#met(fields?.error) ? 'debug' : 'warn'](event, fields)
  }

  error(event: string, fields?: LogFields): void {
    this.#met(fields?.error)
    this.#logger.error(event, fields)
  }

  /** It answered, to whomever. */
  answered(dependency: Dependency): void {
    const outage = this.#open.get(dependency)
    if (outage === undefined || outage.settling !== undefined) return
    const ms = Math.round(performance.now() - outage.sinceMs)
    const settle = () => {
      this.#open.delete(dependency)
      this.#logger.info(`${dependency}.back`, { address: this.#addresses[dependency], ms })
    }
    outage.settling = setTimeout(settle, this.#settleMs).unref()
  }

  /** What the error was met with answered after all. */
  recovered(error: unknown): void {
    const trouble = this.#troubleOf(error)
    if (trouble !== undefined) this.answered(trouble.dependency)
  }

  #met(error: unknown): boolean {
    const trouble = error === undefined ? undefined : this.#troubleOf(error)
    if (trouble === undefined) return false
    const { dependency, cause, code, hint } = trouble
    const outage: Outage = this.#open.get(dependency) ?? { sinceMs: performance.now(), causes: new Set() }
    this.#open.set(dependency, outage)
    clearTimeout(outage.settling)
    outage.settling = undefined
    if (outage.causes.has(cause)) return true
    outage.causes.add(cause)
    const fields = { address: this.#addresses[dependency], ...(code === undefined ? {} : { code }), hint, error }
    this.#logger.warn(`${dependency}.away`, fields)
    return true
  }
}
