import type { LogFields, Logger } from './logger.ts'

export type Dependency = 'clickhouse' | 'kafka' | 'registry'

/** What an error says about a dependency. */
export interface Trouble {
  readonly dependency: Dependency
  /** Another cause (no answer, a refusal) is another trouble. */
  readonly cause: string
  /** The dependency's own code, if it gave one. */
  readonly code?: string | number
  readonly hint: string
}

interface Outage {
  readonly sinceMs: number
  readonly causes: Set<string>
  /** Runs from the first answer on. */
  settling?: NodeJS.Timeout | undefined
}

/**
 * A logger that logs each outage of a dependency once when it begins, with address and cause, and once when it is over, with its
 * length in ms. Warnings about it in between are logged at debug level; a new cause is logged again. The outage is over when a
 * call was answered and none has failed for a while since: some calls may succeed while others fail.
 */
export class Outages implements Logger {
  readonly #logger: Logger
  readonly #addresses: Readonly<Record<Dependency, string>>
  readonly #troubleOf: (error: unknown) => Trouble | undefined
  readonly #settleMs: number
  readonly #open = new Map<Dependency, Outage>()

  /**
   * @param addresses without credentials
   * @param settleMs how long no call may fail before the outage is over; longer than any pause between two tries
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

  /** To be called when the dependency has answered any call. */
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

  /** The dependency that the error came from has answered after all. */
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
