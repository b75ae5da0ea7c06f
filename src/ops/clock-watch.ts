import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** A larger difference is logged. */
const tellMs = 5_000
/** With a larger difference the process must end: brokers refuse records an hour ahead, and all that it stores is misdated. */
const refuseMs = 300_000

/** This machine's clock is too far from the brokers'. */
export class ClockError extends Error {
  override readonly name = 'ClockError'
}

/** Compares this machine's clock with the brokers': decisions use theirs, logs and stored times use ours. */
export class ClockWatch {
  readonly #metrics: Metrics
  readonly #logger: Logger
  #wasKnown = false
  #isTold = false

  constructor(metrics: Metrics, logger: Logger) {
    this.#metrics = metrics
    this.#logger = logger
  }

  /**
   * To be called a few times a second.
   * @param brokersMs undefined where the brokers must be asked again, since this machine's clocks have drifted apart
   * @throws ClockError where the clock is so wrong that the process must end
   */
  look(ownMs: number, brokersMs: number | undefined): void {
    const { clockSkew, clockJumps } = this.#metrics
    if (brokersMs === undefined) {
      if (this.#wasKnown) {
        clockJumps.inc()
        this.#logger.warn('clock.jumped', {
          hint: "this machine's clock was set, or it was suspended: the brokers are asked",
        })
      }
      this.#wasKnown = false
      return
    }
    this.#wasKnown = true
    const skewMs = ownMs - brokersMs
    clockSkew.set(skewMs / 1000)
    const isWrong = Math.abs(skewMs) > tellMs
    if (isWrong && !this.#isTold) {
      this.#logger.warn('clock.wrong', {
        ms: skewMs,
        hint: "this machine's clock differs from the brokers': set it by NTP",
      })
    }
    this.#isTold = isWrong
    if (Math.abs(skewMs) <= refuseMs) return
    const by = `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'}`
    throw new ClockError(`this machine's clock is ${by} the brokers': set one of them right, then start again`)
  }
}
